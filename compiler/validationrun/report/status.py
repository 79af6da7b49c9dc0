"""The status document as JSON."""

import json

from validationrun.report.model import RunView


def render(view: RunView) -> str:
    """Characters that can't be seen are escaped: a terminal may obey them, or turn the line around."""
    document = json.dumps(view.status.to_data(), ensure_ascii=False, allow_nan=False, indent=2)
    shown = "".join(char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in document)
    return f"{shown}\n"
