"""However a local run ends, no process of it is left: not even one that made itself a session of its own."""

import os
import pathlib
import signal
import time

import pytest

from local_kit import Spec, daemon, marked, rule, shell, started
from prometheus_kit import behaviours, until

ONE = "vector(1)"

# Two shards, each with a child, and with a grandchild that called setsid and whose parent is gone.
STAYS = f"{daemon('daemon-$SHARD_INDEX')} sleep 300 & touch runs-$SHARD_INDEX; wait"


def stays(running):
    """Until all of it runs."""
    for index in (0, 1):
        running.until_file(f"runs-{index}")
        running.until_file(f"daemon-{index}")
    until(lambda: len([words for _, words in marked(running.mark) if words.startswith("sleep")]) == 4, 10, "all sleep")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything_in_order(tmp_path, shared_prometheus, number):
    """Cancelled and 2, the results sealed, no process left."""
    spec = Spec(shell(STAYS), [rule("one", ONE)], duration="60s", replicas=2)
    with started(spec, tmp_path, "--prometheus", shared_prometheus.url) as running:
        stays(running)
        running.signal(number)
        done = running.finish()
    assert (done.code, done.verdict) == (2, ("Cancelled", "Cancelled")), done.err
    assert done.result.document.window.interrupted is True
    assert {(one["exitCode"], one["reason"]) for one in done.status["load"]["shards"]} == {
        (None, "stopped (interrupted)")
    }
    assert "CANCELLED" in done.out


def test_a_signal_after_a_failure_still_cancels(tmp_path, shared_prometheus):
    """A rule failed and the load takes its time to end: whoever stops the run before the verdict gets no verdict."""
    script = "trap 'touch told' TERM; touch runs; while :; do sleep 0.2; done"
    spec = Spec(shell(script), [rule("none", ONE, "<", stopOnFailure=True)], duration="60s", grace=4)
    with started(spec, tmp_path, "--prometheus", shared_prometheus.url) as running:
        running.until_file("told")
        # By now everything is judged, and only the load's end is missing.
        running.until_said("waiting until the load has ended")
        running.signal(signal.SIGINT)
        done = running.finish()
    assert (done.code, done.verdict) == (2, ("Cancelled", "Cancelled"))


def test_a_second_signal_does_not_wait_for_the_grace(tmp_path, shared_prometheus):
    """The load ignores SIGTERM and has ten minutes; who asks twice does not want to wait."""
    script = "trap 'touch told' TERM; touch runs; while :; do sleep 0.2; done"
    spec = Spec(shell(script), [rule("one", ONE)], duration="60s", grace=600)
    with started(spec, tmp_path, "--prometheus", shared_prometheus.url) as running:
        running.until_file("runs")
        running.signal(signal.SIGINT)
        running.until_file("told")
        assert running.process.poll() is None
        running.signal(signal.SIGINT)
        done = running.finish()
    assert (done.code, done.verdict) == (2, ("Cancelled", "Cancelled"))


def test_a_prometheus_that_hangs_does_not_delay_the_end(tmp_path, proxied):
    """A query is out and has 5 s; Ctrl-C waits for none of it."""
    spec = Spec(shell("touch runs; sleep 60"), [rule("one", ONE)], duration="60s")
    with started(spec, tmp_path, "--prometheus", proxied.url) as running:
        running.until_file("runs")
        proxied.behave(behaviours.hang, on=ONE)
        until(lambda: any(request.query == ONE for request in proxied.requests), 20, "it is asked")
        began = time.monotonic()
        running.signal(signal.SIGINT)
        done = running.finish()
        took = time.monotonic() - began
    assert (done.code, done.verdict) == (2, ("Cancelled", "Cancelled"))
    assert took < 4


def test_nothing_survives_a_program_that_was_killed(tmp_path, shared_prometheus):
    """SIGKILL cannot be answered: the supervisors notice, and end their commands. No result is left, so none can be believed."""
    spec = Spec(shell(STAYS), [rule("one", ONE)], duration="60s", replicas=2)
    with started(spec, tmp_path, "--prometheus", shared_prometheus.url) as running:
        stays(running)
        running.signal(signal.SIGKILL)
        until(lambda: not marked(running.mark), 10, "all of it is gone")
        done = running.finish()
    assert done.code == -signal.SIGKILL
    assert done.result is None


def test_a_supervisor_that_was_killed_takes_its_shard_with_it(tmp_path, shared_prometheus):
    """The kernel ends the command with it; a shard whose end nobody saw counts as 2."""
    spec = Spec(shell("touch runs; exec sleep 300"), [rule("one", ONE)], duration="60s")
    with started(spec, tmp_path, "--prometheus", shared_prometheus.url) as running:
        running.until_file("runs")
        supervisor = next(pid for pid, words in marked(running.mark) if "supervisor.py" in words)
        os.kill(supervisor, signal.SIGKILL)
        done = running.finish()
    assert (done.code, done.verdict) == (2, ("Error", "WorkloadInfraFailure"))
    assert done.status["load"]["shards"][0]["reason"] == "its supervisor was killed"


def test_what_a_shard_leaves_running_ends_with_it(tmp_path, shared_prometheus):
    """As in a container: when its first process has ended, nothing of it goes on."""
    script = f"{daemon('daemon')} sleep 300 & while ! test -e daemon; do sleep 0.01; done; sleep 6.2; exit 0"
    spec = Spec(shell(script), [rule("one", ONE)])
    with started(spec, tmp_path, "--prometheus", shared_prometheus.url) as running:
        done = running.finish()
    assert (done.code, done.verdict) == (0, ("Succeeded", "RunSucceeded"))


def test_one_shards_end_leaves_the_others_alone(tmp_path):
    """Only its own descendants go with it."""
    script = "if test $SHARD_INDEX = 0; then exit 0; fi; (setsid sh -c 'sleep 1; touch late' &); while ! test -e late; do sleep 0.01; done"
    with started(Spec(shell(script), replicas=2, duration="5s"), tmp_path) as running:
        done = running.finish()
    assert done.code == 0
    assert [one["exitCode"] for one in done.status["load"]["shards"]] == [0, 0]


def test_a_signal_that_was_ignored_stays_ignored(tmp_path):
    """Under nohup a terminal that goes away ends nothing."""
    spec = Spec(shell("touch runs; while ! test -e go; do sleep 0.05; done"))
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with started(spec, tmp_path) as running:
            running.until_file("runs")
            running.signal(signal.SIGHUP)
            pathlib.Path(tmp_path, "work", "go").touch()
            done = running.finish()
    finally:
        signal.signal(signal.SIGHUP, before)
    assert (done.code, done.verdict) == (0, ("Succeeded", "RunSucceeded"))


def test_a_disk_that_is_full_of_evidence_is_no_verdict(tmp_path, shared_prometheus):
    """Results that cannot be written: the load is ended, one line says why, exit 2."""
    spec = Spec(shell("touch runs; sleep 300"), [rule("one", ONE)], duration="60s")
    results = tmp_path / "results"
    results.mkdir()
    with started(spec, tmp_path, "--prometheus", shared_prometheus.url) as running:
        running.until_file("runs")
        # No summary can be put there any more, not even by root.
        folder = next(results.glob("*/*/*"))
        for entry in (folder / "rules").iterdir():
            entry.unlink()
        (folder / "rules").rmdir()
        running.signal(signal.SIGINT)
        done = running.finish()
    assert done.code == 2
    assert "the results cannot be written" in done.err
    assert done.result is None
