"""The status document as JSON."""

import json

from validationrun.report.model import RunView


def render(view: RunView) -> str:
    """Characters that can't be seen are escaped: a terminal may obey them, or turn the line around."""
    whole = json.dumps(view.status.to_data(), ensure_ascii=False, allow_nan=False, indent=2)
    shown = "".join(one if one.isprintable() or one == "\n" else json.dumps(one)[1:-1] for one in whole)
    return f"{shown}\n"
