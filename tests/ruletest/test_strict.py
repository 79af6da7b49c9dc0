"""`validationrun test --strict`: a test that proves nothing is an error, and so is a rule that no test proves."""

import json
import xml.etree.ElementTree as ET

import pytest

from cli_helpers import call

POOL = 'pool{namespace="eng-ada", run="small"}'
HEIGHT = 'height{chain_id="small", pod="rpc-0"}'
ALERTS = 'ALERTS{alertname="NodeDown", alertstate="firing", chain_id="small"}'


def case(expect: str, *series: str, name: str = "a test", **fields: str) -> str:
    """One test, 10 s between its samples."""
    lines = [f"- name: {name}", "  interval: 10s", *(f"  {key}: {value}" for key, value in fields.items())]
    if series:
        lines.append("  input_series:")
    for text in series:
        labels, _, values = text.rpartition(" ")
        lines.append(f"    - {{series: '{labels}', values: {values}}}")
    return "\n".join([*lines, f"  expect: {expect}\n"])


HOLDS = case("{verdict: Passed}", f"{POOL} 5x20", name="holds", rules="[pool]", window="2m")
FAILS = case("{verdict: Failed}", f"{POOL} 500x20", name="fails", rules="[pool]", window="2m")
GROWS = case("{verdict: Passed}", f"{HEIGHT} 1+1x40", name="grows", rules="[height]", window="3m", warmup="2m")
HALTS = case("{verdict: Failed}", f"{HEIGHT} 1x40", name="halts", rules="[height]", window="3m", warmup="2m")
QUIET = case(
    "{verdict: Passed}", f"{ALERTS.replace('small', 'other')} 1x20", name="quiet", rules="[alert]", window="2m"
)
FIRES = case("{verdict: Failed}", f"{ALERTS} 1x20", name="fires", rules="[alert]", window="2m")
ALL = (HOLDS, FAILS, GROWS, HALTS, QUIET, FIRES)

UNREASONED = case("{verdict: Error, rules: [{name: pool, verdict: Error}]}", rules="[pool]", window="2m")
WITHOUT_RULE = case("{verdict: Error, reason: RuleError}", rules="[pool]", window="2m")
SILENT_ALERT = case("{verdict: Passed}", rules="[alert]", window="2m")
OTHER_ALERT = case("{verdict: Passed}", f"{ALERTS.replace('NodeDown', 'NodeUp')} 1x20", rules="[alert]", window="2m")
NO_TICK = case("{verdict: Passed}", f"{POOL} 5x20", rules="[pool]", window="14s")
BEFORE_THE_RULE = case("{verdict: Passed}", f"{HEIGHT} 1+1x40", rules="[height]", window="1m", warmup="2m")
MISSPELT = case("{verdict: Passed}", f"{POOL.replace('run=', 'runs=')} 5x20", rules="[pool]", window="2m")
MISSPELT_ALERT = case("{verdict: Passed}", f"{ALERTS.replace('chain_id', 'chain')} 1x20", rules="[alert]", window="2m")


@pytest.mark.parametrize(
    ("test", "code", "place", "text"),
    [
        (UNREASONED, "RT301", "9:60", "tests[0].expect.rules[0].verdict is Error without a reason"),
        (WITHOUT_RULE, "RT301", "9:23", "tests[0].expect.verdict is Error without a rule"),
        (NO_TICK, "RT302", "8:13", "the window of 14s has no tick of rule pool (interval 15s)"),
        (BEFORE_THE_RULE, "RT302", "8:13", "the window of 1m has no tick of rule height (startAfter 1m)"),
        (SILENT_ALERT, "RT303", "7:13", 'no series of alert "NodeDown": rule alert passes whatever its matchers say'),
        (OTHER_ALERT, "RT303", "7:13", 'no series of alert "NodeDown"'),
        (MISSPELT, "RT304", "10:18", 'no series pool has the label "run", by which rule pool selects'),
        (MISSPELT_ALERT, "RT304", "10:18", 'no series ALERTS has the label "chain_id", by which rule alert selects'),
    ],
)
def test_a_test_that_proves_nothing_is_an_error_with_its_place(write, test, code, place, text):
    path = write(test)
    result = call("test", "--strict", path)
    assert result.code == 2
    assert f"error[{code}]" in result.err
    assert text in result.err
    assert f"{path}:{place}: " in result.err
    assert "nothing was tested" in result.err


