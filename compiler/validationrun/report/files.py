"""The files that every run leaves in its results folder."""

from dataclasses import dataclass
from typing import Final

from validationrun.report.model import RunView
from validationrun.results.evidence import RULES_DIR
from validationrun.results.folder import RESULT_JSON

HTML: Final = "report.html"
JUNIT: Final = "report.junit.xml"
MARKDOWN: Final = "report.md"
LOG: Final = "report.log"
TERMINATION: Final = "termination-message.json"


@dataclass(frozen=True, slots=True)
class Link:
    """A file, by its path in the results folder."""

    name: str
    about: str


def links(view: RunView) -> list[Link]:
    """Each file and its purpose; empty if the report is not in a results folder."""
    if not view.in_folder:
        return []
    return [
        Link(HTML, "the page for people"),
        Link(LOG, "what happened, in the order of time"),
        Link(JUNIT, "for CI systems"),
        Link(MARKDOWN, "for a pull request"),
        Link(RESULT_JSON, "the whole result, with the hash of every file; `validationrun replay` judges it again"),
        Link(TERMINATION, "the verdict in a few bytes"),
        *(
            Link(f"{RULES_DIR}/{rule.name}.{suffix}", about)
            for rule in view.rules
            for suffix, about in (("json", "its summary"), ("jsonl", "every decision, with what Prometheus answered"))
        ),
    ]
