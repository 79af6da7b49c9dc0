"""`logs`: which pods are read, in which order, each line once; by a fake API server over HTTP."""

import pytest

from cli_helpers import call
from fake_api_server import FakeApiServer
from record_kit import load_end
from runner_helpers import IDENTITY, NAMESPACE, write
from runs_kit import shard, shard_pod, step_pod, under_load, workflow
from validationrun.base.conventions import STEPS
from validationrun.cli import logs
from validationrun.contract.diagnostics import Diagnostics
from validationrun.kube.cluster import Cluster
from validationrun.runs.logs import Source, Tail

RUN = IDENTITY.workflow


def lines(*arguments: object) -> list[str]:
    done = call("logs", RUN, *arguments, "-n", NAMESPACE)
    assert done.code == 0, done.err
    return done.out.splitlines()


@pytest.fixture
def run(api: FakeApiServer) -> FakeApiServer:
    under_load(api)
    shard_pod(api, 1, "load of one\n")
    shard_pod(api, 0, "load of zero\n")
    step_pod(api, "rule-evaluator", "second try\n", attempt=1)
    step_pod(api, "rule-evaluator", "first try\n", attempt=0)
    step_pod(api, "ensure-chain", "chain up\n")
    return api


def test_all_steps_in_their_order_then_all_shards(run: FakeApiServer) -> None:
    """A step that was tried again has the first try first, and each line says where it is from."""
    del run
    assert lines() == [
        "[ensure-chain] chain up",
        "[rule-evaluator] first try",
        "[rule-evaluator] second try",
        "[shard 0] load of zero",
        "[shard 1] load of one",
    ]


def test_one_step_or_one_shard_is_printed_as_it_is(run: FakeApiServer) -> None:
    del run
    assert lines("--step", "rule-evaluator") == ["first try", "second try"]
    assert lines("--shard", "1") == ["load of one"]


def test_finalize_is_read_where_it_runs_beside_the_main_container(run: FakeApiServer) -> None:
    step_pod(run, "finalize", f"the verdict\n{ARGO}", beside_main="finalize")
    assert lines("--step", "finalize") == ["the verdict"]


def test_pods_of_an_older_run_of_that_name_are_not_its_own(run: FakeApiServer) -> None:
    step_pod(run, "finalize", "of the run before\n", uid="another-uid")
    assert not [line for line in lines() if "before" in line]


def test_a_pod_whose_node_is_gone_keeps_no_other_from_being_read(run: FakeApiServer) -> None:
    run.silent = {"load-0"}
    done = call("logs", RUN, "-n", NAMESPACE)
    assert done.code == 0
    assert "[shard 1] load of one" in done.out
    assert done.err.count("cannot be read: GET ") == 1
    assert "i/o timeout" in done.err


def test_a_log_cannot_write_to_the_terminal(run: FakeApiServer) -> None:
    step_pod(run, "ensure-chain", "\x1b[2Jgone\n")
    assert lines("--step", "ensure-chain") == ["\\x1b[2Jgone"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--step", "finalize"], "no pod of finalize of run nightly-x7k2p is there yet; -f waits for it"),
        (["--shard", "7"], "no pod of shard 7 of run"),
        (["--step", "finalize", "--shard", "0"], "give one of them"),
    ],
)
def test_nothing_to_read_is_no_success(run: FakeApiServer, arguments: list[str], words: str) -> None:
    del run
    done = call("logs", RUN, *arguments, "-n", NAMESPACE)
    assert (done.code, done.out, words in done.err) == (2, "", True)


def test_pods_that_are_gone_are_told_as_gone(api: FakeApiServer) -> None:
    workflow(api, RUN, uid=IDENTITY.uid, phase="Succeeded")
    done = call("logs", RUN, "-n", NAMESPACE)
    assert (done.code, "its pods are gone, which Argo removes when a run succeeds" in done.err) == (2, True)


@pytest.fixture
def failed(api: FakeApiServer) -> FakeApiServer:
    """A run that did not pass, of which finalize saved what the pods said; only the load-job's pod is still there."""
    written = under_load(api, phase="Failed", verdict="Failed", ours="Failed")
    shards = [shard(0, code=1, ended=80), shard(1, code=0, ended=80)]
    write(written, load_end(1, start=50, end=None, message="shard 0 exit 1", shards=shards), DIAGNOSTICS)
    step_pod(api, "load-job", "the load ended\n")
    return api


