"""load-job: a load with `endBy: Signal`, which runs until its pods are deleted. Its duration is 2m; every shard runs from second 5."""

import pathlib
from typing import Any

import pytest
from tests.unit.steps.load_world import STOP_JOB, World

from runner_helpers import IDENTITY, PODS, START, ended, pod, read, running, write
from validationrun.base.conventions import EXIT_AGAINST_RUN
from validationrun.base.times import format_time
from validationrun.contract.load_entries import LoadEnd, LoadSignal, SignalledPod
from validationrun.kube.cluster import Resource

DUE = 125
"""Second at which the duration is over."""


pytestmark = pytest.mark.usefixtures("termination_log")


class Signalled(World):
    """
    A load that runs until SIGTERM. A deleted pod is terminating until its container has ended, and then gone.

    Attributes:
        codes: by shard, what each container ends with after SIGTERM; None for one that ignores it and is never gone.
        flush: seconds from SIGTERM to the end.
        behind: seconds by which the clock of the load's node is behind: every time that its kubelet writes is so much earlier.
        deleted: name and time of each deletion.
    """

    def __init__(
        self, folder: pathlib.Path, *codes: int | None, flush: float = 3, behind: int = 0, **options: Any
    ) -> None:
        super().__init__(folder, len(codes), end_by="Signal", parameters={"duration": "2m"}, **options)
        self.codes, self.flush, self.behind = codes, flush, behind
        self.deleted: list[tuple[str, float]] = []
        self._gone: dict[int, int] = {}
        self.cluster.delete = self.delete  # type: ignore[method-assign]
        self.evaluator_is_ready()
        self.clock.after(5, lambda: self.pods(*[running(5 - behind)] * len(codes)))

    def delete(self, resource: Resource, name: str, *, uid: str | None = None) -> bool:
        assert read(self.cluster).get(LoadSignal) is not None, "the intent stands before the first deletion"
        found = self.cluster.objects[(resource.plural, name)]
        assert uid in (None, found["metadata"]["uid"])
        self.deleted.append((name, self.clock.now - START))
        self.terminates(int(name.removeprefix("load-")))
        return True

    def terminates(self, index: int) -> None:
        """The pod is being deleted, by whom it may be."""
        found = self.cluster.objects[("pods", f"load-{index}")]
        found["metadata"]["deletionTimestamp"] = format_time(self.clock.now)
        self.cluster.put(PODS, found)
        code, at = self.codes[index], self.clock.now - START + self.flush
        if code is not None:
            self.clock.after(at, lambda: self.goes(index, code, at))

    def goes(self, index: int, code: int, at: float) -> None:
        """Ended; gone at once when it was deleted."""
        before = self.cluster.objects[("pods", f"load-{index}")]["metadata"]
        last = pod(
            index,
            ended(code, 5 - self.behind, int(at - self.behind)),
            self.uid(),
            phase="Failed" if code else "Succeeded",
        )
        last["metadata"] = before
        if "deletionTimestamp" in before:
            self.cluster.remove(PODS, last)
        else:
            self.cluster.put(PODS, last)
        self._gone[index] = code
        if len(self._gone) == self.shards:
            is_stopped = STOP_JOB in self.cluster.patches
            self.job_ends("Failed" if is_stopped or any(self._gone.values()) else "Complete")


def test_it_runs_for_its_duration_then_each_shard_gets_sigterm(tmp_path: pathlib.Path) -> None:
    world = Signalled(tmp_path, 0, 0)
    load = world.run()
    assert [name for name, _ in world.deleted] == ["load-0", "load-1"]
    assert all(DUE <= at <= DUE + 2 for _, at in world.deleted)
    assert (load["code"], load["reason"], load["early"], load["stopped"]) == (0, None, None, "")
    assert [shard["exitCode"] for shard in load["shards"]] == [0, 0]
    assert world.exit_code == 0
    assert STOP_JOB not in world.cluster.patches


def test_the_window_lasts_until_the_last_container_has_ended(tmp_path: pathlib.Path) -> None:
    world = Signalled(tmp_path, 0, flush=45)
    load = world.run()
    assert load["start"] == format_time(START + 5)
    assert load["end"] == format_time(START + world.deleted[0][1] + 45 - 1)


@pytest.mark.parametrize(
    ("code", "aggregate", "words"),
    [
        (1, 1, "exit 1"),
        (2, 2, "exit 2"),
        (143, 2, "exit 143"),
        (137, 2, "exit 137 (SigtermIgnored)"),
    ],
)
def test_the_code_is_what_the_container_then_ends_with(
    tmp_path: pathlib.Path, code: int, aggregate: int, words: str
) -> None:
    world = Signalled(tmp_path, 0, code)
    load = world.run()
    assert (load["code"], load["message"]) == (aggregate, f"shard 0 exit 0, shard 1 {words}")
    assert world.exit_code == EXIT_AGAINST_RUN


