"""What the driver does when it is told to end. Its other ways are played by tests/model and tests/evaluator."""

import pytest

from replies import fault, vector
from simulation import START, query_rule, simulate


@pytest.mark.parametrize("after", [30, 64, 66, 69, 75])
def test_an_interrupt_ends_it_whenever_it_comes(after: float) -> None:
    """In the window, before the sweep, between its attempts: nothing of it is proved."""
    outcome = simulate(
        [query_rule("a", retry=3)],
        lambda _, t: fault() if t == 60 else vector("1"),
        load_seconds=60,
        interrupt_after=after,
    )
    assert outcome.judgement.interrupted
    assert outcome.verdict.reason == "EvaluatorLost"
    # An attempt that was cut short is no last answer.
    assert not [one for one, counted in outcome.control.evidence if counted and one.final]
    assert outcome.control.time < START + after + 6


def test_every_answer_is_evidence_once() -> None:
    outcome = simulate([query_rule("a"), query_rule("b", interval="5s")], lambda *_: vector("1"), load_seconds=31)
    asked = [(one.rule, one.t, one.final) for one, _ in outcome.control.evidence]
    assert len(asked) == len(set(asked))
    assert sorted(t - START for rule, t, _ in asked if rule == "a") == [10, 20, 30, 31]
