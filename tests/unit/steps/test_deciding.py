"""Every row of the verdict table, by what the record, the Job and the Workflow say; the first that holds."""

import json
import pathlib
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.steps.finalize_world import FAILED, REFUSED, STATE, STOP, UNANSWERED, World, runs, terminated

from record_kit import Keys
from runner_helpers import IDENTITY, JOBS, START, WORKFLOWS, complete, workflow
from validationrun.base.times import format_time
from validationrun.contract.chain_entries import ChainEntry, ChainReady
from validationrun.contract.evaluation_entries import RuleStates
from validationrun.contract.load_entries import JobEntry, LoadEnd
from validationrun.contract.run_entry import LoadPlan, RuleEntry, RunEntry
from validationrun.contract.sign_off import SignOff
from validationrun.kube.cluster import ForbiddenError, Object, Resource
from validationrun.oracle.fold import RuleState

Change = Callable[[World], Any]


def user_stopped(world: World) -> None:
    world.cluster.put(WORKFLOWS, workflow(shutdown="Stop"))


def chain_failed(world: World) -> None:
    world.keys.change(ChainEntry, reason="ChainFailed", message="out of disk")


def chain_never_ready(world: World) -> None:
    world.keys.change(ChainReady, reason="ChainNotReady", message="height stands still")


def rule_stopped(world: World) -> None:
    world.keys.change(SignOff, rules=[FAILED], stop_rule="height", stop_time=format_time(START + 10))


def stop_intended(world: World) -> None:
    world.keys.drop(SignOff)
    world.keys.put(STOP)


def deadline(world: World) -> None:
    """It also ended the evaluator."""
    found = workflow(activeDeadlineSeconds=60)
    found["status"]["startedAt"] = format_time(START - 61)
    world.cluster.put(WORKFLOWS, found)
    world.keys.drop(SignOff)


def load_is_2(world: World) -> None:
    world.keys.change(LoadEnd, code=2, reason="LoadNotStarted", message="no room")


def load_is_1(world: World) -> None:
    world.keys.change(LoadEnd, code=1)


def signs_off(*states: RuleState) -> Change:
    def change(world: World) -> None:
        world.keys.change(RunEntry, rules=[RuleEntry(state.name, "query", ">", "0") for state in states])
        if SignOff in world.keys:
            world.keys.change(SignOff, rules=list(states))

    return change


def rule_failed(world: World) -> None:
    world.keys.put(RuleStates([FAILED]))
    if SignOff in world.keys:
        signs_off(FAILED)(world)


def no_sign_off(world: World) -> None:
    world.keys.drop(SignOff)


UNRESOLVED = signs_off(REFUSED)
OTHER = replace(STATE, name="other")

# Each row, and beside it all that comes after it: the first row that holds wins.
ROWS: list[tuple[int, Change, str, str, str | None]] = [
    (1, user_stopped, "Cancelled", "Cancelled", None),
    (2, chain_failed, "Error", "ChainFailed", None),
    (3, stop_intended, "Failed", "RuleStopOnFailure:height", None),
    (4, deadline, "Error", "DeadlineExceeded", None),
    (5, load_is_2, "Error", "LoadNotStarted", "loadGeneration"),
    (6, load_is_1, "Failed", "WorkloadFailed", "loadGeneration"),
    (7, rule_failed, "Failed", "RuleFailed:height", None),
    (8, no_sign_off, "Error", "EvaluatorLost", None),
    (9, UNRESOLVED, "Error", "AllRulesUnresolved", None),
]


@pytest.mark.parametrize(("row", "change", "phase", "reason", "plan"), ROWS, ids=[str(row[0]) for row in ROWS])
def test_a_row_by_itself(
    tmp_path: pathlib.Path, row: int, change: Change, phase: str, reason: str, plan: str | None
) -> None:
    del row
    world = World(tmp_path)
    change(world)
    world.decide()
    status = world.status()
    assert (status["phase"], status["reason"], status["failedPlan"]) == (phase, reason, plan)


@pytest.mark.parametrize("row", range(len(ROWS)), ids=[str(row[0]) for row in ROWS])
def test_the_first_row_that_holds(tmp_path: pathlib.Path, row: int) -> None:
    """All rows from this one on hold together."""
    world = World(tmp_path)
    for _, change, _, _, _ in reversed(ROWS[row:]):
        change(world)
    world.decide()
    assert world.status()["reason"] == ROWS[row][3]