def test_a_kill_is_no_assertion_although_its_code_is_listed(tmp_path: pathlib.Path) -> None:
    assert Signalled(tmp_path, 137, failed_codes=(1, 137)).run()["code"] == 2


def test_a_shard_that_ends_before_is_early(tmp_path: pathlib.Path, termination_log: pathlib.Path) -> None:
    world = Signalled(tmp_path, 0, 0)
    world.clock.after(119, lambda: world.goes(1, 0, 119))
    load = world.run()
    assert (load["code"], load["reason"], load["early"]) == (0, "LoadEndedEarly", format_time(START + 119))
    assert [name for name, _ in world.deleted] == ["load-0"]
    assert termination_log.read_text().startswith(
        "LoadEndedEarly: shard 1 ended with 0 after 1m54s; with endBy: Signal it must run until it gets SIGTERM, 2m after the start"
    )


@pytest.mark.parametrize("behind", [0, 2, 4])
def test_the_clock_of_the_loads_node_may_be_behind(tmp_path: pathlib.Path, behind: int) -> None:
    """By its times a shard that obeys SIGTERM at once has ended before it."""
    world = Signalled(tmp_path, 0, 0, flush=0.2, behind=behind)
    load = world.run()
    assert (load["code"], load["reason"], load["early"]) == (0, None, None)
    assert all(DUE - behind <= at <= DUE - behind + 2 for _, at in world.deleted)


def test_that_of_a_shard_without_sigterm_excuses_nothing(tmp_path: pathlib.Path) -> None:
    world = Signalled(tmp_path, 0, 0)
    world.clock.after(122, lambda: world.goes(1, 0, 122))
    load = world.run()
    assert (load["code"], load["reason"], load["early"]) == (0, "LoadEndedEarly", format_time(START + 122))


def test_a_shard_that_started_sooner_must_last_until_all_get_sigterm(tmp_path: pathlib.Path) -> None:
    """Its own container lasts longer than the duration, and the window's start is the last shard's."""
    world = Signalled(tmp_path, 0, 0)
    world.clock.at.clear()
    world.clock.after(5, lambda: world.pods(running(5), {"waiting": {"reason": "ImagePullBackOff"}}))
    world.clock.after(45, lambda: world.pods(running(5), running(45)))
    world.clock.after(150, lambda: world.goes(0, 0, 150))
    load = world.run()
    assert (load["reason"], load["early"]) == ("LoadEndedEarly", format_time(START + 150))


def test_an_assertion_that_fails_before_is_no_early_end(tmp_path: pathlib.Path) -> None:
    world = Signalled(tmp_path, 0, 0)
    world.clock.after(60, lambda: world.goes(1, 1, 60))
    load = world.run()
    assert (load["code"], load["reason"]) == (1, None)


def test_every_shard_ends_before(tmp_path: pathlib.Path) -> None:
    world = Signalled(tmp_path, 0)
    world.clock.after(60, lambda: world.goes(0, 0, 60))
    load = world.run()
    assert (load["code"], load["reason"], world.deleted) == (0, "LoadEndedEarly", [])
    assert read(world.cluster).get(LoadSignal) is None


@pytest.mark.parametrize("second", [60, 123])
def test_a_pod_that_somebody_else_deletes_is_disrupted(tmp_path: pathlib.Path, second: int) -> None:
    world = Signalled(tmp_path, 0, 0, flush=8)
    world.clock.after(second, lambda: world.terminates(0))
    load = world.run()
    assert [name for name, _ in world.deleted] == ["load-1"]
    assert (load["code"], load["shards"][0]["exitCode"], load["shards"][0]["reason"]) == (2, None, "Deleted")


class LostError(Exception):
    """The step's pod is gone in the middle of a call."""


@pytest.mark.parametrize("deleted", [0, 1])
def test_a_restart_between_intent_and_deletion(tmp_path: pathlib.Path, deleted: int) -> None:
    world = Signalled(tmp_path, 0, 0, flush=30)

    def dies(resource: Resource, name: str, *, uid: str | None = None) -> bool:
        if len(world.deleted) == deleted:
            raise LostError
        return world.delete(resource, name, uid=uid)

    world.cluster.delete = dies  # type: ignore[method-assign]
    with pytest.raises(LostError):
        world.run()
    intent = read(world.cluster).need(LoadSignal)
    world.cluster.delete = world.delete  # type: ignore[method-assign]
    world.clock.sleep(9)
    load = world.run()
    assert [name for name, _ in world.deleted] == ["load-0", "load-1"]
    assert (load["code"], load["reason"]) == (0, None)
    assert read(world.cluster).need(LoadSignal) == intent


