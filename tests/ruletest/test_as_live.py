"""A test comes to what the live evaluation comes to: the driver of `evaluate`, on the same samples."""

import random
import time

import pytest

from validationrun.judging.live.loop import Evaluation
from validationrun.judging.live.rule_query import Asker
from validationrun.judging.live.window import Window
from validationrun.judging.ruletest.model import RuleTestFile
from validationrun.judging.ruletest.prepare import prepare
from validationrun.judging.ruletest.remote_write import label_bytes
from validationrun.judging.ruletest.server import find_binary, private_prometheus
from validationrun.judging.ruletest.simulate import simulate
from validationrun.oracle.fold import Fold
from validationrun.prometheus import Prometheus
from validationrun.spec.v1alpha1 import ValidationRun

SERIES = ['a{pod="x"}', 'a{pod="y"}', 'b{pod="x"}']
QUERIES = [
    "max(a)",
    "sum(a) / sum(b)",
    "min(increase(a[1m]))",
    "max(a) - on() max(b)",
    "a",
    'max_over_time(a{pod="y"}[30s])',
    "max(a) > 3",
]


class Late:
    """A control whose window has long been over, so that nothing is waited for."""

    settle_s = 0.0

    def __init__(self, window):
        self.window = window

    def now(self):
        return 1e9

    def sleep(self, seconds):
        time.sleep(min(seconds, 0.001))

    def look(self):
        return self.window

    def interrupted(self):
        return False

    def answered(self, decision): ...

    def settled(self, decision, *, counted): ...

    def stop(self, decision): ...

    def save(self, states): ...


def values(rng):
    parts = [
        lambda: f"{rng.randrange(6)}x{rng.randrange(8)}", lambda: f"{rng.randrange(6)}+{rng.randrange(1, 4)}x{rng.randrange(8)}",
        lambda: f"_x{rng.randrange(1, 12)}", lambda: "stale", lambda: "NaN", lambda: "Inf", lambda: str(rng.randrange(9)),
    ]  # fmt: skip
    return " ".join(rng.choice(parts)() for _ in range(rng.randrange(3, 12)))


def run_of(rng):
    rules = [
        {
            "name": f"r{index}", "type": "query",
            "query": {"promql": rng.choice(QUERIES), "op": rng.choice([">=", "<=", ">", "<", "==", "!="]), "threshold": str(rng.randrange(6))},
            "runProperties": {
                "interval": rng.choice(["5s", "7s", "20s"]), "retry": rng.randrange(3), "stopOnFailure": rng.random() < 0.4,
                "finalSweep": rng.random() < 0.8, "startAfter": rng.choice(["0s", "12s", "1m"]),
            },
        }
        for index in range(rng.randrange(1, 4))
    ]  # fmt: skip
    return ValidationRun.model_validate({
        "apiVersion": "validation.sei.io/v1alpha1", "kind": "ValidationRun", "metadata": {"name": "r", "namespace": "n"},
        "spec": {"chain": {"chainId": "c1", "endpoints": {"rpc": ["http://rpc:1"]}}, "rules": rules},
    })  # fmt: skip


def live(case, prometheus):
    prometheus.write(
        [
            (label_bytes(one.labels), [(sample.t, sample.value) for sample in one.samples])
            for one in case.series
            if one.samples
        ]
    )
    control = Late(Window(case.opens, case.closes, case.closes, over=True))
    askers = [Asker(question, Prometheus(prometheus.url)) for question in case.questions]
    fold = Fold.begin([question.rule for question in case.questions])
    return Evaluation(control, askers, fold, lambda _: control.now()).run()


@pytest.mark.parametrize("seed", range(25))
def test_a_test_comes_to_what_the_live_evaluation_comes_to(seed):
    rng = random.Random(seed)
    run = run_of(rng)
    file = RuleTestFile.model_validate({
        "apiVersion": "validation.sei.io/v1alpha1", "kind": "ValidationRuleTest", "spec": "x",
        "tests": [{
            "name": "t", "interval": rng.choice(["3s", "5s", "8s"]), "window": rng.choice(["40s", "2m", "3m"]), "settle": "0s",
            "warmup": rng.choice(["0s", "30s"]), "expect": {"verdict": "Passed"},
            "input_series": [{"series": one, "values": values(rng)} for one in SERIES],
        }],
    })  # fmt: skip
    [case], findings = prepare(file, run)
    assert findings == []
    with private_prometheus(find_binary()) as prometheus:
        outcome = simulate(case, prometheus)
    with private_prometheus(find_binary()) as prometheus:
        judgement = live(case, prometheus)
    assert (outcome.stop_time, outcome.stop_rule) == (judgement.stop_time, judgement.stop_rule)
    for ours, theirs in zip(outcome.states, judgement.states, strict=True):
        assert {**ours.to_data(), "why": ""} == {**theirs.to_data(), "why": ""}
