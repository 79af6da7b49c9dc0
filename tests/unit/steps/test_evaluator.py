"""rule-evaluator: ticks, the stop, the sweep, and going on after a restart. Prometheus is a table of answers."""

import hashlib
import json
import pathlib
from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.steps.evaluator_world import AWAY, BAD, GOOD, FakePrometheus, World, answer, install, rule
from tests.unit.steps.finalize_world import RESULTS

from record_kit import change, forget, load_end, sign_off, stop_intent, verdict_status
from runner_helpers import IDENTITY, PODS, START, ended, pod, read, write
from validationrun.base import conventions
from validationrun.base.times import format_time, parse_time
from validationrun.base.truncate import size
from validationrun.contract.evaluation_entries import RuleStates, StopIntent
from validationrun.contract.load_entries import LoadStart
from validationrun.contract.run_entry import RunEntry
from validationrun.contract.sign_off import SignOff
from validationrun.oracle.exchange import Fault
from validationrun.oracle.fold import RuleState
from validationrun.steps.context import RunnerError
from validationrun.steps.rule_evaluator import rule_evaluator


@pytest.fixture(autouse=True)
def prometheus(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)


def verdicts(signed: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {one["name"]: (one["verdict"], one["reason"]) for one in signed["rules"]}


def times() -> list[float]:
    return [t for _, t in FakePrometheus.asked]


def test_ticks_at_fixed_times_and_one_sweep_at_the_end(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, [rule()])
    world.load_ends(at=35, learned=38)
    signed = world.judge()
    assert verdicts(signed) == {"height": ("Passed", "")}
    assert times() == [10, 20, 30, 35]
    assert (signed["workflowUid"], signed["jobUid"]) == (IDENTITY.uid, "job-uid")
    assert (signed["start"], signed["end"], signed["stopTime"]) == (
        format_time(START),
        format_time(START + 35),
        None,
    )


def test_rules_alone_last_as_long_as_the_run(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, [rule()], load=False)
    signed = world.judge()
    assert verdicts(signed) == {"height": ("Passed", "")}
    assert times() == [10, 20, 30, 40, 50, 60]
    assert signed["jobUid"] is None


def test_a_load_shorter_than_a_tick_proves_nothing(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, [rule()])
    world.load_ends(at=4, learned=6)
    assert verdicts(world.judge()) == {"height": ("Error", "WindowTooShort")}
    assert times() == [4]


def test_without_rules_it_still_signs_off(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, [])
    world.load_ends(at=20, learned=22)
    assert world.judge()["rules"] == []


def test_what_is_asked_behind_the_end_is_evidence_only(tmp_path: pathlib.Path) -> None:
    """The load ended at 28, which is learned at 40; the tick at 30 finds no throughput."""
    world = World(tmp_path, [rule(stopOnFailure=True)])
    world.clock.after(29, lambda: world.cluster.put(PODS, pod(0, ended(0, 0, 29))))
    world.load_ends(at=28, learned=40)
    answer(lambda _promql, t: BAD if t >= 30 else GOOD)
    signed = world.judge()
    assert 30 in times()
    assert verdicts(signed) == {"height": ("Passed", "")}
    assert signed["stopRule"] is None


def test_after_an_outage_of_the_api_server_a_container_that_is_told_to_run_may_have_ended(
    tmp_path: pathlib.Path,
) -> None:
    """The kubelet tries its failed report again only ten seconds later."""
    world = World(tmp_path, [rule()])
    world.load_ends(at=35, learned=56)
    world.api_server_is_away(at=34)
    answer(lambda _promql, t: BAD if t > 35 else GOOD)
    assert verdicts(world.judge()) == {"height": ("Passed", "")}
    assert times()[:4] == [10, 20, 30, 40]


def test_the_same_after_an_outage_before_the_window_was_known(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, [rule()])
    begun = read(world.cluster).need(LoadStart)
    forget(world.cluster, LoadStart)
    world.clock.after(13.5, lambda: write(world.written, begun))
    world.load_ends(at=11, learned=26)
    world.api_server_is_away(at=2)
    answer(lambda _promql, t: BAD if t > 11 else GOOD)
    assert verdicts(world.judge()) == {"height": ("Passed", "")}


def test_an_attempt_that_begins_under_load_trusts_no_container_before_the_kubelet_has_reported(
    tmp_path: pathlib.Path,
) -> None:
    """The load ended at 35, while the API server was away; a new pod of the evaluator looks first at 60."""
    world = World(tmp_path, [rule()])
    world.clock.sleep(60)
    world.load_ends(at=35, learned=68)
    answer(lambda _promql, t: BAD if t > 35 else GOOD)
    assert verdicts(world.judge()) == {"height": ("Passed", "")}


def test_a_report_of_the_kubelets_may_come_ten_seconds_late(tmp_path: pathlib.Path) -> None:
    """An outage on its side alone, which no look of the evaluator can see."""
    world = World(tmp_path, [rule()])
    world.load_ends(at=38, learned=49)
    answer(lambda _promql, t: BAD if t > 38 else GOOD)
    assert verdicts(world.judge()) == {"height": ("Passed", "")}


def stops(world: World) -> list[Any]:
    return [body for plural, _, body in world.cluster.patches if plural == "jobs"]


def test_no_load_is_stopped_that_may_have_ended_well(tmp_path: pathlib.Path) -> None:
    """
    A Job fails by its deadline, whatever its pods ended with, before its controller has counted them.

    The load ends at 38 while the API server is away; the failure at 40 is known at 45, and the kubelet reports at 50.
    """
    world = World(tmp_path, [rule(stopOnFailure=True)])
    world.api_server_is_away(at=34)
    world.load_ends(at=38, learned=50)
    answer(lambda _promql, t: BAD if t > 38 else GOOD)
    assert verdicts(world.judge()) == {"height": ("Passed", "")}
    assert 40 in times()
    assert read(world.cluster).get(StopIntent) is None
    assert stops(world) == []


def test_a_load_that_still_runs_after_an_outage_is_stopped_then(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, [rule(stopOnFailure=True)])
    world.api_server_is_away(at=34)
    answer(lambda _promql, t: BAD if t == 40 else GOOD)
    world.load_ends(at=70, learned=75)
    signed = world.judge()
    stop = read(world.cluster).need(StopIntent)
    assert (stop.rule, stop.t) == ("height", START + 40)
    assert 55 <= parse_time(stop.at) - START <= 65
    assert stops(world)
    assert signed["stopRule"] == "height"


def test_a_failure_that_another_attempt_records_meanwhile_is_not_overwritten(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at what is recorded and the write."""
    world = World(tmp_path, [rule()])
    world.load_ends(at=35, learned=38)
    patch, failed = world.cluster.patch, RuleState("height", "Failed", "AlertFired")

    def beside(resource: Any, name: str, body: Any) -> Any:
        if RuleStates.key in body.get("data", {}):
            monkeypatch.setattr(world.cluster, "patch", patch)
            write(world.written, RuleStates([failed]))
        return patch(resource, name, body)

    monkeypatch.setattr(world.cluster, "patch", beside)
    world.judge()
    assert read(world.cluster).need(RuleStates).rules == [failed]


def test_a_failure_that_another_attempt_recorded_is_not_overwritten(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, [rule(), rule("other")])
    world.load_ends(at=35, learned=38)
    failed = RuleState("height", "Failed", "ThresholdViolated", "0", failed_t=START + 5)
    world.clock.after(2, lambda: write(world.written, RuleStates([failed])))
    world.judge()
    height, other = read(world.cluster).need(RuleStates).rules
    assert height == failed
    assert (other.name, other.verdict) == ("other", "Passed")


def test_of_two_attempts_side_by_side_the_first_that_signs_off_stands(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, [rule()])
    world.load_ends(at=35, learned=38)
    other = sign_off()
    world.clock.after(30, lambda: write(world.written, other))
    assert world.judge() == other.to_data()


def test_a_failed_stop_rule_ends_the_load_at_once(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, [rule(stopOnFailure=True), rule("other")])
    answer(lambda promql, t: BAD if t == 20 and not FakePrometheus.asked[:-1].count((promql, t)) else GOOD)
    world.load_ends(at=40, learned=45)
    signed = world.judge()
    stop = read(world.cluster).need(StopIntent)
    assert (stop.rule, stop.t) == ("height", START + 20)
    assert ("jobs", IDENTITY.job_name, {"spec": {"activeDeadlineSeconds": 1}}) in world.cluster.patches
    assert (signed["stopRule"], signed["stopTime"]) == ("height", format_time(START + 20))
    assert verdicts(signed)["height"] == ("Failed", "ThresholdViolated")
    # No tick behind the stop, and no sweep.
    assert max(times()) == 20


def test_a_sweep_is_asked_again_at_the_same_time(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, [rule(retry=2)])
    world.load_ends(at=35, learned=38)
    answer(lambda _promql, t: AWAY if t == 35 and times().count(35) < 3 else GOOD)
    assert verdicts(world.judge()) == {"height": ("Passed", "")}
    assert times().count(35) == 3


@pytest.mark.parametrize("away_from", [0, 35])
def test_a_prometheus_that_is_away_is_never_a_pass(tmp_path: pathlib.Path, away_from: float) -> None:
    world = World(tmp_path, [rule()])
    world.load_ends(at=35, learned=38)
    answer(lambda _promql, t: AWAY if t >= away_from else GOOD)
    assert verdicts(world.judge()) == {"height": ("Error", "PrometheusUnavailable")}


def test_a_load_that_never_began_leaves_rules_unanswered(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, [rule()])
    forget(world.cluster, LoadStart)
    world.clock.after(30, lambda: write(world.written, load_end(2, start=None, end=None)))
    assert verdicts(world.judge()) == {"height": ("Error", "NoSamples")}
    assert times() == []


def test_a_restart_goes_on_behind_the_last_tick_and_keeps_a_failure(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, [rule(), rule("other")])
    failed = RuleState("height", "Failed", "ThresholdViolated", last_t=START + 20, failed_t=START + 20, answered=True)
    good = RuleState("other", "Passed", last_t=START + 20, answered=True)
    write(world.written, RuleStates([failed, good]))
    world.clock.now = START + 60
    world.load_ends(at=45, learned=61)
    assert verdicts(world.judge()) == {"height": ("Failed", "ThresholdViolated"), "other": ("Passed", "")}
    # The missed ticks are asked, each at its own time; nothing before is asked again.
    assert set(times()) >= {30, 40, 45}
    assert min(times()) == 30


def test_a_restart_after_the_intent_keeps_the_stop_whatever_is_answered_now(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, [rule(stopOnFailure=True)])
    write(world.written, stop_intent())
    world.clock.now = START + 60
    world.load_ends(at=25, learned=61)
    signed = world.judge()
    assert (signed["stopRule"], verdicts(signed)["height"][0]) == ("height", "Failed")


def test_a_restart_after_the_intent_stops_the_load_again(tmp_path: pathlib.Path) -> None:
    """The earlier attempt may have been killed between the intent and the act."""
    world = World(tmp_path, [rule(stopOnFailure=True)])
    write(world.written, stop_intent())
    world.clock.now = START + 60
    world.load_ends(at=25, learned=61)
    world.judge()
    assert ("jobs", IDENTITY.job_name, {"spec": {"activeDeadlineSeconds": 1}}) in world.cluster.patches


@pytest.mark.parametrize(("code", "expected"), [(2, ("Failed", "ThresholdViolated")), (0, ("Passed", ""))])
def test_the_breach_of_a_stop_stays_in_the_window_unless_the_load_ended_by_itself(
    tmp_path: pathlib.Path, code: int, expected: tuple[str, str]
) -> None:
    """Without settling, both end in the second of the breach, and the window ends a second before the container."""
    world = World(tmp_path, [rule(stopOnFailure=True)])
    world.context = replace(world.context, settle_s=0.0)
    answer(lambda _promql, t: BAD if t == 20 else GOOD)

    def end() -> None:
        world.cluster.put(PODS, pod(0, ended(code, 0, 20)))
        write(world.written, load_end(code, end=19))

    world.clock.after(20.3, end)
    signed = world.judge()
    assert verdicts(signed)["height"] == expected
    assert signed["stopTime"] == (format_time(START + 20) if code else None)


def test_a_sign_off_that_a_signal_forced_is_replaced(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, [rule()])
    write(world.written, sign_off(stopped=True))
    world.load_ends(at=35, learned=38)
    assert world.judge()["stopped"] is False


def test_a_prometheus_of_another_time_is_an_error(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, [rule()])
    world.load_ends(at=35, learned=38)
    FakePrometheus.clock_fault = 90
    assert verdicts(world.judge()) == {"height": ("Error", "ClockSkew")}


def test_a_second_start_after_the_sign_off_changes_nothing(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, [rule()])
    world.load_ends(at=35, learned=38)
    before = world.judge()
    answer(lambda _promql, _t: BAD)
    assert world.judge() == before


def test_a_second_start_cannot_stand_in_for_an_upload_that_failed(tmp_path: pathlib.Path) -> None:
    """Its artifacts are optional: ending well without files would make the Workflow succeed without its evidence."""
    world = World(tmp_path, [rule()])
    world.load_ends(at=35, learned=38)
    before = world.judge()
    change(world.cluster, RunEntry, results=RESULTS)
    with pytest.raises(RunnerError, match="may not have been uploaded"):
        rule_evaluator(world.context)
    assert read(world.cluster).need(SignOff).to_data() == before


def test_without_a_known_end_nothing_passes(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, [rule()])
    world.clock.after(38, lambda: write(world.written, load_end(2, end=None)))
    assert verdicts(world.judge()) == {"height": ("Error", "NoSamples")}


def test_the_sign_off_tells_finalize_what_the_evidence_holds(tmp_path: pathlib.Path) -> None:
    """It reports in a pod of its own, and never sees the files."""
    world = World(tmp_path, [rule(), rule("other")])
    world.load_ends(at=35, learned=38)
    signed = world.judge()
    folder = tmp_path / "outputs" / "results"
    assert signed["settleSeconds"] == 5.0
    assert sorted(signed["files"]) == [
        f"rules/{one}" for one in ("height.json", "height.jsonl", "other.json", "other.jsonl")
    ]
    for name, listed in signed["files"].items():
        content = (folder / name).read_bytes()
        assert listed == {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    told = json.loads((folder / "rules/height.json").read_text())
    assert signed["summaries"]["height"].items() <= told.items()
    assert signed["summaries"]["height"]["counted"] == 4


def test_a_sign_off_of_the_largest_run_is_a_small_part_of_the_record(tmp_path: pathlib.Path) -> None:
    """A ConfigMap holds 1 MiB, and the sign-off must fit beside all the rest."""
    world = World(tmp_path, [rule(f"{index:02}-{'r' * 60}") for index in range(32)])
    world.load_ends(at=35, learned=38)
    answer(lambda _promql, _t: Fault("PrometheusUnavailable", "\u20ac" * 1000))
    signed = world.judge()
    assert len(signed["rules"]) == 32
    assert size(signed) < 192 * 1024


def test_a_run_that_has_its_verdict_is_not_judged_again(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, [rule()])
    world.written.seal(conventions.FINALIZE, verdict_status("Error", "Unknown"))
    rule_evaluator(world.context)
    assert times() == []
    assert read(world.cluster).get(SignOff) is None
    assert not (tmp_path / "outputs" / "results").exists()
