"""`evaluate`: the rules alone, against a real Prometheus."""

import signal
import time

import pytest

from local_kit import Spec, alert, ran, rule, shell, started
from prometheus_kit import behaviours, series, unlike

ONE = "vector(1)"
EVALUATE = ("evaluate",)
BRINGS_UP = {
    "chainId": "nightly",
    "deployments": [
        {"name": name, "role": role, "spec": {"replicas": 1, "template": {"spec": {"image": "r.example.com/seid:v1"}}}}
        for name, role in (("validators", "validator"), ("rpc", "fullNode"))
    ],
}


def judged(*rules, **fields):
    """A spec whose load would fail at once if anybody started it."""
    return Spec(shell("touch ran; exit 1"), rules, **fields)


def test_rules_that_hold_pass_and_no_load_is_started(tmp_path, shared_prometheus):
    """The load counts as absent."""
    spec = judged(rule("one", ONE), alert("quiet", "NeverFires"))
    done = ran(spec, tmp_path, "--prometheus", shared_prometheus.url, verb=EVALUATE)
    assert (done.code, done.verdict) == (0, ("Succeeded", "RunSucceeded")), done.err
    assert not (tmp_path / "work" / "ran").exists()
    assert done.status["load"] is None
    assert done.status["workloadExitCode"] is None
    assert done.folder.parent.name == "rules-only"
    assert done.result.document.mode == "evaluate"
    assert done.status["chain"]["chainId"] == "toy-1"


def test_a_rule_that_does_not_hold_fails(tmp_path, shared_prometheus):
    """Exit 1, and the value."""
    done = ran(judged(rule("none", ONE, "<")), tmp_path, "--prometheus", shared_prometheus.url, verb=EVALUATE)
    assert (done.code, done.verdict) == (1, ("Failed", "RuleFailed:none"))


def test_a_stop_on_failure_rule_ends_it_early(tmp_path, shared_prometheus):
    """Ten minutes are over after the first tick."""
    spec = judged(rule("none", ONE, "<", stopOnFailure=True), rule("one", ONE))
    done = ran(spec, tmp_path, "--for", "10m", "--prometheus", shared_prometheus.url, verb=EVALUATE)
    assert (done.code, done.verdict) == (1, ("Failed", "RuleStopOnFailure:none"))
    assert int(done.status["duration"].removesuffix("s")) < 30
    assert [state.verdict for state in done.result.document.states] == ["Failed", "Passed"]


def test_a_window_that_is_over_is_judged_from_what_prometheus_remembers(tmp_path, shared_prometheus):
    """`--start` in the past: every tick is asked for its own time, and nothing is waited for."""
    case, start = unlike(), int(time.time()) - 1000
    points = [(start + i, float(i != 610)) for i in range(0, 700, 5)]
    shared_prometheus.send(series("local_past", points, case=case))
    spec = judged(rule("level", f'local_past{{case="{case}"}}'))
    began = time.monotonic()
    good = ran(spec, tmp_path, "--start", start, "--for", "10m", "--prometheus", shared_prometheus.url, verb=EVALUATE)
    assert (good.code, good.verdict) == (0, ("Succeeded", "RunSucceeded"))
    assert len(good.result.evidence["level"].entries) == 120
    assert time.monotonic() - began < 30
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(start))
    bad = ran(spec, tmp_path, "--start", moment, "--for", "11m", "--prometheus", shared_prometheus.url, verb=EVALUATE)
    assert (bad.code, bad.verdict) == (1, ("Failed", "RuleFailed:level"))
    assert bad.result.document.states[0].failed_t == start + 610


def test_a_window_of_which_prometheus_remembers_the_end_alone_passes_nothing(tmp_path, shared_prometheus):
    """An hour is judged, and the data begin a quarter of a minute before its end."""
    case, start = unlike(), int(time.time()) - 3700
    shared_prometheus.send(series("local_young", [(start + t, 1.0) for t in range(3585, 3601, 5)], case=case))
    spec = judged(rule("level", f'local_young{{case="{case}"}}', interval="30s"))
    done = ran(spec, tmp_path, "--start", start, "--for", "1h", "--prometheus", shared_prometheus.url, verb=EVALUATE)
    assert (done.code, done.verdict) == (2, ("Error", "RuleError"))
    [state] = done.result.document.states
    assert (state.reason, state.due, state.covered) == ("LowCoverage", 118, 0)


