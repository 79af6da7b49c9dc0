"""`validationrun test` as a user meets it: exit codes, forms of output, bad files, and nothing left behind."""

import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time
import xml.etree.ElementTree as ET

import pytest

from cli_helpers import BIN, ROOT, call, run

POOL = 'pool{namespace="eng-ada",run="small"}'
PASSES = f"""
- name: quiet
  window: 1m
  interval: 10s
  rules: [pool]
  input_series: [{{series: '{POOL}', values: 5x10}}]
  expect: {{verdict: Passed}}
"""
FAILS = f"""
- name: wrongly expected
  window: 2m
  interval: 10s
  rules: [pool]
  input_series: [{{series: '{POOL}', values: 5x5 500x20}}]
  expect:
    verdict: Failed
    reason: RuleFailed:pool
    stopTime: 30s
    rules:
      - {{name: pool, verdict: Error, reason: NoSamples, value: "499"}}
"""


@pytest.fixture
def left_behind(tmp_path, monkeypatch):
    """What is there of private Prometheuses that were started by this test: processes, and files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return lambda: [*running_in(folder), *folder.iterdir()]


def test_the_examples_are_as_expected_and_prove_each_of_their_rules():
    result = run("test", "--strict", ROOT / "examples-tests")
    assert result.code == 0, result.out + result.err
    assert ", 0 not" in result.out


def test_as_expected_is_0_and_a_line_each(write):
    path = write(PASSES)
    result = call("test", path)
    assert (result.code, result.err) == (0, "")
    assert result.out == f"{path}\n  ok      quiet\n1 test: 1 as expected, 0 not\n"


def test_not_as_expected_is_1_and_shows_each_expectation_with_its_place(write):
    path = write(PASSES + FAILS)
    result = call("test", path)
    assert result.code == 1
    lines = result.out.splitlines()
    assert lines[1:3] == ["  ok      quiet", "  FAILED  wrongly expected"]
    shown = [line.strip().removeprefix(f"{path}:") for line in lines[3:]]
    words = [line.split(": ", 1)[1] for line in shown]
    assert words[:5] == [
        "tests[1].expect.reason: expected RuleFailed:pool, got RuleStopOnFailure:pool",
        "tests[1].expect.stopTime: expected 30s, got 1m",
        "tests[1].expect.rules[0].verdict: expected Error, got Failed",
        "tests[1].expect.rules[0].reason: expected NoSamples, got ThresholdViolated",
        "tests[1].expect.rules[0].value: expected 499, got 500",
    ]
    assert shown[5] == "rule pool: Failed ThresholdViolated at 1m: 500, not <= 100"
    assert lines[-1] == "2 tests: 1 as expected, 1 not"
    for line, text in zip(shown[:5], ("RuleFailed:pool", "30s", "Error", "NoSamples", '"499"'), strict=True):
        row, column = map(int, line.split(":")[:2])
        assert path.read_text().splitlines()[row - 1][column - 1 :].startswith(text)


def test_a_fault_that_meets_no_question_is_not_as_expected(write):
    path = write(PASSES.replace("  expect", "  faults: [{type: timeout, from: 4m}]\n  expect"))
    result = call("test", path)
    assert result.code == 1
    assert "tests[0].faults[0]: expected a fault of type timeout that strikes, got no question met it" in result.out


def test_json_holds_everything_and_nothing_else_is_on_standard_output(write):
    result = call("test", write(PASSES + FAILS), "-o", "json")
    document = json.loads(result.out)
    assert (result.code, document["passed"], document["failed"]) == (1, 1, 1)
    second = document["tests"][1]
    assert (second["verdict"], second["reason"], second["stopTime"]) == ("Failed", "RuleStopOnFailure:pool", "1m")
    assert second["rules"][0]["firstFailure"] == "1m"
    assert second["mismatches"][0]["path"] == "tests[1].expect.reason"
    assert result.err == "2 tests: 1 as expected, 1 not\n"


def test_junit_has_a_suite_for_the_file_and_a_case_for_each_test(write):
    path = write(PASSES.replace("quiet", '"quiet \\u0001 <&>"') + FAILS)
    result = call("test", path, "-o", "junit")
    assert result.code == 1
    root = ET.fromstring(result.out)  # noqa: S314 - our own
    suite = root.find("testsuite")
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == (str(path), "2", "1")
    good, bad = suite.findall("testcase")
    assert good.get("name") == "quiet \ufffd <&>"
    assert good.find("failure") is None
    assert "expected 30s, got 1m" in bad.find("failure").text


def test_a_name_never_reaches_the_terminal_as_it_is(write):
    result = call("test", write(PASSES.replace("quiet", '"quiet \\e[2J"')))
    assert "\x1b" not in result.out
    assert r"quiet \x1b[2J" in result.out


def test_a_folder_may_hold_specs_beside_the_tests(write, tmp_path):
    write(PASSES)
    for argument in (f"{tmp_path}", f"{tmp_path}/", f"{tmp_path}/*.yaml"):
        result = call("test", argument)
        assert (result.code, result.out.splitlines()[-1]) == (0, "1 test: 1 as expected, 0 not"), result.err


def test_a_folder_without_a_test_is_2_and_not_a_pass(spec, tmp_path):
    result = call("test", tmp_path)
    assert (result.code, result.out) == (2, "")
    assert "no rule test in" in result.err


def test_a_spec_that_is_named_as_a_test_is_2(spec):
    result = call("test", spec)
    assert result.code == 2
    assert 'kind "ValidationRun" is no rule test\'s' in result.err


def test_one_bad_file_and_nothing_is_tested(write):
    good, bad = write(PASSES), write(FAILS.replace("interval", "intervall"), name="bad.yaml")
    result = call("test", good, bad)
    assert (result.code, result.out) == (2, "")
    assert "tests[0].intervall is an unknown field" in result.err
    assert "did you mean `interval`?" in result.err


@pytest.fixture
def no_prometheus(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.delenv("PROMETHEUS_BIN", raising=False)


def test_without_a_prometheus_it_is_2_and_says_how_to_get_one(write, no_prometheus):
    result = call("test", write(PASSES))
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("validationrun: rule tests need the program prometheus")
    assert "apt-get install prometheus" in result.err


@pytest.mark.parametrize(("program", "says"), [
    ("/nonexistent/prometheus", "PROMETHEUS_BIN is /nonexistent/prometheus, which is no program"),
    ("/bin/false", "/bin/false does not start: it wrote nothing\n"),
    ("/bin/true", "/bin/true does not start: it wrote nothing\n"),
])  # fmt: skip
def test_a_program_that_is_no_prometheus_is_2(write, monkeypatch, left_behind, program, says):
    monkeypatch.setenv("PROMETHEUS_BIN", program)
    result = call("test", write(PASSES))
    assert (result.code, result.out) == (2, "")
    assert says in result.err
    assert left_behind() == []


def test_a_prometheus_that_refuses_to_start_is_shown_in_its_own_words(write, monkeypatch, tmp_path):
    fake = tmp_path / "prometheus"
    fake.write_text(
        "#!/bin/sh\necho one >&2\necho 'unknown long flag --web.enable-remote-write-receiver' >&2\nexit 1\n"
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PROMETHEUS_BIN", str(fake))
    result = call("test", write(PASSES))
    assert result.code == 2
    assert "prometheus does not start: one; unknown long flag" in result.err


def test_a_prometheus_that_dies_midway_is_2_even_where_an_error_is_expected(write, monkeypatch, tmp_path):
    """Its death must not be taken for the PrometheusUnavailable that a test wants to see."""
    real = os.environ.get("PROMETHEUS_BIN") or "prometheus"
    fake = tmp_path / "prometheus"
    log = tmp_path / "log"
    ready = f"grep -q 'ready to receive' {log}"
    fake.write_text(
        f'#!/bin/sh\n{real} "$@" 2>{log} &\nchild=$!\n'
        f"(while kill -0 $child && ! {ready}; do sleep 0.1; done; sleep 1; kill -9 $child) &\nwait $child\n"
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PROMETHEUS_BIN", str(fake))
    long = (
        PASSES.replace("window: 1m", "window: 8784h")
        .replace("Passed", "Error")
        .replace("rules: [pool]", "rules: [alert]")
    )
    spec = (tmp_path / "run.yaml").read_text().replace("interval: 30s", "interval: 5m")
    (tmp_path / "run.yaml").write_text(spec)
    result = call("test", write(long))
    assert (result.code, result.out) == (2, "")
    assert "the private Prometheus" in result.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_whatever_ends_it_the_private_prometheus_ends_too(write, tmp_path, number):
    spec = (tmp_path / "run.yaml").read_text().replace("interval: 30s", "interval: 5m")
    (tmp_path / "run.yaml").write_text(spec)
    long = PASSES.replace("window: 1m", "window: 8784h").replace("rules: [pool]", "rules: [alert]")
    folder = tmp_path / "tmp"
    folder.mkdir()
    process = subprocess.Popen(
        [BIN / "validationrun", "test", write(long)],
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        until(lambda: running_in(folder), "the private Prometheus runs")
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    until(lambda: not running_in(folder), "it is gone")
    assert out == b""
    assert b"Traceback" not in err
    if number != signal.SIGKILL:
        assert process.returncode == 2
        assert list(folder.iterdir()) == []


def test_a_hangup_that_was_ignored_at_the_start_stays_ignored(write, tmp_path):
    """Under nohup a terminal that goes away ends no test."""
    spec = (tmp_path / "run.yaml").read_text().replace("interval: 30s", "interval: 5m")
    (tmp_path / "run.yaml").write_text(spec)
    long = PASSES.replace("window: 1m", "window: 8784h").replace("rules: [pool]", "rules: [alert]")
    command = ["sh", "-c", 'trap \'\' HUP; exec "$0" test "$1"', BIN / "validationrun", write(long)]
    process = subprocess.Popen(command, env={**os.environ, "TMPDIR": str(tmp_path)}, stderr=subprocess.DEVNULL)
    try:
        until(lambda: running_in(tmp_path), "the private Prometheus runs")
        process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 2
    finally:
        process.kill()
        process.wait()


def running_in(folder):
    """Prometheuses whose data lie below a folder."""
    words = str(folder).encode()
    return [
        path
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline")
        if words in _read(path) and b"storage.tsdb" in _read(path)
    ]


def _read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


def until(holds, what):
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def test_nothing_is_left_behind(write, left_behind):
    assert call("test", write(PASSES + FAILS)).code == 1
    assert left_behind() == []
