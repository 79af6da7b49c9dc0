"""Bad test files: each mistake is one message with its place and the way out, and exit 2."""

import pytest

from cli_helpers import call

TEST = """
- name: a
  window: 1m
  interval: 10s
  input_series:
    - series: up{job="a"}
      values: 1x5
  expect:
    verdict: Passed
"""


def changed(old, new):
    assert old in TEST
    return TEST.replace(old, new)


def fault(text):
    return TEST.replace("  expect:", f"  faults: [{{{text}}}]\n  expect:")


def expected_rule(text):
    return TEST + f"    rules: [{{{text}}}]\n"


CASES = [
    # What is written, the code, the place as text, and what is said.
    (changed("interval: 10s", "interval: 10"), "VR207", "10", "tests[0].interval must be a duration"),
    (changed("  interval: 10s\n", ""), "VR201", "name", "tests[0].interval is required"),
    (changed("input_series", "inputSeries"), "VR202", "inputSeries", "did you mean `input_series`?"),
    (changed("values: 1x5", "values: 15"), "VR204", "15", "must be a string; got the number 15"),
    (changed("verdict: Passed", "verdict: Pass"), "VR203", "Pass", "did you mean Passed?"),
    (changed("verdict: Passed", "verdict: Awaited"), "VR203", "Awaited", "must be one of Passed, Failed, Error"),
    (changed("verdict: Passed", "verdict:"), "VR204", "verdict", "has no value"),
    (changed("values: 1x5", "values: 1 2 NaNx3 4"), "RT104", "NaNx3", '"NaNx3" is not a number'),
    (changed('up{job="a"}', "'up{job=~\"a\"}'"), "RT105", "'up", "a series has its labels by ="),
    (changed('up{job="a"}', "rate(up[1m])"), "RT105", "rate", "must be a name, labels in braces"),
    (changed("window: 1m", "window: 1m\n  rules: [hight]"), "RT103", "hight", "use one of height, pool, alert"),
    (changed("window: 1m", "window: 8784h"), "RT108", "name", "questions; at most"),
    (changed("window: 1m", 'window: 1m\n  values: {chainId: "a`b"}'), "VR206", '"a`b"', "tests[0].values.chainId must be"),
    (changed("    verdict: Passed", "    verdict: Passed\n    stopTime: 30s"), "RT106", "30s", "verdict Passed has no stop"),
    (changed("    verdict: Passed", "    verdict: Failed\n    stopTime: 2m"), "RT106", "2m", "behind the window's end at 1m"),
    (TEST + TEST, "RT107", "a", '"a" is given twice'),
    (changed("      values: 1x5", "      values: 1x5\n    - {series: 'up{job=\"a\"}', values: '1'}"), "RT107", "'up", "is given twice"),
    (expected_rule("name: hight, verdict: Passed"), "RT103", "hight", "is no rule that is judged here"),
    (expected_rule("name: pool, verdict: Passed}, {name: pool, verdict: Passed"), "RT107", "pool", "is given twice"),
    (expected_rule("name: pool, verdict: Passed, firstFailure: 1s"), "RT106", "1s", "verdict Passed has no failure"),
    (expected_rule("name: pool, verdict: Failed, firstFailure: 1h"), "RT106", "1h", "behind the window's end"),
    (expected_rule("name: pool, verdict: Passed, value: much"), "RT106", "much", "must be a number as text"),
    (fault("from: 1m"), "VR201", "from", "add `type: timeout`"),
    (fault("type: tiemout"), "VR203", "tiemout", "did you mean timeout?"),
    (fault("type: http"), "RT106", "type", "needs `status`"),
    (fault("type: http, status: 200"), "VR205", "200", "must be at least 400"),
    (fault("type: timeout, status: 503"), "RT106", "status", "is not for a fault of type timeout"),
    (fault("type: gap, rules: [pool]"), "RT106", "rules", "known here: for, from, series, stale"),
    (fault("type: lateScrape"), "RT106", "type", "needs `delay`"),
    (fault("type: counterReset"), "RT106", "type", "needs `series`"),
    (fault("type: counterReset, series: up, for: 1m"), "RT106", "1m", "a reset has no length"),
    (fault("type: timeout, rules: [hight]"), "RT103", "hight", "use one of"),
    (fault("type: gap, series: 'up{'"), "RT105", "'up{'", "series is wrong"),
    (fault("type: gap, series: down"), "RT109", "type", "strikes no sample"),
    (fault("type: gap, from: 10m"), "RT109", "type", "strikes no sample"),
    (fault("type: labelChurn, label: job, from: 20s"), None, None, None),
    (fault("type: labelChurn, from: 20s"), "RT109", "type", "strikes no sample"),
    (changed("window: 1m", "window: 1m\n  rules: [pool]\n  faults: [{type: alertNotLoaded}]"), "RT106", "type", "concerns alert rules"),
]  # fmt: skip


