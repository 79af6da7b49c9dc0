"""`run --local` of a load that ends with 0 before its minimum, and of exit codes that mean a failed assertion."""

import json

import pytest

from local_kit import Spec, ran, rule, shell


def at_prometheus(server):
    return "--prometheus", server.url


def test_a_load_that_is_over_at_once_has_tested_nothing(tmp_path, shared_prometheus):
    """It cannot connect, says so and exits 0, and every rule is good."""
    script = "echo dial tcp: connection refused >&2; exit 0"
    spec = Spec(shell(script), [rule("one", "vector(1)")], duration="10m", min_duration=None)
    done = ran(spec, tmp_path, *at_prometheus(shared_prometheus))
    assert (done.code, done.verdict) == (2, ("Error", "LoadEndedEarly")), done.err
    assert "load.minDuration is 9m" in done.status["message"]
    assert done.status["failedPlan"] == "loadGeneration"
    assert "LoadEndedEarly" in done.file("report.junit.xml")
    assert "LoadEndedEarly" in done.file("report.html")
    assert "LoadEndedEarly" in done.file("report.log")
    assert "verdict: Error" in done.out
    document = json.loads(done.file("result.json"))
    assert document["workload"]["early"] == pytest.approx(document["window"]["start"], abs=5)


def test_three_of_four_shards_that_end_at_once_are_early(tmp_path):
    spec = Spec(shell("test $SHARD_INDEX = 0 || exit 0; sleep 4"), duration="4s", replicas=4, min_duration=None)
    done = ran(spec, tmp_path)
    assert (done.code, done.verdict) == (2, ("Error", "LoadEndedEarly")), done.err
    assert "shard 1 ended with 0" in done.status["message"]
    assert "shard 0 ended with 0" not in done.status["message"]


@pytest.mark.parametrize("min_duration", [None, "2s", "1h"])
def test_a_load_that_lasts_its_duration_is_not_early(tmp_path, min_duration):
    done = ran(Spec(["sleep", "2"], duration="2s", min_duration=min_duration), tmp_path)
    assert (done.code, done.verdict) == (0, ("Succeeded", "RunSucceeded")), done.err


def test_a_shortened_duration_shortens_the_minimum(tmp_path):
    done = ran(Spec(["sleep", "2"], duration="10m", min_duration="9m"), tmp_path, "--set", "duration=2s")
    assert (done.code, done.verdict) == (0, ("Succeeded", "RunSucceeded")), done.err


def test_another_shards_failed_assertion_comes_first(tmp_path):
    spec = Spec(shell("exit $SHARD_INDEX"), duration="10m", replicas=2, min_duration=None)
    done = ran(spec, tmp_path)
    assert (done.code, done.verdict) == (1, ("Failed", "WorkloadFailed")), done.err


@pytest.mark.parametrize(
    ("code", "verdict"),
    [(99, ("Failed", "WorkloadFailed")), (1, ("Error", "WorkloadInfraFailure"))],
)
def test_the_spec_says_which_codes_are_an_assertion(tmp_path, code, verdict):
    spec = Spec(shell(f"exit {code}"), workload={"exitCodes": {"failed": [99]}})
    done = ran(spec, tmp_path)
    assert done.verdict == verdict, done.err
    assert done.status["load"]["shards"][0]["exitCode"] == code
