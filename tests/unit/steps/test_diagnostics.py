"""What pods of a run say, saved before they go: the most telling first, within bounds, whatever they say."""

import json
import pathlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.steps.finalize_world import World, runs, terminated

from runner_helpers import IDENTITY, START, Clock, FakeCluster, context
from validationrun.base.times import format_time
from validationrun.base.truncate import SUMMARY_BYTES, size, tail
from validationrun.contract.diagnostics import Diagnostics, PodDiagnostics
from validationrun.contract.load_entries import LoadEnd
from validationrun.contract.run_entry import LoadPlan, RunEntry
from validationrun.contract.status_document import Status
from validationrun.kube.cluster import (
    EVENTS,
    SEI_NODE_DEPLOYMENTS,
    ClusterError,
    ForbiddenError,
    Resource,
    UnreachableError,
)
from validationrun.steps import diagnostics
from validationrun.steps.diagnostics import PodFound


@pytest.fixture
def world(tmp_path: pathlib.Path) -> World:
    made = World(tmp_path)
    made.fails()
    return made


def names(saved: dict[str, Any]) -> list[str]:
    return [one.get("pod") or f"job {one['job']}" for one in saved["pods"]]


def test_a_run_that_passed_keeps_nothing(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path)
    world.shard(0, terminated(1, "workload"))
    assert world.decide() == ("Passed", "RunSucceeded")
    assert Diagnostics.key not in world.cluster.objects[("configmaps", IDENTITY.record_name)]["data"]


def test_it_is_there_before_the_chain_goes(world: World) -> None:
    """Also with what the chain's pods had to say."""
    world.chain()
    world.node("rpc-0", runs("seid"))
    world.cluster.logs[("rpc-0", "seid")] = "halted\n"
    world.decide()
    assert not world.has_chain
    assert world.saved()["pods"][0]["log"] == {"seid": "halted\n"}


def test_the_most_telling_comes_first(world: World) -> None:
    world.node("a-good-node", runs("seid"))
    world.node("b-restarted-node", runs("seid", restartCount=3))
    world.step("ensure-chain", terminated(0), name="c-good-step")
    world.step("load-job", terminated(70), name="d-failed-step", phase="Failed")
    world.shard(0, terminated(0, "workload"), phase="Succeeded")
    world.shard(1, terminated(137, "workload"))
    world.says("job-uid", "exceeded quota")
    world.decide()
    # The Job's word stands for pods that were never made.
    assert names(world.saved()) == [
        f"job {IDENTITY.job_name}",
        "load-1",
        "d-failed-step",
        "b-restarted-node",
        "load-0",
        "a-good-node",
        "c-good-step",
    ]


def test_a_red_step_has_said_in_the_record_what_it_had_to_say(world: World) -> None:
    """Unlike one whose files could not be uploaded."""
    world.node("a-restarted-node", runs("seid", restartCount=3))
    world.step("load-job", terminated(3), terminated(0, "wait"), name="b-red-step", phase="Failed")
    world.step("rule-evaluator", terminated(3), terminated(1, "wait"), name="c-no-upload", phase="Failed")
    world.decide()
    assert names(world.saved()) == ["c-no-upload", "a-restarted-node", "b-red-step"]


@pytest.mark.parametrize(
    ("statuses", "phase"),
    [
        ([terminated(1, "workload")], "Running"),
        ([{"name": "workload", "state": {"waiting": {"reason": "ImagePullBackOff"}}}], "Running"),
        ([], "Pending"),
        ([], "Failed"),
    ],
    ids=["exit code", "waits", "pending", "evicted"],
)
def test_a_pod_that_is_not_well_comes_before_one_that_is(world: World, statuses: list[Any], phase: str) -> None:
    world.shard(0, runs("workload"), phase="Running")
    world.shard(1, *statuses, phase=phase)
    world.decide()
    assert names(world.saved()) == ["load-1", "load-0"]


