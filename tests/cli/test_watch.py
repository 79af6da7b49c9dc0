"""`watch` and `wait`: what is seen of a run while it goes on, and that its verdict is the exit code."""

import dataclasses
import io
import json
from collections.abc import Callable

import pytest
from msgspec.structs import replace
from rich.console import Console

from cli_helpers import call
from fake_api_server import FakeApiServer
from record_kit import load_end, sign_off, verdict_status
from runner_helpers import IDENTITY, NAMESPACE, START, begin, write
from runs_kit import CHAIN, RUN, node, shard, state, step_pod, under_load, workflow
from terminal_kit import in_terminal
from validationrun.base.times import format_time
from validationrun.cli import run_options
from validationrun.cli.watch_view import Changes, frame, shard_words
from validationrun.contract.evaluation_entries import RuleStates
from validationrun.contract.load_entries import ShardsEntry
from validationrun.contract.record import Record
from validationrun.kube.cluster import Cluster
from validationrun.runs.snapshot import Follower, Snapshot

NAME = IDENTITY.workflow


def ends(api: FakeApiServer, written: Record, phase: str) -> Callable[[float], None]:
    """In place of a pause: finalize gives the verdict and Argo ends the Workflow."""

    def sleep(_: float) -> None:
        write(written, verdict_status(phase, "R", "words"))
        workflow(api, NAME, uid=IDENTITY.uid, phase="Succeeded" if phase == "Succeeded" else "Failed")

    return sleep


@pytest.mark.parametrize("verb", ["wait", "watch"])
@pytest.mark.parametrize(
    ("verdict", "phase", "code"), [("Passed", "Succeeded", 0), ("Failed", "Failed", 1), ("Error", "Cancelled", 2)]
)
def test_the_exit_code_is_the_verdict(
    api: FakeApiServer, monkeypatch: pytest.MonkeyPatch, verb: str, verdict: str, phase: str, code: int
) -> None:
    monkeypatch.setattr(run_options.time, "sleep", ends(api, under_load(api), phase))
    done = call(verb, NAME, "-n", NAMESPACE, "-o", "json")
    assert (done.code, json.loads(done.out)["verdict"]) == (code, verdict)
    assert "Running: under load" in done.err