def test_row_10_with_and_without_load(tmp_path: pathlib.Path) -> None:
    assert World(tmp_path).decide() == ("Passed", "RunSucceeded")
    alone = World(tmp_path)
    alone.keys.change(RunEntry, load=None)
    alone.keys.drop(JobEntry, LoadEnd)
    alone.keys.change(SignOff, job_uid=None)
    assert alone.decide() == ("Passed", "RunSucceeded")


@pytest.mark.parametrize(
    ("states", "reason"),
    [
        ([STATE, replace(UNANSWERED, name="other")], "RuleError"),
        ([REFUSED, OTHER], "RuleError"),
        ([REFUSED, replace(REFUSED, name="other")], "AllRulesUnresolved"),
        ([STATE, replace(OTHER, verdict="Awaited")], "Unknown"),
    ],
)
def test_rows_9_11_and_12(tmp_path: pathlib.Path, states: list[dict[str, Any]], reason: str) -> None:
    world = World(tmp_path)
    signs_off(*states)(world)
    assert world.decide() == ("Error", reason)


def test_the_first_failure_is_the_earliest(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path)
    signs_off(FAILED, replace(FAILED, name="other", failed_t=START + 5))(world)
    assert world.decide() == ("Failed", "RuleFailed:other")


def test_without_load_a_load_in_the_record_counts_for_nothing(tmp_path: pathlib.Path) -> None:
    """A rules-only run never has one: what is there is not its."""
    world = World(tmp_path)
    world.keys.change(RunEntry, load=None)
    world.keys.change(LoadEnd, code=0)
    assert world.decide() == ("Passed", "RunSucceeded")
    assert "workload passed" not in world.status()["message"]


STALE: list[tuple[str, Change]] = [
    ("another Workflow's sign-off", lambda w: w.keys.change(SignOff, workflow_uid="other")),
    ("another Job's sign-off", lambda w: w.keys.change(SignOff, job_uid="other")),
    ("another bundle's sign-off", lambda w: w.keys.change(SignOff, bundle_hash="c" * 64)),
    ("another run's bundle", lambda w: w.keys.change(RunEntry, bundle_hash="c" * 64)),
    ("a sign-off made by a signal", lambda w: w.keys.change(SignOff, stopped=True)),
    ("a sign-off without an end", lambda w: w.keys.change(SignOff, end=None)),
    (
        "rules in another order",
        lambda w: (signs_off(STATE, OTHER)(w), w.keys.change(RunEntry, rules=w.keys[RunEntry].rules[::-1])),
    ),
]


@pytest.mark.parametrize(("what", "change"), STALE, ids=[one[0] for one in STALE])
def test_stale_evidence_is_none_and_is_not_shown(tmp_path: pathlib.Path, what: str, change: Change) -> None:
    del what
    world = World(tmp_path)
    change(world)
    assert world.decide() == ("Error", "EvaluatorLost")
    assert {rule["verdict"] for rule in world.status()["rules"]} == {"Awaited"}


@pytest.mark.parametrize("state", [STATE, replace(STATE, verdict="Error", reason="NaN")])
def test_a_stop_in_a_stale_sign_off_stops_nothing(tmp_path: pathlib.Path, state: RuleState) -> None:
    world = World(tmp_path)
    world.keys.change(SignOff, workflow_uid="other", stop_rule="height", rules=[state])
    assert world.decide() == ("Error", "EvaluatorLost")


def test_a_failure_in_the_record_counts_beside_a_stale_sign_off(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path)
    world.keys.change(SignOff, job_uid="other")
    world.keys.put(RuleStates([FAILED]))
    assert world.decide() == ("Failed", "RuleFailed:height")


WITNESS: list[tuple[str, Change, str]] = [
    ("gone", lambda w: w.cluster.objects.pop(("jobs", IDENTITY.job_name)), "is gone"),
    ("another of its name", lambda w: w.cluster.put(JOBS, complete(uid="other")), "is gone"),
    ("not complete", lambda w: w.cluster.objects[("jobs", IDENTITY.job_name)]["status"].update(conditions=[]), "not Complete"),
    ("failed", lambda w: w.cluster.objects[("jobs", IDENTITY.job_name)]["status"].update(conditions=[{"type": "Failed", "status": "True"}]), "not Complete"),
    ("an index short", lambda w: w.keys.change(RunEntry, load=LoadPlan("evm", 2, 0, (1,))), "not Complete"),
    ("shrunk", lambda w: w.cluster.objects[("jobs", IDENTITY.job_name)]["spec"].update(completions=0), "not Complete"),
    ("load of another Job", lambda w: w.keys.change(LoadEnd, job_uid="other"), "shard 0 exit 0"),
    ("no Job recorded", lambda w: (w.keys.drop(JobEntry), w.keys.change(SignOff, job_uid=None)), "shard 0 exit 0"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "change", "words"), WITNESS, ids=[one[0] for one in WITNESS])