def test_a_pod_is_told_by_its_states(world: World) -> None:
    waits = {
        "name": "sidecar",
        "restartCount": 2,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
    }
    ended = {"exitCode": 137, "reason": "OOMKilled", "startedAt": "a", "finishedAt": "b"}
    world.shard(
        0, {"name": "workload", "state": {"terminated": ended}}, waits, reason="Evicted", message="low on memory"
    )
    world.says("load-0", "later", at=9)
    world.says("load-0", "sooner", at=3, count=4, reason="Failed")
    world.decide()
    assert world.saved()["pods"] == [
        {
            "pod": "load-0",
            "of": "shard",
            "phase": "Failed",
            "reason": "Evicted",
            "message": "low on memory",
            "containers": [
                {"name": "workload", "state": "terminated", "exitCode": 137, "reason": "OOMKilled", "startedAt": "a", "finishedAt": "b"},
                {"name": "sidecar", "state": "waiting", "reason": "CrashLoopBackOff", "message": "back-off", "restarts": 2},
            ],
            "events": [
                f"{format_time(START + 3)} Warning Failed: sooner (x4)",
                f"{format_time(START + 9)} Warning BackOff: later",
            ],
        }
    ]  # fmt: skip


def test_a_pod_without_a_node_says_what_the_scheduler_says(world: World) -> None:
    refusal = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}
    other = {"type": "Ready", "status": "False", "message": "not this"}
    world.shard(0, phase="Pending", conditions=[other, refusal])
    world.decide()
    assert world.saved()["pods"][0]["message"] == "0/3 nodes are available"


def test_of_many_events_the_last_ten_stay(world: World) -> None:
    world.shard(0, terminated(1, "workload"))
    for second in range(40):
        world.says("load-0", f"event {second}", at=second)
    world.decide()
    found = world.saved()["pods"][0]["events"]
    assert [line.rpartition(" ")[2] for line in found] == [str(second) for second in range(30, 40)]


@pytest.mark.parametrize(
    ("state", "kept"),
    [
        ({"terminated": {"exitCode": 0}}, True),
        ({"running": {}}, True),
        ({"waiting": {"reason": "CrashLoopBackOff"}}, True),
        ({"waiting": {"reason": "ImagePullBackOff"}}, False),
    ],
)
def test_a_container_that_never_ran_is_not_asked_for_its_log(world: World, state: dict[str, Any], kept: bool) -> None:
    restarts = 1 if state.get("waiting", {}).get("reason") == "CrashLoopBackOff" else 0
    world.shard(0, {"name": "workload", "state": state, "restartCount": restarts})
    world.cluster.logs[("load-0", "workload")] = "words\n"
    world.decide()
    assert ("log" in world.saved()["pods"][0]) is kept


@pytest.mark.parametrize("helper", ["wait", "supervisor"])
def test_argos_own_containers_speak_only_where_they_failed(world: World, helper: str) -> None:
    """`supervisor` is that of Argo 4.1 with `initlessPod`."""
    world.step("load-job", terminated(70), terminated(0, helper), name="p", phase="Failed")
    world.step("rule-evaluator", terminated(0), terminated(64, helper), name="q", phase="Failed")
    for pod in ("p", "q"):
        for container in ("main", helper):
            world.cluster.logs[(pod, container)] = f"{pod} {container}\n"
    world.decide()
    logs = {one["pod"]: one.get("log") for one in world.saved()["pods"]}
    assert logs == {"p": {"main": "p main\n"}, "q": {"main": "q main\n", helper: f"q {helper}\n"}}


def test_a_shards_own_container_may_be_called_like_argos(world: World) -> None:
    world.shard(0, terminated(1, "workload"), terminated(0, "init"))
    world.cluster.logs[("load-0", "init")] = "of the user's mesh\n"
    world.decide()
    assert world.saved()["pods"][0]["log"] == {"init": "of the user's mesh\n"}


def test_of_a_log_the_end_stays(world: World) -> None:
    world.shard(0, terminated(1, "workload"))
    world.cluster.logs[("load-0", "workload")] = "".join(f"line {number} {'x' * 90}\n" for number in range(2000))
    world.decide()
    log = world.saved()["pods"][0]["log"]["workload"]
    assert log.startswith("…\nline ")
    assert log.endswith("line 1999 " + "x" * 90 + "\n")
    assert 8 * 1024 < len(log) <= 12 * 1024


def test_many_failed_pods_all_have_a_few_lines(world: World) -> None:
    world.keys.change(RunEntry, load=LoadPlan("evm", 64, 0, (1,)))
    for index in range(64):
        world.shard(index, terminated(1, "workload"))
        world.cluster.logs[(f"load-{index}", "workload")] = f"shard {index}: {'words ' * 5}\n" * 400
    world.decide()
    saved = world.saved()
    assert saved["omitted"] == 0
    told = [one for one in saved["pods"] if "log" in one]
    assert len(told) >= 8
    assert size(saved) + size(world.status()) <= SUMMARY_BYTES


