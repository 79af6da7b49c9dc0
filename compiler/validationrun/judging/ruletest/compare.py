"""Compares the outcome of a test with its expectations."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from validationrun.base.durations import format_duration
from validationrun.judging.ruletest.model import ExpectedRule
from validationrun.judging.ruletest.prepare import Case
from validationrun.judging.ruletest.simulate import Outcome
from validationrun.oracle.fold import RuleState
from validationrun.spec.findings import Loc

_CLOSE: float = 1e-9
"""Relative tolerance, because the last digits of Prometheus' sums depend on the order of their parts."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """An expectation that was not met: its position, the expected and the actual value."""

    loc: Loc
    expected: str
    got: str


def compare(case: Case, outcome: Outcome) -> list[Mismatch]:
    """The mismatches in the order of the file; empty when the test passes."""
    return [*_run(case, outcome), *_rules(case, outcome), *_faults(case, outcome)]


def offset(t: float, opens: int) -> str:
    """A time as a test writes it: the duration since the window's start."""
    return format_duration(round(t - opens))


def _run(case: Case, outcome: Outcome) -> Iterator[Mismatch]:
    expect, loc = case.test.expect, ("tests", case.index, "expect")
    verdict = outcome.verdict
    if verdict.verdict != expect.verdict:
        yield Mismatch((*loc, "verdict"), expect.verdict, f"{verdict.verdict} ({verdict.reason}: {verdict.message})")
    if expect.reason is not None and verdict.reason != expect.reason:
        yield Mismatch((*loc, "reason"), expect.reason, verdict.reason)
    if expect.stop_time is not None:
        got = "no stop" if outcome.stop_time is None else offset(outcome.stop_time, case.opens)
        if got != format_duration(expect.stop_time):
            yield Mismatch((*loc, "stopTime"), format_duration(expect.stop_time), got)


def _rules(case: Case, outcome: Outcome) -> Iterator[Mismatch]:
    states = {state.name: state for state in outcome.states}
    for position, expected in enumerate(case.test.expect.rules):
        loc = ("tests", case.index, "expect", "rules", position)
        yield from _rule(expected, states[expected.name], outcome, case, loc)


def _rule(expected: ExpectedRule, state: RuleState, outcome: Outcome, case: Case, loc: Loc) -> Iterator[Mismatch]:
    if state.verdict != expected.verdict:
        yield Mismatch((*loc, "verdict"), expected.verdict, state.verdict)
    if expected.reason is not None and state.reason != expected.reason:
        yield Mismatch((*loc, "reason"), expected.reason or "none", state.reason or "none")
    if expected.first_failure is not None:
        got = "no failure" if state.failed_t is None else offset(state.failed_t, case.opens)
        if got != format_duration(expected.first_failure):
            yield Mismatch((*loc, "firstFailure"), format_duration(expected.first_failure), got)
    if expected.value is not None:
        value = outcome.values.get(state.name)
        if value is None or not _equal(float(value), float(expected.value)):
            yield Mismatch((*loc, "value"), expected.value, "no value" if value is None else value)


def _equal(one: float, other: float) -> bool:
    return (math.isnan(one) and math.isnan(other)) or math.isclose(one, other, rel_tol=_CLOSE)


def _faults(case: Case, outcome: Outcome) -> Iterator[Mismatch]:
    """Reports each fault that struck no query, because such a fault tests nothing."""
    for index in outcome.idle_faults:
        kind = case.test.faults[index].type
        yield Mismatch(
            ("tests", case.index, "faults", index), f"a fault of type {kind} that strikes", "no question met it"
        )