def _run_until_the_pods_are_deleted(world: Signalled, monkeypatch: pytest.MonkeyPatch) -> None:
    """The step is lost at its first look after that."""
    watch = world.cluster.watch

    def dies(*given: Any, **named: Any) -> Any:
        if world.deleted:
            raise LostError
        return watch(*given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(world.cluster, "watch", dies)
        with pytest.raises(LostError):
            world.run()


def test_a_restart_while_the_shards_end(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next attempt knows from the record that the pods were deleted as planned."""
    world = Signalled(tmp_path, 0, flush=30)
    _run_until_the_pods_are_deleted(world, monkeypatch)
    world.clock.sleep(5)
    load = world.run()
    assert (load["code"], load["reason"], len(world.deleted)) == (0, None, 1)


def test_a_code_that_nobody_saw_is_no_pass(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No attempt looked from the deletion until the pod was gone: the Job alone does not prove a 0."""
    world = Signalled(tmp_path, 0)
    _run_until_the_pods_are_deleted(world, monkeypatch)
    world.clock.sleep(60)
    load = world.run()
    assert (load["code"], load["shards"][0]["reason"]) == (2, "PodGone")


def test_the_deletion_by_an_attempt_that_runs_beside_this_one(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This attempt sees the deletion before it knows of the intent: it reads the record before it judges what it saw."""
    world = Signalled(tmp_path, 0)

    def other() -> None:
        uid = world.cluster.objects[("pods", "load-0")]["metadata"]["uid"]
        write(world.written, LoadSignal(format_time(world.clock.now), [SignalledPod(0, "load-0", uid)]))
        world.cluster.delete(PODS, "load-0", uid=uid)

    # This one's clock is behind.
    world.clock.after(119.5, other)
    load = world.run()
    assert (load["code"], [name for name, _ in world.deleted]) == (0, ["load-0"])


def test_a_shard_that_never_ends_is_stopped_at_run_duration(tmp_path: pathlib.Path) -> None:
    """As on a node that is lost: the pod is never gone."""
    world = Signalled(tmp_path, None)
    world.clock.after(5 + 15 * 60 + 3, lambda: world.job_ends("Failed"))
    load = world.run()
    assert (load["code"], load["stopped"]) == (2, "runDuration")
    assert STOP_JOB in world.cluster.patches


def test_a_rule_that_stops_the_load_before_leaves_no_signal(tmp_path: pathlib.Path) -> None:
    world = Signalled(tmp_path, 0)
    world.clock.after(60, world.stop)
    world.clock.after(62, lambda: world.terminates(0))
    load = world.run()
    assert (load["code"], load["stopped"], world.deleted) == (None, "rule height failed", [])
    assert read(world.cluster).get(LoadSignal) is None


@pytest.mark.parametrize(("code", "aggregate"), [(0, None), (1, 1), (2, 2)])
def test_a_rule_that_stops_the_load_while_its_shards_end(
    tmp_path: pathlib.Path, code: int, aggregate: int | None
) -> None:
    """The Job then fails although its pods end as planned; a 0 is neither a pass nor an infrastructure failure."""
    world = Signalled(tmp_path, code, flush=30)
    world.clock.after(DUE + 10, world.stop)
    load = world.run()
    assert (load["code"], load["stopped"]) == (aggregate, "rule height failed")
    assert len(world.deleted) == 1


def test_a_busy_cluster_that_forgets_old_versions_hides_no_end(tmp_path: pathlib.Path) -> None:
    """
    The API server keeps a minute or two of changes. A watch that begins before them sees nothing, and here each pod is gone within a
    second.
    """
    for kept in range(75, 125, 5):
        folder = tmp_path / str(kept)
        folder.mkdir()
        world = Signalled(folder, 0, 0, flush=0.5)
        world.cluster.kept_changes = kept
        for second in range(600):
            world.clock.after(
                second + 0.25, lambda world=world: world.cluster.put(PODS, {"metadata": {"name": "a-stranger"}})
            )
        load = world.run()
        assert (load["code"], load["message"]) == (0, "shard 0 exit 0, shard 1 exit 0"), kept


def test_a_cooldown_follows_as_after_any_load_that_ended(tmp_path: pathlib.Path) -> None:
    world = Signalled(tmp_path, 0)
    world.run()
    assert read(world.cluster).need(LoadEnd).cooldown_end(180) is not None


def test_a_load_that_ends_by_itself_is_never_deleted(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path)
    world.plays(ended(0, 5, 640), at=640)
    assert world.run()["code"] == 0
    assert read(world.cluster).get(LoadSignal) is None


def test_a_verdict_that_stands_keeps_the_pods(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An attempt that Argo gave up records and deletes nothing once finalize has sealed the record."""
    world = Signalled(tmp_path, 0)
    watch = world.cluster.watch

    def dies(*given: Any, **named: Any) -> Any:
        if world.clock.now > START + DUE + 9:
            raise LostError
        return watch(*given, **named)

    monkeypatch.setattr(world.cluster, "watch", dies)
    record = ("configmaps", IDENTITY.record_name)
    world.clock.after(DUE - 3, lambda: world.cluster.objects[record].update(immutable=True))
    with pytest.raises(LostError):
        world.run()
    assert (world.deleted, read(world.cluster).get(LoadSignal)) == ([], None)