def test_the_environment_names_prometheus_settle_and_credentials(tmp_path, proxied):
    """Each variable does what its option does, and an empty one nothing."""
    (tmp_path / "token").write_text("secret-token\n")
    (tmp_path / "headers").write_text("X-Scope-OrgID: tenant\n")
    env = {
        "VALIDATION_PROMETHEUS_URL": proxied.url,
        "VALIDATION_SETTLE": "1s",
        "VALIDATION_PROMETHEUS_TOKEN_FILE": str(tmp_path / "token"),
        "VALIDATION_PROMETHEUS_HEADERS_FILE": str(tmp_path / "headers"),
        "VALIDATION_PROMETHEUS_CA_FILE": "",
    }
    done = ran(judged(rule("one", ONE)), tmp_path, verb=EVALUATE, env=env)
    assert done.code == 0
    assert done.result.document.settle_seconds == 1.0
    asked = [request for request in proxied.requests if request.query == ONE]
    assert asked
    assert {request.headers.get("Authorization") for request in asked} == {"Bearer secret-token"}
    assert {request.headers.get("X-Scope-OrgID") for request in asked} == {"tenant"}
    assert "secret-token" not in "".join(path.read_text() for path in done.folder.rglob("*") if path.is_file())
    options = ["--prometheus-token-file", tmp_path / "missing", "--prometheus", proxied.url]
    missing = ran(judged(rule("one", ONE)), tmp_path, *options, verb=EVALUATE)
    assert missing.code == 2
    assert "the token file" in missing.err


def test_it_asks_prometheus_and_nobody_else(tmp_path, proxied):
    """The chain's endpoint is a port on which nobody listens; the spec's run passes all the same."""
    chain = {"chainId": "toy-1", "endpoints": {"rpc": ["http://127.0.0.1:9"]}}
    done = ran(judged(rule("one", ONE), chain=chain), tmp_path, "--prometheus", proxied.url, verb=EVALUATE)
    assert done.code == 0
    assert {request.endpoint for request in proxied.requests} <= {"/api/v1/query", "/api/v1/status/buildinfo"}


def test_a_chain_that_is_brought_up_has_to_be_named(tmp_path, shared_prometheus):
    """Each run has an id of its own: a rule that uses it makes --chain-id required, another rule does not."""
    at = ("--prometheus", shared_prometheus.url)
    uses = judged(rule("level", 'vector(1) unless absent(up{chain_id="${chainId}"})'), chain=BRINGS_UP)
    without = ran(uses, tmp_path, *at, verb=EVALUATE)
    assert without.code == 2
    assert "rule level uses ${chainId}" in without.err
    assert "give --chain-id" in without.err
    named = ran(uses, tmp_path, *at, "--chain-id", "nightly-1a2b3c4d", verb=EVALUATE)
    assert "nightly-1a2b3c4d" in named.result.evidence["level"].entries[0].exchange.query
    assert named.status["parameters"] == {"chain-id": "nightly-1a2b3c4d"}
    needless = ran(judged(rule("one", ONE), chain=BRINGS_UP, name="needless"), tmp_path, *at, verb=EVALUATE)
    assert (needless.code, needless.status["chain"]) == (0, None)


def test_ctrl_c_cancels_and_seals(tmp_path, shared_prometheus):
    """2, a folder that can be judged again, and no word of missing samples where every answer was good."""
    arguments = ("--for", "10m", "--prometheus", shared_prometheus.url)
    with started(judged(rule("one", ONE)), tmp_path, *arguments, verb=EVALUATE) as running:
        running.until_said("rule one: Passed")
        running.signal(signal.SIGINT)
        done = running.finish()
    assert (done.code, done.verdict) == (2, ("Cancelled", "Cancelled"))
    assert "verdict: Error (Cancelled): the run was interrupted before it had a verdict" in done.out
    (one,) = done.status["rules"]
    assert (one["verdict"], one["reason"]) == ("Awaited", None)
    assert "NoSamples" not in done.out


def test_a_rule_without_samples_is_told_at_its_first_tick(tmp_path, shared_prometheus):
    """Not only at the end of a window that may last for hours; and once, not at each tick."""
    rules = judged(rule("one", ONE), rule("silent", "no_such_metric"))
    with started(rules, tmp_path, "--for", "10m", "--prometheus", shared_prometheus.url, verb=EVALUATE) as running:
        running.until_said("rule silent: no answer at ")
        time.sleep(6)
        running.signal(signal.SIGINT)
        done = running.finish()
    assert done.err.count("rule silent: no answer at ") == 1
    assert "NoSamples the query gave no sample" in done.err