NASTY = [
    "\x00\x01\x1b[31m\x7f" * 4000,
    '"' * 20000 + "\n",
    "\\" * 20000,
    "\ufffd\u2028\U0001f600" * 3000,
    "\n" * 30000,
    "one line without an end " * 4000,
    "\ud800 half a character" * 10,
]


@pytest.mark.parametrize(
    "text", NASTY, ids=["control", "quotes", "backslashes", "wide", "newlines", "one line", "surrogate"]
)
def test_the_bound_holds_whatever_they_say(world: World, text: str) -> None:
    """In the bytes that the ConfigMap takes."""
    for index in range(40):
        world.shard(index, terminated(1, "workload", message=text), terminated(2, "side", message=text), message=text)
        world.says(f"load-{index}", text)
        for container in ("workload", "side"):
            world.cluster.logs[(f"load-{index}", container)] = text
    world.keys.change(LoadEnd, message=text)
    world.decide()
    data = world.cluster.objects[("configmaps", IDENTITY.record_name)]["data"]
    kept = [data[key].encode("utf-8", "replace") for key in (Diagnostics.key, Status.key)]
    assert sum(map(len, kept)) <= SUMMARY_BYTES
    assert len(world.saved()["pods"]) + world.saved()["omitted"] == 40
    assert world.saved()["pods"]


POD = st.builds(
    lambda words, logs: PodFound(PodDiagnostics(pod=words), logs),
    st.text(max_size=3000),
    st.dictionaries(st.text(max_size=20), st.text(max_size=3000), max_size=4),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(POD, max_size=30), st.integers(min_value=100, max_value=20_000))
def test_a_summary_keeps_to_any_budget(found: list[PodFound], budget: int) -> None:
    speaker = context("finalize", FakeCluster(), Clock(), pathlib.Path("/tmp"), "a" * 64)
    summary = diagnostics.summary(speaker, found, budget)
    assert len(summary.to_json().encode("utf-8", "replace")) <= budget
    assert len(summary.pods) + summary.omitted == len(found)


def test_a_pod_that_is_too_large_leaves_room_for_others(world: World) -> None:
    found = [PodFound(PodDiagnostics(pod="x" * 5000)), PodFound(PodDiagnostics(pod="small"))]
    summary = diagnostics.summary(world.context, found, 1000)
    assert (summary.pods, summary.omitted) == ([PodDiagnostics(pod="small")], 1)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=400), st.integers(min_value=0, max_value=300))
def test_a_tail_is_the_end_and_no_longer_than_asked(text: str, limit: int) -> None:
    found = tail(text, limit)
    assert len(found.encode()) <= max(limit, 0) or found == text
    rest = found.removeprefix("…\n") if found != text else found
    assert text.encode("utf-8", "replace").decode().endswith(rest)


def test_of_each_log_and_of_all_together_so_much_is_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnostics, "_LOG_BYTES", 1000)
    monkeypatch.setattr(diagnostics, "_ALL_LOG_BYTES", 2500)
    for index in range(5):
        world.shard(index, terminated(1, "workload"))
        world.cluster.logs[(f"load-{index}", "workload")] = "12345678\u20ac\n" * 200
    found = diagnostics.collect(world.context, world.begin())
    sizes = [len(one.logs.get("workload", "").encode()) for one in found]
    assert [900 < one <= 1000 for one in sizes] == [True, True, False, False, False]
    assert sum(sizes) <= 2500
    assert len(found) == 5


def test_the_end_of_one_long_line_is_kept_though_no_line_begins_in_it() -> None:
    assert tail("x" * 100 + "\n", 20) == "…\n" + "x" * 15 + "\n"
    assert tail("first\n" + "second " * 3 + "\nthird\n", 12) == "…\nthird\n"


class Refusing(FakeCluster):
    """Answers as a test says; everything else as ever."""

    def __init__(self) -> None:
        super().__init__()
        self.on_log: Callable[[str, int], None] = lambda _pod, _lines: None
        self.on_list: Callable[[Resource], None] = lambda _resource: None
        self.asked: list[tuple[str, int, int | None]] = []
        self.patience = 60.0

    def patient(self, seconds: float) -> "Refusing":
        self.patience = seconds
        return self

    def log(self, pod: str, container: str, lines: int, most: int | None = None) -> str:
        self.asked.append((pod, lines, most))
        self.on_log(pod, lines)
        return super().log(pod, container, lines, most)

    def list(self, resource: Resource, *, labels: str = "", fields: str = "") -> list[Any]:
        self.on_list(resource)
        return super().list(resource, labels=labels, fields=fields)