def test_a_0_needs_its_job_as_a_witness(tmp_path: pathlib.Path, what: str, change: Change, words: str) -> None:
    del what
    world = World(tmp_path)
    change(world)
    assert world.decide() == ("Error", "WorkloadInfraFailure")
    assert words in world.status()["message"]
    assert world.status()["workloadExitCode"] == 2


def test_a_load_that_a_rule_kept_from_beginning_has_no_code(tmp_path: pathlib.Path) -> None:
    """Its step wrote so; with the rule's stop it is no fault of the load's."""
    world = World(tmp_path)
    world.keys.drop(JobEntry)
    world.keys.change(LoadEnd, code=None, job_uid=None, message="not started")
    world.keys.change(SignOff, job_uid=None)
    assert world.decide() == ("Error", "WorkloadInfraFailure")
    assert (world.status()["workloadExitCode"], world.status()["message"]) == (
        None,
        "the load had a fault of its own: not started",
    )
    again = World(tmp_path)
    again.keys = Keys(*world.keys)
    rule_stopped(again)
    assert again.decide() == ("Failed", "RuleStopOnFailure:height")


def test_a_deadline_of_the_template_counts_too(tmp_path: pathlib.Path) -> None:
    """A Workflow by reference has it in its stored template."""
    world = World(tmp_path)
    found = workflow()
    found["status"] = {
        **found["status"],
        "startedAt": format_time(START - 61),
        "storedWorkflowTemplateSpec": {"activeDeadlineSeconds": 60},
    }
    world.cluster.put(WORKFLOWS, found)
    no_sign_off(world)
    assert world.decide() == ("Error", "DeadlineExceeded")


def test_a_deadline_that_has_not_passed_is_none(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path)
    found = workflow(activeDeadlineSeconds=62)
    found["status"]["startedAt"] = format_time(START - 61)
    world.cluster.put(WORKFLOWS, found)
    no_sign_off(world)
    assert world.decide() == ("Error", "EvaluatorLost")


def test_lost_steps_are_told_by_their_pods_last_words(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path)
    no_sign_off(world)
    world.step(
        "rule-evaluator", terminated(70, message="Traceback\n  File\nValueError: the last"), name="a-second", at=9
    )
    world.step("rule-evaluator", terminated(70, message="the first"), name="b-first", at=1)
    world.step("load-job", terminated(70, message="of another step"), at=9)
    world.decide()
    assert world.status()["message"] == (
        "the evaluator's evidence is missing, or is not this run's: rule-evaluator: ValueError: the last"
    )


@pytest.mark.parametrize(
    ("pod", "words"),
    [
        ({"statuses": [terminated(137)], "phase": "Failed"}, "exit 137 (Error)"),
        ({"statuses": [], "phase": "Failed"}, "rule-evaluator left no result"),
        ({"statuses": [terminated(0)], "phase": "Succeeded"}, "rule-evaluator left no result"),
        ({"statuses": [terminated(1, "wait", "not main")], "phase": "Running"}, "rule-evaluator left no result"),
    ],
)
def test_a_step_that_said_nothing_is_told_as_well(tmp_path: pathlib.Path, pod: dict[str, Any], words: str) -> None:
    world = World(tmp_path)
    no_sign_off(world)
    world.step("rule-evaluator", *pod["statuses"], phase=pod["phase"])
    world.clock.sleep(1)
    world.decide()
    assert world.status()["message"].endswith(words)


def test_an_evicted_pod_is_told_by_its_own_words(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path)
    no_sign_off(world)
    world.step("rule-evaluator", phase="Failed")
    pod = world.cluster.objects[("pods", f"{IDENTITY.workflow}-rule-evaluator-123")]
    pod["status"].update(reason="Evicted", message="low on memory")
    world.decide()
    assert world.status()["message"].endswith("rule-evaluator: Evicted: low on memory")


def test_a_chain_without_a_result_is_told_by_its_steps(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path)
    world.keys.drop(ChainReady)
    world.step("wait-chain-ready", terminated(70, message="no rights"), phase="Failed")
    world.step("ensure-chain", terminated(0))
    assert world.decide() == ("Error", "ChainNotReady")
    assert world.status()["message"] == "the chain never came up: wait-chain-ready: no rights"


