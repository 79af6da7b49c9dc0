"""
Checks that compare several fields: pure functions from a run to findings. Each check has its own code; none raises.

One file per topic. A field that is wrong may be read, too: see `readable`.
A new check is a function in `CHECKS`, a code in `docs/diagnostics.md` and one invalid fixture.
"""

from typing import Final

from validationrun.compiling.check import (
    accounts,
    bodies,
    chain,
    chain_api,
    endpoints,
    final_sweep,
    interpreter,
    load,
    matchers,
    members,
    overrides,
    queries,
    rules,
    series,
    timeouts,
)
from validationrun.compiling.check.readable import Check, findings_of
from validationrun.spec.findings import Finding
from validationrun.spec.v1alpha1 import ValidationRun

CHECKS: Final[tuple[Check, ...]] = (
    *timeouts.CHECKS,
    *chain.CHECKS,
    *overrides.CHECKS,
    *bodies.CHECKS,
    *chain_api.CHECKS,
    *load.CHECKS,
    *interpreter.CHECKS,
    *endpoints.CHECKS,
    *accounts.CHECKS,
    *rules.CHECKS,
    *final_sweep.CHECKS,
    *matchers.CHECKS,
    *queries.CHECKS,
    *series.CHECKS,
    *members.CHECKS,
)


def check(run: ValidationRun) -> list[Finding]:
    """
    Every finding of every check, in the order of `CHECKS`.

    Args:
        run: may be the readable parts of a run, as `spec.partial` makes them. A check says nothing about what it can't read.
    """
    return [finding for find in CHECKS for finding in findings_of(find, run)]
