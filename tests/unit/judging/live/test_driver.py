"""What the driver does when it is told to end. Its other ways are played by tests/model and tests/evaluator."""

import pytest

from replies import fault, vector
from simulation import START, SimulatedControl, query_rule, simulate
from validationrun.judging.live import loop


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


def test_while_waiting_answers_fill_the_memory_only_what_they_wait_for_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For 100 seconds nobody can say whether the load runs. The ticks are asked later, each about its own T."""
    monkeypatch.setattr(loop, "_MOST_HELD_BYTES", 100_000)
    look = SimulatedControl.look

    def late(control: SimulatedControl) -> loop.Window:
        return loop.Window(START, START) if control.time < START + 100 else look(control)

    monkeypatch.setattr(SimulatedControl, "look", late)
    rules = [query_rule(name) for name in "abcd"]
    outcome = simulate(rules, lambda *_: vector("1", padding="x" * 30_000), load_seconds=300)
    assert outcome.verdict.reason == "RunSucceeded"
    asked = {
        (one.rule, one.t - START): one.exchange.asked - START for one, _ in outcome.control.evidence if one.exchange
    }
    assert sorted(asked) == [(name, float(t)) for name in "abcd" for t in range(10, 301, 10)]
    assert [t for (_, t), at in asked.items() if at < 100] == [10.0] * 4
    assert all(at >= t + 5 for (_, t), at in asked.items())


def test_small_answers_wait_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "_MOST_HELD_BYTES", 100_000)
    outcome = simulate([query_rule(name) for name in "abcd"], lambda *_: vector("1"), load_seconds=300)
    assert all(
        one.exchange.asked - one.t <= 5.3 for one, _ in outcome.control.evidence if one.exchange and not one.final
    )
