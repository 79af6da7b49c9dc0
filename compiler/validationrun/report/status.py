"""The status document as JSON."""

import json

from validationrun.report.model import RunView


def render(view: RunView) -> str:
    """Escape invisible characters, because a terminal may obey them or reverse the line."""
    document = json.dumps(view.status.to_data(), ensure_ascii=False, allow_nan=False, indent=2)
    shown = "".join(char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in document)
    return f"{shown}\n"
