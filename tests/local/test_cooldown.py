"""`run --local` with a cooldown: what a range hides at the load's end is seen after it."""

import signal
import time

import pytest

from local_kit import Spec, ran, rule, shell, started
from prometheus_kit import series, unlike

RANGE = "[6s]"


def at_prometheus(server):
    return "--prometheus", server.url


def halts(server, after):
    """A height that grows by one a second and stands still so many seconds from now; the promql of its increase."""
    case, now = unlike(), time.time()
    points = [(now - 60 + second, float(min(second, 60 + after))) for second in range(180)]
    server.send(series("local_height", points, case=case))
    return f'min(increase(local_height{{case="{case}"}}{RANGE}))'


def spec_of(promql, cooldown="15s", **properties):
    rules = [rule("height", promql, until="Cooldown", **properties), rule("one", "vector(1)")]
    return Spec(shell("sleep 11"), rules, duration="11s", extra={"cooldown": cooldown})


def test_a_chain_that_halts_under_the_blind_tail_fails_in_the_cooldown(tmp_path, shared_prometheus):
    promql = halts(shared_prometheus, 13)
    done = ran(spec_of(promql), tmp_path, *at_prometheus(shared_prometheus))
    assert (done.code, done.verdict) == (1, ("Failed", "RuleFailed:height")), done.err
    window = done.result.document.window
    assert window.cooldown_end == pytest.approx(window.end + 15, abs=0.01)
    assert "cooling down until" in done.err
    assert "cooldown until" in done.file("report.log")
    assert "cooldown ends" in done.file("report.html")


def test_a_stop_in_the_cooldown_ends_it(tmp_path, shared_prometheus):
    promql = halts(shared_prometheus, 13)
    begun = time.monotonic()
    done = ran(spec_of(promql, cooldown="5m", stopOnFailure=True), tmp_path, *at_prometheus(shared_prometheus))
    assert (done.code, done.verdict) == (1, ("Failed", "RuleStopOnFailure:height")), done.err
    window = done.result.document.window
    assert window.end < window.stop_time < window.cooldown_end
    assert time.monotonic() - begun < 60
    assert done.status["workloadExitCode"] == 0
    assert "ending the cooldown" in done.err


def test_a_chain_that_goes_on_passes(tmp_path, shared_prometheus):
    promql = halts(shared_prometheus, 110)
    done = ran(spec_of(promql), tmp_path, *at_prometheus(shared_prometheus))
    assert (done.code, done.verdict) == (0, ("Succeeded", "RunSucceeded")), done.err
    assert [point.t for point in done.result.evidence["height"].entries][-1] == done.result.document.window.cooldown_end


@pytest.mark.parametrize(("code", "cools"), [(1, True), (2, False)])
def test_a_load_with_a_fault_of_its_own_has_no_cooldown(tmp_path, shared_prometheus, code, cools):
    spec = Spec(shell(f"sleep 6; exit {code}"), [rule("one", "vector(1)", until="Cooldown")], extra={"cooldown": "7s"})
    done = ran(spec, tmp_path, *at_prometheus(shared_prometheus))
    assert (done.result.document.window.cooldown_end is not None) == cools
    assert done.code == code


def test_an_interrupt_in_the_cooldown_cancels_the_run(tmp_path, shared_prometheus):
    spec = Spec(shell("sleep 6"), [rule("one", "vector(1)", until="Cooldown")], extra={"cooldown": "10m"})
    with started(spec, tmp_path, *at_prometheus(shared_prometheus)) as run:
        run.until_said("cooling down until")
        run.signal(signal.SIGINT)
        done = run.finish()
    assert (done.code, done.verdict) == (2, ("Cancelled", "Cancelled")), done.err


def test_evaluate_takes_the_cooldown_for_the_loads_end(tmp_path, shared_prometheus):
    spec = Spec(shell("exit 0"), [rule("one", "vector(1)", until="Cooldown")], extra={"cooldown": "10m"})
    done = ran(spec, tmp_path, "--for", "6s", *at_prometheus(shared_prometheus), verb=("evaluate",))
    assert (done.code, done.verdict) == (0, ("Succeeded", "RunSucceeded")), done.err
    assert done.result.document.window.cooldown_end is None