def back_off(name: str = "seid", code: int = 1, reason: str = "Error", restarts: int = 7) -> dict[str, Any]:
    return {
        "name": name,
        "restartCount": restarts,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
        "lastState": {"terminated": {"exitCode": code, "reason": reason}},
    }


def test_a_chain_that_never_served_is_told_with_the_container_that_crash_loops(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path)
    chain_never_ready(world)
    world.node("rpc-0", runs("seid"))
    world.node("validators-0", runs("sidecar"), back_off())
    world.node("validators-1", back_off("seid", 137, "OOMKilled"))
    assert world.decide() == ("Error", "ChainNotReady")
    assert world.status()["message"] == (
        "height stands still; container seid of pod validators-0 crash-loops: 7 restarts, last exit 1 (Error)"
    )


CAUGHT = {"restartCount": 2, "lastState": {"terminated": {"exitCode": 2}}}


@pytest.mark.parametrize(
    ("container", "words"),
    [
        (back_off("init", restarts=1), "init of pod rpc-0 crash-loops: 1 restart, last exit 1 (Error)"),
        (back_off(reason="\x1b[2J" + "x" * 5000), "7 restarts, last exit 1 (\\x1b[2Jxxx"),
        ({**back_off(), "lastState": {}}, "7 restarts, last exit unknown"),
        (runs("seid", **CAUGHT), "2 restarts, last exit 2"),
        (terminated(1, "seid", **CAUGHT), "2 restarts, last exit 1 (Error)"),
        (runs("seid", **{**CAUGHT, "restartCount": 1}), None),
        (runs("seid", restartCount=3, lastState={"terminated": {"exitCode": 0}}), None),
        ({"name": "seid", "restartCount": 3, "state": {"waiting": {"reason": "ImagePullBackOff"}}}, None),
    ],
)
def test_what_counts_as_a_crash_loop(tmp_path: pathlib.Path, container: dict[str, Any], words: str | None) -> None:
    world = World(tmp_path)
    chain_never_ready(world)
    world.node("rpc-0", initContainerStatuses=[container])
    world.decide()
    message = world.status()["message"]
    assert len(message) < 700
    assert message.isprintable()
    assert (words in message) if words else (message == "height stands still")


def test_only_a_chain_that_never_served_is_told_with_a_crash_loop(tmp_path: pathlib.Path) -> None:
    for change, message in (
        (chain_failed, "out of disk"),
        (load_is_1, None),
        (chain_never_ready, "height stands still"),
    ):
        world = World(tmp_path)
        change(world)
        world.step("load-job", back_off())
        if change is not chain_never_ready:
            world.node("rpc-0", back_off())
        world.decide()
        told = world.status()["message"]
        assert "crash-loops" not in told
        assert message in (None, told)


def test_pods_that_cannot_be_listed_change_nothing(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path)
    listed = world.cluster.list

    def denied(resource: Resource, **selectors: str) -> list[Object]:
        if resource.plural == "pods":
            raise ForbiddenError("cannot list pods", 403, "Forbidden")
        return listed(resource, **selectors)

    monkeypatch.setattr(world.cluster, "list", denied)
    chain_never_ready(world)
    world.node("rpc-0", back_off())
    assert world.decide() == ("Error", "ChainNotReady")
    assert world.status()["message"] == "height stands still"


def test_a_load_without_a_result_is_told_by_its_step(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path)
    world.keys.drop(LoadEnd)
    world.step("load-job", terminated(70, message="quota"), phase="Failed")
    assert world.decide() == ("Error", "WorkloadInfraFailure")
    assert world.status()["message"] == "the load had a fault of its own: load-job: quota"
    assert world.status()["workloadExitCode"] is None


def test_failed_rules_are_listed_where_the_load_decides(tmp_path: pathlib.Path) -> None:
    for change in (load_is_1, load_is_2):
        world = World(tmp_path)
        change(world)
        rule_failed(world)
        world.decide()
        assert world.status()["message"].endswith("; failed rules: height")


def test_a_result_that_does_not_fit_is_cut_in_its_words_only(tmp_path: pathlib.Path) -> None:
    """32 rules whose messages are as long as they get."""
    world = World(tmp_path)
    states = [replace(UNANSWERED, name=f"rule-{index}", message="\u20ac" * 1000, why="w" * 300) for index in range(32)]
    signs_off(*states)(world)
    assert world.decide() == ("Error", "RuleError")
    status = world.status()
    assert len(json.dumps(status, ensure_ascii=False).encode()) <= 40 * 1024
    assert [(one["name"], one["verdict"], one["reason"]) for one in status["rules"]] == [
        (state.name, "Error", "NoSamples") for state in states
    ]
