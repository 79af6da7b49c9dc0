"""
Runs a check over a run some of whose fields cannot be read, because they are wrong.

A check ends where it reads such a field. A check with the mark `rule_by_rule` or `deployment_by_deployment` then goes on
without that rule or deployment.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

from validationrun.spec.findings import Finding
from validationrun.spec.partial import UnreadableError, holds, left_out
from validationrun.spec.v1alpha1 import ValidationRun
from validationrun.spec.v1alpha1.types import Model

Check = Callable[[ValidationRun], Iterator[Finding]]

_C = TypeVar("_C", bound=Check)
_M = TypeVar("_M", bound=Model)
_T = TypeVar("_T")
_SKIPS: Final = "skips"
_MOST_PASSED_OVER: Final = 32


def rule_by_rule(check: _C) -> _C:
    """Marks a check whose findings stay true when it passes over another rule. It must iterate by `rules.located`."""
    setattr(check, _SKIPS, _without_rule)
    return check


def deployment_by_deployment(check: _C) -> _C:
    """Marks a check whose findings stay true when it passes over another deployment. It must iterate by `chain.located`."""
    setattr(check, _SKIPS, _without_deployment)
    return check


def findings_of(check: Check, run: ValidationRun) -> list[Finding]:
    """
    What a check finds in the readable parts of a run.

    After the limit of what it passes over it says nothing of the rest: each pass reads all rules again, and a spec may have thousands.
    """
    findings: list[Finding] = []
    rest: ValidationRun | None = run
    for _ in range(_MOST_PASSED_OVER + 1):
        if rest is None:
            break
        findings = []
        try:
            for finding in check(rest):
                findings.append(finding)
        except UnreadableError as error:
            skip = getattr(check, _SKIPS, None)
            rest = skip(rest, error.model) if skip else None
        else:
            break
    return findings


def readable(values: Iterator[_T]) -> Iterator[_T]:
    """The values, such as findings, up to the first field that cannot be read."""
    with contextlib.suppress(UnreadableError):
        yield from values


def if_readable(read: Callable[[], _T], otherwise: _T) -> _T:
    """What `read` returns, or `otherwise` when it reads a field that cannot be read."""
    try:
        return read()
    except UnreadableError:
        return otherwise


def _without_rule(run: ValidationRun, wrong: Model) -> ValidationRun | None:
    """The run without the rule that holds the wrong model; None when no rule holds it."""
    try:
        rules = run.spec.rules
    except UnreadableError:
        return None
    rest = _without(rules, wrong)
    return None if rest is None else run.model_copy(update={"spec": run.spec.model_copy(update={"rules": rest})})


def _without_deployment(run: ValidationRun, wrong: Model) -> ValidationRun | None:
    """The run without the deployment that holds the wrong model; None when no deployment holds it."""
    try:
        entries = run.spec.chain.deployments
    except UnreadableError:
        return None
    rest = _without(entries or [], wrong)
    if rest is None:
        return None
    chain = run.spec.chain.model_copy(update={"deployments": rest})
    return run.model_copy(update={"spec": run.spec.model_copy(update={"chain": chain})})


def _without(entries: Sequence[_M], wrong: Model) -> list[_M] | None:
    places = [position for position, entry in enumerate(entries) if holds(entry, wrong)]
    if not places:
        return None
    return [left_out(entry) if position in places else entry for position, entry in enumerate(entries)]
