"""
Checks that compare several fields: pure functions from a run to findings. Each check has its own code; none raises.

One file per topic. A new check is a function in `CHECKS`, a code in `docs/diagnostics.md` and one invalid fixture.
"""

from collections.abc import Callable, Iterator
from typing import Final

from validationrun.compiling.check import chain, load, matchers, queries, rules, timeouts
from validationrun.spec.findings import Finding
from validationrun.spec.v1alpha1 import ValidationRun

Check = Callable[[ValidationRun], Iterator[Finding]]

CHECKS: Final[tuple[Check, ...]] = (
    *timeouts.CHECKS,
    *chain.CHECKS,
    *load.CHECKS,
    *rules.CHECKS,
    *matchers.CHECKS,
    *queries.CHECKS,
)


def check(run: ValidationRun) -> list[Finding]:
    """Every finding of every check, in the order of `CHECKS`."""
    return [finding for find in CHECKS for finding in find(run)]