@pytest.mark.parametrize(("tests", "code", "at", "says"), CASES, ids=range(len(CASES)))
def test_a_mistake_is_told_at_its_place(write, monkeypatch, tests, code, at, says):
    # No test is run: what is right comes as far as the missing program.
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.delenv("PROMETHEUS_BIN", raising=False)
    path = write(tests)
    result = call("test", path)
    assert (result.code, result.out) == (2, "")
    if code is None:
        assert "apt-get install prometheus" in result.err
        return
    head = next(line for line in result.err.splitlines() if f"error[{code}]" in line)
    row, column = map(int, head.removeprefix(f"{path}:").split(":")[:2])
    assert path.read_text().splitlines()[row - 1][column - 1 :].startswith(at)
    assert says in result.err
    assert result.err.count("error[") == 1


@pytest.mark.parametrize(("head", "code", "says"), [
    ("spec: gone.yaml", "RT101", "cannot read"),
    ("spec: run.yaml\nrun: other", "RT102", "which holds small"),
    ("spec: broken.yaml", "RT101", "broken.yaml has errors"),
    ("spec: two.yaml", "RT102", "holds small, large"),
    ("spec: t.yaml", "RT101", "t.yaml has errors"),
    ("specs: run.yaml", "VR202", "did you mean `spec`?"),
])  # fmt: skip
def test_a_spec_that_cannot_be_used_is_told(write, spec, tmp_path, head, code, says):
    text = spec.read_text()
    (tmp_path / "broken.yaml").write_text(text.replace("type: query", "type: qery"))
    (tmp_path / "two.yaml").write_text(text + "---\n" + text.replace("name: small,", "name: large,"))
    result = call("test", write(TEST, head=head))
    assert (result.code, result.out) == (2, "")
    assert f"error[{code}]" in result.err
    assert says in result.err
    assert "Traceback" not in result.err


def test_the_errors_of_a_spec_are_shown_once(write, spec):
    spec.write_text(spec.read_text().replace("interval: 15s", "interval: 1s"))
    result = call("test", write(TEST), write(TEST, name="u.yaml"))
    assert result.code == 2
    assert result.err.count("must be between 5s and 5m") == 1


def test_one_of_several_runs_is_chosen_by_its_name(write, spec, tmp_path):
    text = spec.read_text()
    two = text + "---\n" + text.replace("name: small,", "name: large,").replace('"100"', '"1"')
    (tmp_path / "two.yaml").write_text(two)
    test = """
    - name: a
      window: 1m
      interval: 10s
      rules: [pool]
      input_series: [{series: 'pool{namespace="eng-ada",run="large"}', values: 5x9}]
      expect: {verdict: Failed}
    """
    result = call("test", write(test, head="spec: two.yaml\nrun: large"))
    assert result.code == 0, result.out + result.err


def test_a_namespace_may_come_from_the_command_line(write, spec):
    spec.write_text(spec.read_text().replace(", namespace: eng-ada}\nspec", "}\nspec"))
    assert call("test", write(TEST)).code == 2
    test = """
    - name: a
      window: 1m
      interval: 10s
      rules: [pool]
      input_series: [{series: 'pool{namespace="eng-bob",run="small"}', values: 5x9}]
      expect: {verdict: Passed}
    """
    result = call("test", write(test), "--namespace", "eng-bob")
    assert result.code == 0, result.out + result.err


@pytest.mark.parametrize("text", ["", "[]", "a: b", "apiVersion: v1\nkind: ConfigMap\n", "kind: {", "---\n---\n"])
def test_what_is_no_test_file_is_2(tmp_path, text):
    path = tmp_path / "t.yaml"
    path.write_text(text)
    result = call("test", path)
    assert (result.code, result.out) == (2, "")
    assert "Traceback" not in result.err


def test_several_tests_files_in_one_file_are_all_run(write, tmp_path):
    test = """
    - {name: a, window: 1m, interval: 10s, rules: [alert], expect: {verdict: Passed}}
    """
    path = write(test)
    path.write_text(path.read_text() + "---\n" + path.read_text())
    result = call("test", path)
    assert (result.code, result.out.splitlines()[-1]) == (0, "2 tests: 2 as expected, 0 not")