ARGO = 'time=2026-11-24T12:33:02.686Z level=INFO msg="sub-process exited" argo=true error="exit status 1"\n'
DIAGNOSTICS = Diagnostics.from_data({
    "at": "2026-11-24T10:00:00Z",
    "omitted": 0,
    "pods": [
        {"job": "nightly-job", "events": ["10:00 Warning FailedIndexes: Job has failed indexes"]},
        {
            "pod": "load-0",
            "of": "shard",
            "node": "node",
            "phase": "Failed",
            "containers": [{"name": "workload", "state": "terminated", "exitCode": 1, "reason": "Error"}],
            "events": ["10:00 Normal Started: Started container"],
            "log": {"workload": "nothing was included\ntime=1 level=2 argo=true\n"},
        },
        {"pod": "nightly-val-0-0", "of": "chain", "phase": "Running", "log": {"seid": "\x1b[2Jhalted\n"}},
        {"pod": f"{RUN}-load-job-0", "of": "load-job", "phase": "Succeeded", "log": {"main": "older\n"}},
        {"pod": f"{RUN}-ensure-chain-0", "of": "ensure-chain", "log": {"main": f"{ARGO}chain up\nError: exit status 70\n"}},
    ],
})  # fmt: skip


@pytest.mark.usefixtures("failed")
def test_of_pods_that_are_gone_the_saved_lines_are_read() -> None:
    """Behind the living ones, which have all of it; Argo's own lines stay out, the workload's own whatever they look like."""
    assert lines() == [
        "[load-job] the load ended",
        "[shard 0] nothing was included",
        "[shard 0] time=1 level=2 argo=true",
        "[nightly-val-0-0] \\x1b[2Jhalted",
        "[ensure-chain] chain up",
    ]
    assert lines("--step", "ensure-chain") == ["chain up"]
    assert lines("--shard", "0")[0] == "nothing was included"
    assert lines("-f") == lines()


@pytest.mark.usefixtures("failed")
def test_all_that_was_saved_by_pod() -> None:
    assert lines("--saved", "--shard", "0") == [
        "== load-0 (shard 0)",
        "  Failed, on node",
        "  workload: terminated, exit 1, Error",
        "  10:00 Normal Started: Started container",
        "  the last 2 lines of workload:",
        "    nothing was included",
        "    time=1 level=2 argo=true",
    ]
    assert [line for line in lines("--saved") if line.startswith("==")] == [
        "== nightly-job",
        "== load-0 (shard 0)",
        "== nightly-val-0-0",
        f"== {RUN}-load-job-0 (load-job)",
        f"== {RUN}-ensure-chain-0 (ensure-chain)",
    ]


@pytest.mark.usefixtures("failed")
def test_the_status_says_where_to_read_it() -> None:
    done = call("status", RUN, "-n", NAMESPACE)
    assert (
        done.out.splitlines()[-1] == f"  pods     `validationrun logs {RUN} -n {NAMESPACE} --saved` has what they said"
    )
    assert "--saved" not in call("status", RUN, "-n", NAMESPACE, "-o", "json").out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], f"nothing was saved of the pods of run {RUN}: it is saved when a run ends that did not pass"),
        (["-f"], "there is nothing to follow"),
    ],
)
def test_nothing_saved_is_no_success(run: FakeApiServer, arguments: list[str], words: str) -> None:
    del run
    done = call("logs", RUN, "--saved", *arguments, "-n", NAMESPACE)
    assert (done.code, done.out, words in done.err) == (2, "", True)


def test_argos_own_lines_are_left_out_of_a_steps_log(run: FakeApiServer) -> None:
    step_pod(run, "ensure-chain", f"{ARGO}chain up\nError: exit status 1\n")
    assert lines("--step", "ensure-chain") == ["chain up"]


