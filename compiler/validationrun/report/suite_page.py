"""`report.html` of a suite: its verdict, the grid of its members and their rules, and a card for each member."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from validationrun.base.durations import format_duration
from validationrun.base.text import counted
from validationrun.contract.status_document import Status
from validationrun.report import files, formatting, markup
from validationrun.report.grid import Tone
from validationrun.report.reason_help import meaning
from validationrun.report.suite_view import MemberView, RuleCell, SuiteView
from validationrun.results.folder import RESULT_JSON

_MOST_NOTES: Final = 20
_MOST_OPEN: Final = 4
"""Cards of members that did not pass are open, unless there are more."""
_SIGNED: Final = frozenset({"passed", "failed", "error", "cancelled"})
_JUDGED: Final = {"run": "validationrun run --local", "argo": "Argo"}


@dataclass(frozen=True, slots=True)
class Card:
    """
    One member.

    Attributes:
        took: how long, and how its rules ended.
        rows: titles and texts.
        rules: None when nothing says which rules it has.
        report: its own page; empty when it has none beside this page.
        command: what makes its own page; empty when it needs none.
    """

    name: str
    tone: Tone
    word: str
    reason: str
    meaning: str
    message: str
    took: str
    rows: Sequence[tuple[str, str]]
    rules: Sequence[RuleCell] | None
    report: str
    command: str
    is_open: bool


def render(view: SuiteView) -> str:
    environment = markup.environment()
    script = markup.script(environment)
    status = view.status
    open_cards = len(view.troubled) <= _MOST_OPEN
    return environment.get_template("suite.html.j2").render(
        view=view,
        status=status,
        icon=view.tone if view.tone in _SIGNED else "cancelled",
        reason=formatting.clean(status.reason or "", 2 * formatting.NAME),
        message=formatting.clean(status.message),
        notes=[formatting.clean(note) for note in view.result.notes[:_MOST_NOTES]],
        overridden=[formatting.clean(str(each)) for each in status.overridden[:_MOST_NOTES]],
        facts=list(_facts(view)),
        cards=[_card(member, view, is_open=open_cards and member in view.troubled) for member in view.members],
        files=list(_files(view)),
        script=script.text,
        script_hash=script.digest,
    )


def _facts(view: SuiteView) -> Iterator[tuple[str, str, str]]:
    """The facts below the verdict: a title, a short value, and a remark."""
    tally = ", ".join(f"{count} {word}" for word, count in view.tally().items())
    passed = sum(member.passed for member in view.members)
    chosen = sum(member.is_chosen for member in view.members)
    part = f", {chosen} chosen" if chosen < len(view.members) else ""
    yield "runs", f"{passed} of {len(view.members)} passed{part}" if view.members else "none is known", tally
    cells = sum(len(member.rules or ()) for member in view.members)
    grid = ", ".join(f"{count} {state}" for state, count in view.grid.tally().items() if state != "missing")
    yield "rules", counted(cells, "rule"), grid
    if view.is_open:
        yield "took", "it still runs", f"since {_time(view.status.start_time)}"
    else:
        yield "took", format_duration(round(view.seconds)), f"from {_time(view.status.start_time)}"
    yield "judged by", _JUDGED[view.result.mode], ""


def _time(text: str | None) -> str:
    return formatting.clean(text or formatting.NONE, formatting.NAME)


def _card(member: MemberView, view: SuiteView, *, is_open: bool) -> Card:
    report = f"{member.result.folder}/{files.HTML}" if member.result.folder else ""
    command = ""
    if not report and member.said.workflow and member.result.status is not None:
        command = f"validationrun report {member.said.workflow} -n {view.status.namespace} -o html"
    return Card(
        member.name,
        member.tone,
        member.word,
        formatting.clean(member.reason, 2 * formatting.NAME),
        meaning(member.reason) if not member.passed else "",
        formatting.clean(member.message),
        ", ".join(part for part in (member.took if member.seconds is not None else "", _rules_told(member)) if part),
        [(title, formatting.clean(text, formatting.SENTENCE)) for title, text in _rows(member) if text],
        member.rules,
        report,
        command,
        is_open,
    )


def _rules_told(member: MemberView) -> str:
    return f"rules: {member.tally()}"


def _rows(member: MemberView) -> Iterator[tuple[str, str]]:
    said, status = member.said, member.result.status
    yield "own record", member.doubt
    yield "run", said.run
    yield "name", said.workflow
    yield "took", member.took if member.seconds is not None else ""
    yield "started", (said.started_at or "") if said.workflow else ""
    yield "parameters", ", ".join(f"{name}={value}" for name, value in member.result.parameters.items() if value)
    if status is not None:
        yield from _of_status(status)


def _of_status(status: Status) -> Iterator[tuple[str, str]]:
    yield "overridden", "; ".join(map(str, status.overridden))
    if status.chain is not None:
        yield "chain", status.chain.chain_id
        images = (f"{node.name} {node.image_id or node.image or ''}".strip() for node in status.chain.deployments)
        yield "images", ", ".join(images)
    if status.workload_exit_code is not None:
        yield "workload", f"exit code {status.workload_exit_code}"
    yield "results", status.report.s3_url or ""


def _files(view: SuiteView) -> Iterator[files.Link]:
    if view.in_folder:
        yield files.Link(files.HTML, "this page")
        yield files.Link(files.JUNIT, "for CI systems")
        yield files.Link(files.MARKDOWN, "for a pull request")
        yield files.Link(RESULT_JSON, "the suite's result, with the hash of each member's")
