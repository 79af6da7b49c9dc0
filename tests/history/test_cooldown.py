"""A run with a cooldown, judged live, by replay and by history: each rule has its own end in all of them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from tests.history.kit import counter_rule, query_rule
from tests.history.test_compare import START, server

from prometheus_kit import Server
from replay_kit import result_of
from validationrun.judging.backtest.client import Past
from validationrun.judging.backtest.compare import compare
from validationrun.judging.live.loop import Evaluation
from validationrun.judging.live.rule_query import Asker
from validationrun.judging.live.window import Window
from validationrun.judging.replay import replay
from validationrun.oracle.decision import Decision
from validationrun.oracle.fold import Fold, RuleState
from validationrun.oracle.question import Question
from validationrun.prometheus import Prometheus
from validationrun.results.folder import Result

__all__ = ["server"]

LOAD_SECONDS, COOLDOWN_SECONDS = 100, 100


@dataclass
class Over:
    """A load that has ended, and a cooldown that is over too."""

    load_seconds: float
    settle_s: float = 0.0
    evidence: list[tuple[Decision, bool]] = field(default_factory=list)

    def now(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(min(seconds, 0.01))

    def look(self) -> Window:
        end = START + self.load_seconds
        return Window(START, end, end, end + COOLDOWN_SECONDS, over=True)

    def interrupted(self) -> bool:
        return False

    def answered(self, decision: Decision) -> None: ...

    def settled(self, decision: Decision, *, counted: bool) -> None:
        self.evidence.append((decision, counted))

    def stop(self, decision: Decision) -> None: ...

    def save(self, states: Sequence[RuleState]) -> None: ...


def live(url: str, questions: Sequence[Question], load_seconds: float) -> Result:
    control = Over(load_seconds)
    fold = Fold.begin([question.rule for question in questions])
    # Proofs of a clock are not what this is about: the past is asked by the time of today.
    evaluation = Evaluation(
        control, [Asker(question, Prometheus(url)) for question in questions], fold, lambda _: time.time()
    )
    return result_of(questions, evaluation.run(), control.evidence, code=0)


def until_cooldown(name: str, limit: str, **more: object) -> Question:
    return query_rule(name, "height", "<", limit, until="Cooldown", **more)


RUNS = {
    # The height is the number of seconds since the start.
    "a-breach-in-the-cooldown": (
        [query_rule("load", "height", "<", "150"), until_cooldown("chain", "150")],
        ("RuleFailed:chain", {"load": "Passed", "chain": "Failed"}),
    ),
    "no-breach": (
        [
            query_rule("load", "height", "<", "150"),
            until_cooldown("chain", "250"),
            counter_rule("moved", "moved_total"),
        ],
        ("RunSucceeded", {"load": "Passed", "chain": "Passed", "moved": "Passed"}),
    ),
    "a-stop-in-the-cooldown": (
        [until_cooldown("chain", "150", stopOnFailure=True), query_rule("load", "height", "<", "150")],
        ("RuleStopOnFailure:chain", {"load": "Passed", "chain": "Failed"}),
    ),
    "a-stop-at-the-loads-end": (
        [query_rule("load", "height", "<", "100", stopOnFailure=True), until_cooldown("chain", "150")],
        ("RuleStopOnFailure:load", {"load": "Failed", "chain": "Passed"}),
    ),
}


@pytest.mark.parametrize("run", RUNS)
def test_live_replay_and_history_judge_a_cooldown_alike(server: Server, run: str) -> None:
    questions, (reason, verdicts) = RUNS[run]
    result = live(server.url, questions, LOAD_SECONDS)
    assert result.status.reason == reason
    assert {rule.name: rule.verdict for rule in result.status.rules} == verdicts
    assert replay(result).differences == []
    for instant in (False, True):
        with Past(server.url) as past:
            found = compare(result, past, instant=instant)
        assert (found.ticks, found.others) == ([], [])
        assert (found.verdict.phase, found.verdict.reason) == (result.status.phase, result.status.reason)


def test_all_of_them_want_the_load_of_a_rule_that_goes_on(server: Server) -> None:
    """The cooldown alone is long enough for the rule, and good."""
    result = live(server.url, [until_cooldown("chain", "250")], 3)
    assert [(rule.verdict, rule.reason) for rule in result.status.rules] == [("Error", "WindowTooShort")]
    assert replay(result).differences == []
    with Past(server.url) as past:
        assert compare(result, past).agrees