@pytest.mark.parametrize("test", [UNREASONED, SILENT_ALERT, NO_TICK, MISSPELT])
def test_without_strict_such_a_test_runs(write, test):
    assert "RT30" not in call("test", write(test)).err


def test_a_test_that_means_a_missing_label_is_none(write):
    means = case(
        "{verdict: Error, rules: [{name: pool, verdict: Error, reason: NoSamples}]}",
        f"{POOL.replace('run=', 'runs=')} 5x20",
        rules="[pool]",
        window="2m",
    )
    result = call("test", "--strict", write("".join((*ALL, means.replace("a test", "means it")))))
    assert (result.code, result.err) == (0, "")


def test_an_alert_rule_among_all_of_the_run_needs_no_series_and_is_not_proved_by_that(write):
    both = case("{verdict: Passed}", f"{POOL} 5x20", name="both", rules="[pool, alert]", window="2m")
    named = call("test", "--strict", write(both))
    assert "RT303" in named.err
    silent = case(
        "{verdict: Passed}", f"{POOL} 5x40", f"{HEIGHT} 1+1x40", name="all of the run", window="3m", warmup="2m"
    )
    result = call("test", "--strict", write(silent + FAILS + HALTS + FIRES))
    assert result.code == 1
    assert "no test that is as expected shows rule alert of run small Passed" in result.out
    assert "1 rule not proved" in result.out


def test_a_rule_that_was_seen_passed_and_failed_is_proved(write):
    result = call("test", "--strict", write("".join(ALL)))
    assert (result.code, result.err) == (0, "")
    assert result.out.endswith("6 tests: 6 as expected, 0 not\n")


def test_a_rule_that_was_never_seen_failed_is_an_error_at_the_spec(write):
    path = write(HOLDS + GROWS + QUIET)
    result = call("test", "--strict", path)
    assert result.code == 1
    for rule in ("height", "pool", "alert"):
        assert f"error[RT305]: no test that is as expected shows rule {rule} of run small Failed" in result.out
    assert f"{path}:3:7: error[RT305]" in result.out
    assert result.out.endswith("3 tests: 3 as expected, 0 not; 3 rules not proved\n")


def test_a_rule_of_the_run_that_no_test_names_is_not_proved(write):
    result = call("test", "--strict", write(HOLDS + FAILS))
    assert "shows rule height of run small Passed or Failed" in result.out
    assert "add a test that makes it Passed and one that makes it Failed" in result.out


def test_a_test_that_is_not_as_expected_proves_nothing(write):
    wrong = FAILS.replace("verdict: Failed", "verdict: Passed")
    result = call("test", "--strict", write(HOLDS + wrong + GROWS + HALTS + QUIET + FIRES))
    assert result.code == 1
    assert "shows rule pool of run small Failed" in result.out


def test_two_files_prove_the_rules_of_their_run_together(write, tmp_path):
    first = write(HOLDS + FAILS + GROWS)
    first.rename(tmp_path / "first.yaml")
    second = write(HALTS + QUIET + FIRES, name="second.yaml")
    result = call("test", "--strict", tmp_path / "first.yaml", second)
    assert (result.code, result.err) == (0, "")


def test_json_and_junit_name_the_rules_that_are_not_proved(write):
    path = write(HOLDS + GROWS + HALTS + QUIET + FIRES)
    as_json = json.loads(call("test", "--strict", "-o", "json", path).out)
    assert [(one["code"], one["line"]) for one in as_json["unproved"]] == [("RT305", 3)]
    root = ET.fromstring(call("test", "--strict", "-o", "junit", path).out)  # noqa: S314 - our own output
    assert (root.get("tests"), root.get("failures")) == ("6", "1")
    assert [failure.get("type") for failure in root.iter("failure")] == ["Unproved"]
    assert "unproved" not in json.loads(call("test", "-o", "json", path).out)
