"""`${...}` in a rule's PromQL: findings for unknown placeholders, and sample values for the known ones."""

import difflib
from collections.abc import Iterator
from typing import Final

from validationrun.oracle.placeholders import LABEL_VALUES, WINDOW, Stray
from validationrun.spec.findings import Finding, Loc, Severity, format_path

FILLED: Final = {"chainId": "chain-0a1b2c3d", "namespace": "namespace-9c8b7a6d", "runId": "run-4e5f6"}
"""Sample values that replace the placeholders while a query is checked."""


def stray_findings(field: Loc, strays: list[Stray]) -> Iterator[Finding]:
    """
    Placeholders that will not be replaced.

    Quoted text may hold anything, so inside quotes only a near miss of a known name is a finding.
    """
    known = (*LABEL_VALUES, WINDOW)
    for stray in strays:
        near = difflib.get_close_matches(stray.name.lower(), [name.lower() for name in known], n=1, cutoff=0.8)
        by_lower = {name.lower(): name for name in known}
        if not stray.in_string:
            if stray.name in LABEL_VALUES:
                message, help_ = (
                    f"{stray.token} is replaced only inside a quoted label value",
                    f'write it as `label="{stray.token}"`',
                )
            else:
                message, help_ = f"{stray.token} is not a placeholder", f"known outside of quotes: ${{{WINDOW}}}"
            yield Finding("VR503", field, f"{format_path(field)}: {message}", help_, token=stray.token)
        elif stray.name in known:
            where = "outside of quotes" if stray.name == WINDOW else "inside a quoted label value"
            message = f"{format_path(field)}: {stray.token} is replaced only {where}; here it stays as it is"
            yield Finding("VR503", field, message, "move it", Severity.WARNING, token=stray.token)
        elif near:
            message = f"{format_path(field)}: {stray.token} is not a placeholder and stays as it is"
            help_ = f"did you mean ${{{by_lower[near[0]]}}}?"
            yield Finding("VR503", field, message, help_, Severity.WARNING, token=stray.token)
