"""The status document as JSON."""

import json

from validationrun.base.document import Document
from validationrun.report.model import RunView


def render(view: RunView) -> str:
    return shown_json(view.status)


def shown_json(document: Document) -> str:
    """Escape invisible characters, because a terminal may obey them or reverse the line."""
    text = json.dumps(document.to_data(), ensure_ascii=False, allow_nan=False, indent=2)
    shown = "".join(char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text)
    return f"{shown}\n"
