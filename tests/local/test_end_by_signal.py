"""`run --local` of a load with `endBy: Signal`: SIGTERM to each shard when the duration is over."""

import pytest

from local_kit import Spec, ran, rule, shell

UNTIL_SIGNAL = "trap 'sleep 0.3; exit {code}' TERM; while true; do sleep 0.1; done"


def at_prometheus(server):
    return "--prometheus", server.url


def test_it_runs_until_the_signal(tmp_path):
    spec = Spec(shell(UNTIL_SIGNAL.format(code=0)), duration="3s", end_by="Signal", replicas=2)
    done = ran(spec, tmp_path)
    assert (done.code, done.verdict) == (0, ("Succeeded", "RunSucceeded")), done.err
    assert [shard["exitCode"] for shard in done.status["load"]["shards"]] == [0, 0]
    assert "its shards get SIGTERM" in done.err


@pytest.mark.parametrize(
    ("script", "verdict", "words"),
    [
        (UNTIL_SIGNAL.format(code=1), ("Failed", "WorkloadFailed"), "exit 1"),
        (UNTIL_SIGNAL.format(code=2), ("Error", "WorkloadInfraFailure"), "exit 2"),
        # No handler: the signal ends it.
        ("sleep 60", ("Error", "WorkloadInfraFailure"), "exit 143 (SIGTERM)"),
        (
            "trap '' TERM; while true; do sleep 0.1; done",
            ("Error", "WorkloadInfraFailure"),
            "exit 137 (SigtermIgnored)",
        ),
    ],
)
def test_the_code_is_what_it_then_ends_with(tmp_path, script, verdict, words):
    done = ran(Spec(shell(script), duration="2s", end_by="Signal", grace=1), tmp_path)
    assert done.verdict == verdict, done.err
    assert words in done.status["message"]


def test_a_shard_that_ends_before_is_early(tmp_path):
    script = f"test $SHARD_INDEX = 1 && exec sleep 1; {UNTIL_SIGNAL.format(code=0)}"
    done = ran(Spec(shell(script), duration="3s", end_by="Signal", replicas=2), tmp_path)
    assert (done.code, done.verdict) == (2, ("Error", "LoadEndedEarly")), done.err
    assert "shard 1 ended with 0 after" in done.status["message"]
    assert "with endBy: Signal it must run until it gets SIGTERM, 3s after the start" in done.status["message"]


def test_a_shorter_duration_of_the_run_counts(tmp_path):
    spec = Spec(shell(UNTIL_SIGNAL.format(code=0)), duration="10m", end_by="Signal")
    done = ran(spec, tmp_path, "--set", "duration=2s")
    assert done.verdict == ("Succeeded", "RunSucceeded"), done.err


def test_a_rule_that_stops_it_before(tmp_path, shared_prometheus):
    spec = Spec(
        shell(UNTIL_SIGNAL.format(code=0)),
        [rule("bad", "vector(0)", stopOnFailure=True)],
        duration="60s",
        end_by="Signal",
    )
    done = ran(spec, tmp_path, *at_prometheus(shared_prometheus))
    assert done.verdict == ("Failed", "RuleStopOnFailure:bad"), done.err
    assert done.status["load"]["shards"][0]["exitCode"] is None