@pytest.mark.parametrize("verb", ["wait", "watch"])
def test_a_passed_whose_workflow_failed_is_no_pass(
    api: FakeApiServer, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    """Its upload failed after the verdict was written, for instance."""
    written = under_load(api)

    def sleep(_: float) -> None:
        write(written, verdict_status("Succeeded", "R", "words"))
        workflow(api, NAME, uid=IDENTITY.uid, phase="Error")

    monkeypatch.setattr(run_options.time, "sleep", sleep)
    assert call(verb, NAME, "-n", NAMESPACE).code == 2


@pytest.mark.parametrize("verb", ["wait", "watch"])
@pytest.mark.parametrize("becomes", ["deleted", "another"])
def test_a_run_that_vanishes_is_never_a_pass(
    api: FakeApiServer, monkeypatch: pytest.MonkeyPatch, verb: str, becomes: str
) -> None:
    """Nor does another Workflow that takes over its name give a verdict about it."""
    under_load(api)

    def sleep(_: float) -> None:
        del api.cluster.objects[("workflows", NAME)]
        if becomes == "another":
            workflow(api, NAME, uid="another-uid", phase="Succeeded", verdict="Passed", ours="Succeeded")

    monkeypatch.setattr(run_options.time, "sleep", sleep)
    done = call(verb, NAME, "-n", NAMESPACE)
    assert (done.code, done.out) == (2, "")
    assert f"run {NAME} in {NAMESPACE} is gone: deleted before it had a verdict" in done.err


@pytest.mark.parametrize("verb", ["wait", "watch"])
def test_an_api_server_that_goes_away_for_a_while_ends_nothing(
    api: FakeApiServer, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    written, end = under_load(api), []

    def sleep(seconds: float) -> None:
        if not end:
            api.down = True
            end.append(1)
        elif seconds == run_options._AWAY_PAUSE_SECONDS:
            api.down = False
            ends(api, written, "Succeeded")(0)

    monkeypatch.setattr(run_options, "_FIRST_ANSWER_SECONDS", 0)
    monkeypatch.setattr(run_options.time, "sleep", sleep)
    done = call(verb, NAME, "-n", NAMESPACE)
    assert done.code == 0, done.err
    assert "no answer, waiting for it to come back" in done.err


def test_who_stops_watching_stops_nothing(api: FakeApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    under_load(api)

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run_options.time, "sleep", interrupt)
    done = call("watch", NAME, "-n", NAMESPACE)
    assert (done.code, f"no longer watching; run {NAME} goes on" in done.err) == (2, True)
    assert [one for one in api.cluster.patches if one[0] == "workflows"] == []


def test_a_timeout_is_no_verdict(api: FakeApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    under_load(api)
    now = iter(range(1000))
    monkeypatch.setattr(run_options.time, "monotonic", lambda: float(next(now)))
    monkeypatch.setattr(run_options.time, "sleep", lambda _: None)
    done = call("watch", NAME, "-n", NAMESPACE, "--timeout", "5s")
    assert (done.code, "has no verdict within --timeout; it goes on" in done.err) == (2, True)


NODES = {
    "a": node("ensure-chain", "Succeeded", kind="Retry", outputs={"parameters": [{"name": "message", "value": "blocks"}]}),
    "a0": node("ensure-chain", "Succeeded"),
    "b": node("wait-chain-ready", "Succeeded", kind="Retry", after=31),
    "b0": node("wait-chain-ready", "Succeeded", after=31),
    "c": node("load-job", "Running", kind="Retry", after=45),
    "c0": node("load-job", "Failed", after=45),
    "c1": node("load-job", "Running", after=50),
    "d": node("rule-evaluator", "Running", kind="Retry", after=45),
    "d0": node("rule-evaluator", "Pending", after=45, message="ImagePullBackOff"),
    "e": {"templateName": "main", "type": "DAG", "phase": "Running"},
}  # fmt: skip


def look(api: FakeApiServer) -> Snapshot:
    del api
    snapshot = Follower(Cluster.outside(None, NAMESPACE), NAME).look()
    assert snapshot is not None
    return snapshot


def answer(rule: str, at: float, message: str, verdict: str = "Passed", reason: str | None = None) -> str:
    """A line of the evaluator's log."""
    return json.dumps(
        {"rule": rule, "T": format_time(START + at), "verdict": verdict, "reason": reason, "message": message}
    )


def test_steps_are_told_by_argos_nodes(api: FakeApiServer) -> None:
    under_load(api, status={"nodes": NODES})
    told = [(one.name, one.state, one.message, one.attempts) for one in look(api).steps]
    assert told == [
        ("ensure-chain", "Done", "blocks", 1),
        ("wait-chain-ready", "Done", "", 1),
        ("load-job", "Running", "", 2),
        ("rule-evaluator", "Pending", "ImagePullBackOff", 1),
        ("finalize", "Waiting", "", 0),
    ]


def test_where_argo_keeps_its_nodes_elsewhere_the_record_tells_the_steps(api: FakeApiServer) -> None:
    written = under_load(api)
    assert [one.state for one in look(api).steps] == ["Done", "Done", "Running", "Running", "Waiting"]
    write(written, load_end(start=50))
    assert [one.state for one in look(api).steps] == ["Done", "Done", "Done", "Running", "Waiting"]


@pytest.mark.parametrize(
    ("verdict", "message"),
    [("Failed", "ThresholdViolated: rule height: 0 > 1"), ("Error", "Timeout: rule height: 0 > 1")],
)
def test_a_rule_that_speaks_against_the_run_is_red_there_too(api: FakeApiServer, verdict: str, message: str) -> None:
    written = under_load(api)
    against = state("height", verdict, "0 > 1", reason=message.split(":", maxsplit=1)[0])
    write(written, load_end(start=50), sign_off(against, state("halted"), stopped=True))
    assert look(api).steps[3].state == "Running"
    write(written, sign_off(state("halted"), against), verdict_status(verdict, "RuleFailed:height", "0 > 1"))
    told = {one.name: (one.state, one.message) for one in look(api).steps}
    assert told["rule-evaluator"] == (verdict, message)
    assert told["finalize"] == (verdict, "RuleFailed:height: 0 > 1")
    write(written, sign_off(state("height"), state("halted")), verdict_status("Succeeded", "RunSucceeded", "all held"))
    assert [one.state for one in look(api).steps[2:]] == ["Done", "Done", "Done"]


def test_a_step_that_recorded_a_failure_is_shown_as_failed(api: FakeApiServer) -> None:
    """For Argo it ended well: its failure is recorded, and finalize tells it."""
    workflow(api, NAME, uid=IDENTITY.uid, status={"nodes": {key: NODES[key] for key in ("a", "a0")}})
    begin(api.cluster, RUN, replace(CHAIN, reason="ChainFailed", message="the genesis halted"))
    first = look(api).steps[0]
    assert (first.state, first.message) == ("Error", "ChainFailed: the genesis halted")


def test_a_run_without_load_has_no_step_for_it(api: FakeApiServer) -> None:
    templates = [{"name": name} for name in ("main", "ensure-chain", "wait-chain-ready", "rule-evaluator", "finalize")]
    workflow(api, NAME, uid=IDENTITY.uid, status={"storedWorkflowTemplateSpec": {"templates": templates}})
    assert [one.name for one in look(api).steps] == ["ensure-chain", "wait-chain-ready", "rule-evaluator", "finalize"]


def test_the_last_answer_is_that_of_the_evaluators_log_where_it_is_newer(api: FakeApiServer) -> None:
    """The record is written when a verdict changes; the log has every answer. A verdict is the record's word alone."""
    under_load(api)
    log = ["2026-11-24T10:00:00Z rule-evaluator: ready", "{broken", '{"rule": 7}', '{"T": 5, "rule": "height"}']
    log += [answer("height", 60, "older"), answer("halted", 110, "HTTP 503", "Error", "PrometheusUnavailable")]
    step_pod(api, "rule-evaluator", "\n".join(log))
    told = [(one.name, one.verdict, one.last, one.at) for one in look(api).rules]
    assert told == [
        ("height", "Passed", "23 > 0", format_time(START + 80)),
        ("halted", "Passed", "PrometheusUnavailable: HTTP 503", format_time(START + 110)),
    ]


@pytest.mark.parametrize("denied", [("list", "pods"), ("get", "pods/log")])
def test_without_the_right_to_read_logs_the_record_has_to_do(api: FakeApiServer, denied: tuple[str, str]) -> None:
    under_load(api)
    step_pod(api, "rule-evaluator", answer("height", 110, "newer"))
    api.denied = {denied}
    assert [one.last for one in look(api).rules] == ["23 > 0", "the alert did not fire"]


def test_of_an_evaluator_whose_node_is_gone_the_record_has_to_do(api: FakeApiServer) -> None:
    under_load(api)
    step_pod(api, "rule-evaluator", answer("height", 110, "newer"))
    api.silent = {f"{IDENTITY.workflow}-rule-evaluator-0"}
    assert [one.last for one in look(api).rules] == ["23 > 0", "the alert did not fire"]


def test_shards_are_told_as_they_end(api: FakeApiServer) -> None:
    written = under_load(api)
    assert look(api).shards == {0: "running", 1: "running"}
    oom = shard(1, code=137, ended=70, reason="OOMKilled")
    write(written, ShardsEntry([shard(0, code=0, ended=60), oom]))
    assert look(api).shards == {0: "exit 0", 1: "exit 137 (OOMKilled)"}
    write(written, ShardsEntry([shard(0, started=None)]))
    assert look(api).shards == {0: "waiting", 1: "waiting"}


def test_many_shards_are_counted() -> None:
    assert shard_words({0: "running", 1: "exit 0"}) == "shard 0 running, shard 1 exit 0"
    many = {**dict.fromkeys(range(62), "running"), 62: "exit 0", 63: "exit 1"}
    assert shard_words(many) == "62 running, 1 exit 0, 1 exit 1 of 64 shards"


def drawn(snapshot: Snapshot, now: float, width: int = 100) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width).print(frame(snapshot, now))
    return stream.getvalue()


def test_a_frame_shows_steps_window_and_rules(api: FakeApiServer) -> None:
    under_load(api, status={"nodes": NODES})
    text = drawn(look(api), START + 120)
    lines = [line.split() for line in text.splitlines() if line.strip()]
    assert " ".join(lines[0]) == f"{NAME} in {NAMESPACE}: Running for 2m, under load; a pod waits: ImagePullBackOff"
    assert ["✓", "ensure-chain", "31s", "blocks"] in lines
    assert ["●", "load-job", "1m15s", "shard", "0", "running,", "shard", "1", "running,", "attempt", "2"] in lines
    assert ["◌", "rule-evaluator", "1m15s", "ImagePullBackOff"] in lines
    (window,) = [line for line in lines if line[0] == "window"]
    assert window[-3:] == ["1m10s", "of", "5m"]
    assert ["height", "Passed", "23", ">", "0", "40s", "ago"] in lines


def test_a_frame_obeys_nobody_elses_text(api: FakeApiServer) -> None:
    under_load(api)
    step_pod(api, "rule-evaluator", answer("height", 110, "[red]x[/red] \x1b[2J [/nothing]"))
    text = drawn(look(api), START + 120)
    assert "[red]x[/red] \\x1b[2J [/nothing]" in text
    assert "\x1b" not in text


@pytest.mark.parametrize("terminal", ["xterm-256color", "dumb"])
def test_on_a_terminal_the_picture_is_replaced_by_the_verdict(api: FakeApiServer, terminal: str) -> None:
    written, looks = under_load(api, status={"nodes": NODES}), iter(range(1000))

    def end_at_the_third_look() -> None:
        # Each look reads the Workflow and the record.
        if next(looks) == 5:
            ends(api, written, "Succeeded")(0)

    api.cluster.on_get = end_at_the_third_look
    code, out = in_terminal("watch", NAME, "-n", NAMESPACE, TERM=terminal)
    assert code == 0, out
    assert ("━" in out and "\x1b[1A" in out) == (terminal != "dumb")
    assert out.rstrip().endswith("message  words")


def test_lines_tell_each_change_once(api: FakeApiServer) -> None:
    written = under_load(api, status={"nodes": NODES})
    now = [START + 60]
    changes = Changes(lambda: now[0])
    first = list(changes.since(look(api)))
    assert first == [
        "Running: under load; a pod waits: ImagePullBackOff",
        "step ensure-chain: Done after 31s: blocks",
        "step wait-chain-ready: Done after 31s",
        "step load-job: Running (attempt 2)",
        "step rule-evaluator: Pending: ImagePullBackOff",
        "shard 0: running",
        "shard 1: running",
        "rule height: Passed: 23 > 0",
        "rule halted: Passed: the alert did not fire",
    ]
    # A value that moves is no news.
    write(written, RuleStates([state("height", message="24 > 0"), state("halted")]))
    assert list(changes.since(look(api))) == []
    failed = state("height", verdict="Failed", reason="ThresholdViolated", message="0, not > 0")
    write(written, RuleStates([failed, state("halted")]))
    assert list(changes.since(look(api))) == ["rule height: Failed: ThresholdViolated: 0, not > 0"]
    # A sign of life, so that a pipeline sees that something goes on.
    now[0] += 61
    assert list(changes.since(look(api))) == ["window 1m11s of 5m: 1 Failed, 1 Passed"]
    assert list(changes.since(look(api))) == []


def test_before_the_first_step_argos_own_words_tell_what_it_waits_for(api: FakeApiServer) -> None:
    message = "Waiting for eng-ada/Mutex/validationrun-x lock. Lock status: 0/1"
    workflow(api, NAME, uid=IDENTITY.uid, phase="Pending", status={"message": message})
    done = call("status", NAME, "-n", NAMESPACE)
    assert f"message  starting: {message}" in done.out
    pending = {"a0": node("ensure-chain", "Pending", message="ImagePullBackOff: no such image")}
    workflow(api, NAME, uid=IDENTITY.uid, status={"nodes": pending})
    assert "starting: ImagePullBackOff: no such image" in call("status", NAME, "-n", NAMESPACE).out
    refused = {"a0": node("ensure-chain", "Error", message='pods "x" is forbidden: serviceaccount "y" not found')}
    workflow(api, NAME, uid=IDENTITY.uid, status={"nodes": {**pending, **refused}})
    assert 'starting: pods "x" is forbidden: serviceaccount "y" not found' in call("status", NAME, "-n", NAMESPACE).out


def test_a_status_of_a_run_that_goes_on(api: FakeApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("validationrun.cli.run_options.time.time", lambda: START + 120)
    under_load(api)
    shown = call("status", NAME, "-n", NAMESPACE).out
    assert "  window   1m10s of 5m\n" in shown
    assert "  with     duration=5m\n" in shown
    assert f"  load     {IDENTITY.job_name} (2 shards of 2 running)\n" in shown


def test_a_window_never_shows_more_than_its_length(api: FakeApiServer) -> None:
    written = under_load(api)
    assert run_options.window_words(look(api), START + 9000) == "5m of 5m"
    write(written, load_end(start=50, end=100))
    assert run_options.window_words(look(api), START + 9000) == "50s of 5m"
    assert run_options.window_words(dataclasses.replace(look(api), window=None), START) == ""
