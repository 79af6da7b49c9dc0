"""`termination-message.json`: the verdict, short enough for Kubernetes' limit for a container's termination message."""

import json
from typing import Final

from validationrun.base.conventions import TERMINATION_MESSAGE_BYTES
from validationrun.oracle.outcome import Verdict
from validationrun.report import formatting
from validationrun.report.model import RunView

_MESSAGE: Final = 1024
_MOST: Final = 12
"""A run has at most eight deployments, and four parameters beside their images."""


def render(view: RunView) -> str:
    """One line of ASCII."""
    failed = [rule.name for rule in view.troubled if rule.state.verdict == Verdict.FAILED]
    document = {
        "phase": view.phase,
        "verdict": view.verdict,
        "reason": formatting.clean(view.reason, 2 * formatting.NAME),
        "message": formatting.clean(view.message, _MESSAGE),
        "failedRules": failed,
        "overridden": [formatting.clean(text, 2 * formatting.NAME) for text in view.about.overridden[:_MOST]],
    }
    line = json.dumps(document)
    if len(line) >= TERMINATION_MESSAGE_BYTES:
        # JSON escapes take six bytes per non-ASCII character, and 32 rule names can be long.
        overridden = [formatting.clean(text, _MESSAGE // 24) for text in view.about.overridden[:3]]
        message = formatting.clean(view.message, _MESSAGE // 8)
        line = json.dumps({**document, "message": message, "failedRules": failed[:8], "overridden": overridden})
    return line + "\n"