def test_following_ends_with_the_run_and_reads_what_came_last(
    run: FakeApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pod that appears later is read too; no line comes twice, none is lost."""
    story = iter(
        [
            lambda: run.cluster.logs.update({(f"{RUN}-ensure-chain-0", "main"): "chain up\nmore\n"}),
            lambda: step_pod(run, "finalize", "verdict\n"),
            lambda: (
                run.cluster.logs.update({(f"{RUN}-finalize-0", "main"): "verdict\nthe chain is gone\n"}),
                workflow(run, RUN, uid=IDENTITY.uid, phase="Failed"),
            ),
        ]
    )
    monkeypatch.setattr(logs.time, "sleep", lambda _: next(story)())
    assert sorted(lines("-f")) == sorted(
        [
            "[ensure-chain] chain up",
            "[ensure-chain] more",
            "[finalize] verdict",
            "[finalize] the chain is gone",
            "[rule-evaluator] first try",
            "[rule-evaluator] second try",
            "[shard 0] load of zero",
            "[shard 1] load of one",
        ]
    )


def test_following_a_run_that_is_deleted_ends(run: FakeApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs.time, "sleep", lambda _: run.cluster.objects.pop(("workflows", RUN)))
    done = call("logs", RUN, "-n", NAMESPACE, "-f")
    assert (done.code, f"run {RUN} in {NAMESPACE} was deleted" in done.err) == (0, True)


def test_following_waits_for_what_is_not_there_yet(run: FakeApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    story = iter(
        [
            lambda: step_pod(run, "finalize", "verdict\n"),
            lambda: workflow(run, RUN, uid=IDENTITY.uid, phase="Failed"),
        ]
    )
    monkeypatch.setattr(logs.time, "sleep", lambda _: next(story)())
    assert lines("-f", "--step", "finalize") == ["verdict"]


class Kubelet:
    """Gives a log as the API server does: from a whole second on."""

    def __init__(self) -> None:
        self.log: list[tuple[str, str]] = []
        self.asked: list[str] = []

    def patient(self, seconds: float) -> "Kubelet":
        del seconds
        return self

    def log_since(self, pod: str, container: str, since: str = "") -> str:
        self.asked.append(since)
        return "".join(f"{at} {text}\n" for at, text in self.log if at[:19] >= since[:19])


def tail_of(kubelet: Kubelet) -> Tail:
    cluster: Cluster = kubelet  # type: ignore[assignment]
    return Tail(cluster, Source("shard 0", "pod", "workload"))


def test_each_line_comes_once_whatever_the_second_it_was_written_in() -> None:
    kubelet = Kubelet()
    tail = tail_of(kubelet)
    assert tail.lines() == []
    second = "2026-11-24T10:00:00"
    kubelet.log += [(f"{second}.000000001Z", "a"), (f"{second}.1Z", "b"), (f"{second}.1Z", "c")]
    assert tail.lines() == ["a", "b", "c"]
    # The fraction is a number, not a text: .12 is later than .1, and .1 again is another line.
    kubelet.log += [(f"{second}.1Z", "d"), (f"{second}.12Z", "e")]
    assert tail.lines() == ["d", "e"]
    kubelet.log += [(f"{second}.2Z", "f"), ("2026-11-24T10:00:01Z", "g")]
    assert tail.lines() == ["f", "g"]
    assert tail.lines() == []
    assert kubelet.asked[-1] == "2026-11-24T10:00:01Z"


def test_what_has_no_time_is_shown_and_does_not_move_the_mark() -> None:
    kubelet = Kubelet()
    tail = tail_of(kubelet)
    kubelet.log += [("unable", "to retrieve container logs"), ("2026-11-24T10:00:00Z", "a b  c")]
    assert tail.lines() == ["unable to retrieve container logs", "a b  c"]


def test_a_line_keeps_its_form_feeds() -> None:
    kubelet = Kubelet()
    kubelet.log.append(("2026-11-24T10:00:00Z", "a\x0cb\u2028c"))
    assert tail_of(kubelet).lines() == ["a\x0cb\u2028c"]


def test_every_step_can_be_chosen() -> None:
    """The command line has a list of its own, so that `--help` starts without the record."""
    assert [step.value for step in logs.Step] == list(STEPS)
