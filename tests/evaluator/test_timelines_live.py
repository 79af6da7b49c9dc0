"""Those worked timelines that only a real Prometheus can tell; the others are in tests/model."""

import time

import pytest

from evaluator.conftest import Begin
from evaluator.test_process import result, rule
from prometheus_kit import Proxy, Server, behaviours, series, unlike, until
from validationrun.base.conventions import EXIT_AGAINST_RUN
from validationrun.contract.evaluation_entries import EvaluatorReady
from validationrun.judging.live.rule_query import Asker
from validationrun.oracle.decision import Decision
from validationrun.oracle.question import Question
from validationrun.prometheus import Prometheus
from validationrun.spec.v1alpha1 import Rule


def alert_asker(server: Server, mark: str) -> Asker:
    """An alert that this Prometheus runs and that never fires, but for the samples that a test sends."""
    body = {
        "ruleRef": {"name": "alerts", "namespace": "eng-ada", "alertname": "NeverFires"},
        "matchers": [{"name": "mark", "op": "=", "value": mark}],
    }
    found = Rule.model_validate({"name": "a", "type": "alert", "alert": body, "runProperties": {"interval": "5s"}})
    return Asker(Question.of(found, {}), Prometheus(server.url))


def fires(server: Server, mark: str, *times: float) -> None:
    points = [(t, 1.0) for t in times]
    server.send(series("ALERTS", points, alertname="NeverFires", alertstate="firing", mark=mark))


def decided_now(asker: Asker, start: float) -> Decision:
    """At a whole second: the rules of a Prometheus are evaluated for the first time some seconds after it began."""

    def told() -> Decision | None:
        decision = asker.tick(start, float(int(time.time())))
        return decision if decision.verdict in ("Passed", "Failed") else None

    found = until(told, 60, "the alert is loaded")
    assert found is not None
    return found


def test_10_an_alert_that_fires_before_the_start_and_still_does(shared_prometheus: Server) -> None:
    start, mark = time.time() - 60, unlike()
    fires(shared_prometheus, mark, *(start + second for second in range(-30, 31, 5)))
    decision = alert_asker(shared_prometheus, mark).tick(start, start + 20)
    assert (decision.verdict, decision.reason) == ("Failed", "AlertFired")
    assert decision.message == "the alert fired; already firing at start"


def test_10_one_that_begins_later_does_not_say_so(shared_prometheus: Server) -> None:
    start, mark = time.time() - 60, unlike()
    fires(shared_prometheus, mark, *(start + second for second in range(10, 31, 5)))
    decision = alert_asker(shared_prometheus, mark).tick(start, start + 20)
    assert (decision.verdict, decision.message) == ("Failed", "the alert fired")


def test_11_an_alert_that_was_resolved_before_the_start_is_not_in_the_window(shared_prometheus: Server) -> None:
    start, mark = float(int(time.time()) - 60), unlike()
    fires(shared_prometheus, mark, start - 30, start - 15, start - 1)
    decision = decided_now(alert_asker(shared_prometheus, mark), start)
    assert (decision.verdict, decision.message) == ("Passed", "the alert did not fire")


def test_11_a_sample_exactly_at_the_start_is_as_this_prometheus_sees_it(shared_prometheus: Server) -> None:
    """Prometheus 2 counts it, Prometheus 3 does not."""
    start, mark = float(int(time.time()) - 60), unlike()
    fires(shared_prometheus, mark, start)
    version = Prometheus(shared_prometheus.url).version(5)
    assert isinstance(version, str)
    decision = decided_now(alert_asker(shared_prometheus, mark), start)
    assert decision.verdict == ("Failed" if version.startswith("2.") else "Passed")


@pytest.mark.parametrize("only_at_the_end", [False, True], ids=["from the start", "only at the end"])
def test_25_a_prometheus_whose_clock_is_ninety_seconds_off(
    live_run: Begin, proxied: Proxy, only_at_the_end: bool
) -> None:
    run = live_run(proxied.url, [rule("healthy", "vector(1)")])
    if not only_at_the_end:
        proxied.behave(behaviours.skewed(90))
    process = run.evaluator()
    run.until(lambda: run.read(EvaluatorReady), "the evaluator is ready")
    run.begin_load()
    run.until(lambda: '"verdict": "Passed"' in run.said(), "it was good once")
    if only_at_the_end:
        proxied.behave(behaviours.skewed(-90))
    run.end_load()
    assert process.wait(60) == EXIT_AGAINST_RUN, run.said()
    assert (run.state("healthy").verdict, run.state("healthy").reason) == ("Error", "ClockSkew")
    assert result(run)["reason"] == "RuleError"