def test_a_prometheus_that_is_away_gives_no_verdict(tmp_path):
    """From the start: at once, and without a results folder."""
    done = ran(judged(rule("one", ONE)), tmp_path, "--prometheus", "http://127.0.0.1:9", verb=EVALUATE)
    assert (done.code, done.folder) == (2, None)
    assert "Prometheus does not answer" in done.err


def test_a_prometheus_that_goes_away_is_an_error(tmp_path, proxied):
    """It answered the preflight and nothing after it."""
    proxied.behave(behaviours.status(503), on=ONE)
    done = ran(judged(rule("one", ONE, retry=0)), tmp_path, "--prometheus", proxied.url, verb=EVALUATE)
    assert (done.code, done.verdict) == (2, ("Error", "RuleError"))
    assert done.status["rules"][0]["reason"] == "PrometheusUnavailable"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--for", "0s"), "--for must be a duration from 1s to 9999d, such as 90s, 2h30m or 7d"),
        (("--for", "soon"), "--for must be a duration from 1s to 9999d, such as 90s, 2h30m or 7d"),
        (("--for", "99999999999h"), "--for must be a duration from 1s to 9999d, such as 90s, 2h30m or 7d"),
        (("--start", "yesterday"), "--start must be a time with its zone"),
        (("--start", "2026-03-01T02:10:00"), "--start must be a time with its zone"),
        (("--settle", "-1"), "--settle must be a duration from 0s to 60s"),
        (("--settle", "2m"), "--settle must be a duration from 0s to 60s"),
        (("--chain-id", "a b"), "--chain-id must be letters"),
        (("--name", "other"), "holds no run other; it holds mini"),
        (("--for", "10s"), "rule late begins after 20s (startAfter), and the window lasts 10s"),
        (("--prometheus", "localhost:9090"), "Prometheus does not answer"),
    ],
)
def test_bad_input_is_told_in_a_line(tmp_path, arguments, words):
    """One line with the way out, exit 2, and nothing written."""
    done = ran(judged(rule("late", ONE, startAfter="20s"), duration="60s"), tmp_path, *arguments, verb=EVALUATE)
    assert (done.code, done.out, done.folder) == (2, "", None)
    assert words in done.err.splitlines()[-1]


@pytest.mark.parametrize("kind", ["token", "ca", "headers"])
def test_a_file_of_credentials_that_cannot_be_read_is_all_that_is_told(tmp_path, kind):
    """Prometheus was not asked, so nothing is said of its answer."""
    option = (f"--prometheus-{kind}-file", str(tmp_path / "nowhere"))
    done = ran(judged(rule("one", ONE)), tmp_path, *option, verb=EVALUATE)
    name = "CA" if kind == "ca" else kind
    assert (done.code, done.err.splitlines()[-1]) == (
        2,
        f"validationrun: the {name} file {tmp_path}/nowhere cannot be read: No such file or directory",
    )


def test_a_spec_with_an_error_is_not_judged(tmp_path):
    """The findings, and 2: a bad spec is no verdict."""
    done = ran(judged(rule("one", ONE, "=>")), tmp_path, verb=EVALUATE)
    assert done.code == 2
    assert "error[VR" in done.err
    assert "nothing was judged" in done.err


def test_rules_are_needed(tmp_path):
    """A verdict on nothing would be a pass by silence."""
    done = ran(judged(), tmp_path, verb=EVALUATE)
    assert done.code == 2
    assert "there is nothing to judge" in done.err


@pytest.mark.parametrize(("form", "words"), [("json", '"verdict": "Passed"'), ("yaml", "verdict: Passed"), ("junit", "<testsuite"), ("markdown", "#")])  # fmt: skip
def test_the_result_has_several_forms(tmp_path, shared_prometheus, form, words):
    """Standard output is that form and nothing else."""
    done = ran(judged(rule("one", ONE)), tmp_path, "--prometheus", shared_prometheus.url, "-o", form, verb=EVALUATE)
    assert done.code == 0
    assert words in done.out
    assert "results" in done.err


def test_a_window_of_another_length_than_the_specs_is_told(tmp_path, shared_prometheus):
    """`--for` changes what the spec says, as the parameter `duration` does for a run."""
    done = ran(judged(rule("one", ONE)), tmp_path, "--for", "6s", "--prometheus", shared_prometheus.url, verb=EVALUATE)
    ((changed),) = done.status["overridden"]
    assert (changed["name"], changed["value"]) == ("duration", "6s")
    assert f"duration: 6s (compiled: {changed['compiled']})" in (done.folder / "report.log").read_text()