@pytest.fixture
def refusing(world: World) -> Refusing:
    cluster = Refusing()
    cluster.objects = world.cluster.objects
    world.cluster = cluster
    world.replaced(cluster=cluster)
    return cluster


def raises(error: Exception) -> Any:
    def refuse(*_arguments: object) -> None:
        raise error

    return refuse


def test_a_log_that_may_not_be_read_says_so(world: World, refusing: Refusing) -> None:
    world.shard(0, terminated(1, "workload"))
    refusing.on_log = raises(ForbiddenError('pods/log is forbidden: cannot get resource "pods/log"', 403))
    world.decide()
    assert "pods/log is forbidden" in world.saved()["pods"][0]["log"]["workload"]


def test_events_that_may_not_be_read_say_so_and_the_log_stays(world: World, refusing: Refusing) -> None:
    world.shard(0, terminated(1, "workload"))
    world.cluster.logs[("load-0", "workload")] = "words\n"

    def refuse(resource: Resource) -> None:
        if resource == EVENTS:
            raise ForbiddenError("events is forbidden", 403)

    refusing.on_list = refuse
    world.decide()
    assert world.saved()["pods"][-1]["events"] == ["no events: events is forbidden"]
    assert world.saved()["pods"][-1]["log"] == {"workload": "words\n"}


def test_a_node_that_is_gone_silences_its_own_pods_only(world: World, refusing: Refusing) -> None:
    world.shard(0, terminated(1, "workload"))
    world.shard(1, terminated(1, "workload"))
    world.cluster.logs[("load-1", "workload")] = "words\n"

    waited: list[float] = []

    def refuse(pod: str, _lines: int) -> None:
        waited.append(refusing.patience)
        if pod == "load-0":
            raise UnreachableError("dial tcp 10.0.0.7:10250: i/o timeout", 500)

    refusing.on_log = refuse
    world.decide()
    # It is not waited for as for an API server, which comes back.
    assert max(waited) < 10
    logs = [one["log"]["workload"] for one in world.saved()["pods"]]
    assert logs == ["(no log: dial tcp 10.0.0.7:10250: i/o timeout)\n", "words\n"]


def test_an_api_server_that_goes_away_leaves_what_was_read(world: World, refusing: Refusing) -> None:
    """Nothing else is asked of it, and the verdict, for which it is back, stands."""
    world.chain()
    for index in range(5):
        world.shard(index, terminated(1, "workload"))
        world.cluster.logs[(f"load-{index}", "workload")] = "words\n"

    def refuse(pod: str, _lines: int) -> None:
        if pod == "load-2":
            raise UnreachableError("connection refused")

    refusing.on_log = refuse
    assert world.decide() == ("Error", "WorkloadInfraFailure")
    assert [(one["pod"], "log" in one) for one in world.saved()["pods"]] == [
        ("load-0", True),
        ("load-1", True),
        ("load-2", False),
    ]
    assert not world.has_chain


def test_no_log_is_read_without_a_bound(world: World, refusing: Refusing) -> None:
    """500 lines may be of any length, and a step that runs out of memory gives no verdict."""
    world.shard(0, terminated(1, "workload"))
    world.cluster.logs[("load-0", "workload")] = "words\n"
    world.decide()
    assert refusing.asked == [("load-0", 500, 4 * 1024 * 1024)]


def test_a_log_of_long_lines_is_asked_for_fewer(world: World, refusing: Refusing) -> None:
    """The API server would cut off its end."""
    world.shard(0, terminated(1, "workload"))
    world.cluster.logs[("load-0", "workload")] = (
        "".join(f"{number}{'x' * 20_000}\n" for number in range(500)) + "the end\n"
    )
    world.decide()
    assert [lines for _, lines, _ in refusing.asked] == [500, 50]
    assert world.saved()["pods"][0]["log"]["workload"].endswith("the end\n")


def test_it_ends_by_itself(world: World, refusing: Refusing) -> None:
    world.chain()
    for index in range(50):
        world.shard(index, terminated(1, "workload"))
    refusing.on_log = lambda _pod, _lines: world.clock.sleep(10)
    began = world.clock.now
    world.decide()
    assert world.clock.now - began < 120
    assert len(world.saved()["pods"]) == 6
    assert not world.has_chain


def test_of_a_great_many_pods_the_most_telling_are_asked(world: World) -> None:
    world.keys.change(RunEntry, load=LoadPlan("evm", 64, 0, (1,)))
    for index in range(100):
        world.node(f"a-node-{index:03}", runs("seid"))
    for index in range(64):
        world.shard(index, terminated(1, "workload"))
    found = diagnostics.collect(world.context, world.begin())
    assert len(found) == 120
    assert [pod.document.of for pod in found[:64]] == ["shard"] * 64


BROKEN: list[dict[str, Any]] = [
    {"status": None},
    {"status": {"containerStatuses": [{"name": "workload"}]}},
    {"status": {"containerStatuses": [{"name": "workload", "state": {"terminated": None}}]}},
    {"status": {"containerStatuses": [None]}},
    {"status": {"conditions": "none"}},
]


@pytest.mark.parametrize("body", BROKEN)
def test_a_pod_of_any_shape_leaves_verdict_and_clean_up_alone(world: World, body: dict[str, Any]) -> None:
    world.chain()
    world.shard(0, terminated(1, "workload"))
    world.cluster.objects[("pods", "load-0")].update(body)
    assert world.decide() == ("Error", "WorkloadInfraFailure")
    assert (world.label(), world.sealed(), world.has_chain) == ("Error", True, False)


def test_diagnostics_that_the_record_refuses_leave_the_verdict_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.chain()
    world.shard(0, terminated(1, "workload"))
    real = FakeCluster.patch

    def patch(self: FakeCluster, resource: Resource, name: str, body: Any) -> Any:
        if Diagnostics.key in (body.get("data") or {}):
            raise ClusterError("etcdserver: request is too large", 500)
        return real(self, resource, name, body)

    monkeypatch.setattr(FakeCluster, "patch", patch)
    assert world.decide() == ("Error", "WorkloadInfraFailure")
    assert (world.label(), world.sealed(), world.has_chain) == ("Error", True, False)


def test_pods_of_others_are_nobodys_business(world: World) -> None:
    """Names and labels of this run, and another Workflow's, Job's or chain's."""
    world.step("load-job", terminated(70), name="stranger", phase="Failed")
    world.cluster.objects[("pods", "stranger")]["metadata"]["ownerReferences"] = [{"uid": "other"}]
    world.shard(0, terminated(1, "workload"))
    world.cluster.objects[("pods", "load-0")]["metadata"]["labels"]["batch.kubernetes.io/controller-uid"] = "other"
    world.node("rpc-0", runs("seid", restartCount=1))
    world.cluster.objects[("pods", "rpc-0")]["metadata"]["labels"]["sei.io/chain-id"] = "other"
    world.decide()
    assert Diagnostics.key not in world.cluster.objects[("configmaps", IDENTITY.record_name)]["data"]


def test_its_own_pod_is_left_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTNAME", f"{IDENTITY.workflow}-finalize-123")
    world.step("finalize", terminated(1), phase="Failed")
    assert diagnostics.collect(world.context, world.begin()) == []


def test_all_of_it_lies_in_files(world: World, tmp_path: pathlib.Path) -> None:
    world.shard(0, terminated(1, "workload"))
    world.cluster.logs[("load-0", "workload")] = "words\n" * 400
    found = diagnostics.collect(world.context, world.begin())
    folder = tmp_path / "there" / "yet"
    diagnostics.save(folder, found)
    assert (folder / "pod-load-0-workload.log").read_text() == "words\n" * 400
    assert json.loads((folder / "diagnostics.json").read_text())["pods"][0]["pod"] == "load-0"


def test_the_jobs_word_is_no_file_of_a_pod(world: World, tmp_path: pathlib.Path) -> None:
    world.says("job-uid", "exceeded quota")
    diagnostics.save(tmp_path / "r", diagnostics.collect(world.context, world.begin()))
    assert [one.name for one in (tmp_path / "r").iterdir()] == ["diagnostics.json"]


def test_a_run_without_a_record_has_no_diagnostics_and_ends(world: World) -> None:
    world.keys.drop(RunEntry)
    world.chain()
    world.step("ensure-chain", terminated(70), phase="Failed")
    assert world.finalize() == 1
    assert not [one for one, _ in world.cluster.objects if one == SEI_NODE_DEPLOYMENTS.plural]
