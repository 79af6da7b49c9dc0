"""`lint --prometheus`: what a real Prometheus has of the rules of a spec, and nothing said without an answer."""

import json
import pathlib
import time

import pytest
import yaml

from cli_helpers import call
from prometheus_kit import behaviours, running, series, unlike, unreachable
from validationrun.cli.init import Api, Scenario

HEAD = """\
apiVersion: validation.sei.io/v1alpha1
kind: ValidationRun
metadata: {name: looked, namespace: eng-ada}
spec:
  chain: {chainId: toy, endpoints: {rpc: ["http://rpc.example.com:26657"]}}
  timeouts: {runDuration: DURATION}
  rules:
"""
SLOW_ALERT = {"alert": "Slow", "expr": "vector(1) > 2", "for": "5m"}
WARNING_ALERT = {"alert": "Warned", "expr": "vector(1) > 2", "labels": {"severity": "warning"}}


@pytest.fixture
def spec(tmp_path):
    """Writes a spec with these rules, each a line."""

    def write(*rules: str, duration: str = "10m") -> pathlib.Path:
        path = tmp_path / "run.yaml"
        path.write_text(HEAD.replace("DURATION", duration) + "".join(f"    - {rule}\n" for rule in rules))
        return path

    return write


def query(name: str, promql: str) -> str:
    return json.dumps({"name": name, "type": "query", "query": {"promql": promql, "op": ">=", "threshold": "1"}})


def alert(alertname: str, pending: str = "Error", **properties: str) -> str:
    reference = {"name": "rules", "namespace": "eng-ada", "alertname": alertname}
    matchers = [{"name": "namespace", "op": "=", "value": "${namespace}"}]
    body = {"ruleRef": reference, "matchers": matchers, "pending": pending}
    return json.dumps({"name": "alert", "type": "alert", "alert": body, "runProperties": properties})


LOAD = """\
  load:
    duration: 10m
    workload: {name: load, image: "registry.example.com/load:v1", command: [load]}
  cooldown: 5m
"""


@pytest.fixture(scope="module")
def slow_alert(tmp_path_factory):
    """A Prometheus with an alert that fires 5m30s after its condition begins."""
    groups = [{"name": "slow", "interval": "30s", "rules": [SLOW_ALERT, WARNING_ALERT]}]
    with running(tmp_path_factory.mktemp("slow"), groups=groups) as server:
        yield server


@pytest.fixture
def heights(shared_prometheus):
    """Three series of a metric with a label of this test's own."""
    mark, now = unlike(), time.time()
    pods = [series("height", [(now, 5)], pod=f"rpc-{index}", chain_id="toy", mark=mark) for index in range(3)]
    shared_prometheus.send(*pods)
    return mark


def codes(result) -> list[str]:
    return [finding["code"] for finding in json.loads(result.out)]


def test_a_metric_that_is_there_is_a_line_with_its_series_and_labels(spec, shared_prometheus, heights):
    path = spec(query("height", f'min(height{{chain_id="${{chainId}}", mark="{heights}"}})'))
    result = call("lint", path, "--prometheus", shared_prometheus.url)
    assert result.code == 0, result.out
    assert f"what {shared_prometheus.url} has of the rules:" in result.out
    assert "    height: height: 3 series with chain_id, mark, pod" in result.out
    assert "no findings" in result.err


def test_a_metric_that_nobody_has_is_a_warning_with_the_nearest_name(spec, shared_prometheus, heights):
    path = spec(query("height", f'min(heihgt{{chain_id="${{chainId}}", mark="{heights}"}})'))
    result = call("lint", path, "--prometheus", shared_prometheus.url)
    assert result.code == 0
    assert "warning[VR590]: spec.rules[0].query.promql: No metric is named heihgt; nearest: height" in result.out
    assert "    height: heihgt: no series" in result.out
    assert call("lint", path, "--prometheus", shared_prometheus.url, "--strict").code == 1


def test_a_value_that_no_series_has_is_a_warning(spec, shared_prometheus, heights):
    path = spec(query("height", f'min(height{{chain_id="${{chainId}}", mark="{heights}", pod="rpc-9"}})'))
    assert codes(call("lint", path, "--prometheus", shared_prometheus.url, "-o", "json")) == ["VR590"]


def test_a_label_that_only_the_run_knows_the_value_of_is_looked_up_by_its_name(spec, shared_prometheus, heights):
    """The run's id selects nothing before the run; but no series has the label at all."""
    promql = f'min(height{{mark="{heights}", LABEL=~"${{runId}}.*"}})'
    known = spec(query("height", promql.replace("LABEL", "pod")))
    assert codes(call("lint", known, "--prometheus", shared_prometheus.url, "-o", "json")) == []
    unknown = spec(query("height", promql.replace("LABEL", "run_id")))
    result = call("lint", unknown, "--prometheus", shared_prometheus.url)
    assert 'warning[VR591]: spec.rules[0].query.promql: no series of height has the label "run_id"' in result.out


def test_an_alert_that_is_loaded_and_able_is_a_line(spec, shared_prometheus):
    result = call("lint", spec(alert("NeverFires")), "--prometheus", shared_prometheus.url)
    assert result.code == 0, result.out
    assert "    alert: alert NeverFires: loaded in group good, for 0s, evaluated every " in result.out


def test_an_alert_that_is_not_loaded_is_an_error(spec, shared_prometheus):
    result = call("lint", spec(alert("NoSuchAlert")), "--prometheus", shared_prometheus.url)
    assert result.code == 1
    assert (
        'error[VR592]: spec.rules[0].alert.ruleRef.alertname: this Prometheus has no alert "NoSuchAlert"' in result.out
    )


def test_an_alert_whose_evaluation_fails_is_an_error(spec, shared_prometheus):
    for _ in range(100):
        result = call("lint", spec(alert("Broken")), "--prometheus", shared_prometheus.url)
        if result.code:
            break
        time.sleep(0.2)
    assert (
        "error[VR592]: spec.rules[0].alert.ruleRef.alertname: alert Broken in group bad: health is err: " in result.out
    )


def test_an_alert_that_needs_as_long_as_the_window_is_an_error(spec, slow_alert):
    short = call("lint", spec(alert("Slow"), duration="5m30s"), "--prometheus", slow_alert.url)
    long = call("lint", spec(alert("Slow"), duration="5m31s"), "--prometheus", slow_alert.url)
    assert short.code == 1
    assert (
        'error[VR593]: spec.rules[0].alert.ruleRef.alertname: alert "Slow" can\'t fire within the 5m30s that the rule judges'
        in short.out
    )
    assert "(for 5m, evaluated every 30s)" in short.out
    assert long.code == 0, long.out


@pytest.mark.parametrize(
    ("pending", "properties", "expected"),
    [
        ("Error", {}, []),
        # The range opens 4m30s after the start: 5m30s are left.
        ("Error", {"startAfter": "4m29s"}, []),
        ("Error", {"startAfter": "4m30s"}, ["VR593"]),
        ("Passed", {"startAfter": "4m30s"}, ["VR593"]),
        ("Failed", {"startAfter": "4m30s"}, []),
    ],
)
def test_the_range_of_each_rule_counts_and_a_pending_alert_that_fails_the_run_need_not_fire(
    spec, slow_alert, pending, properties, expected
):
    path = spec(alert("Slow", pending, **properties))
    assert codes(call("lint", path, "--prometheus", slow_alert.url, "-o", "json")) == expected


@pytest.mark.parametrize(("severity", "expected"), [("critical", ["VR592"]), ("warning", [])])
def test_an_alert_that_sets_a_label_to_another_value_is_an_error(spec, slow_alert, severity, expected):
    """What the run alone knows, such as its namespace, is not compared."""
    rule = json.loads(alert("Warned"))
    rule["alert"]["matchers"].append({"name": "severity", "op": "=", "value": severity})
    result = call("lint", spec(json.dumps(rule)), "--prometheus", slow_alert.url, "-o", "json")
    assert codes(result) == expected
    assert ("the rule sets severity to warning" in result.out) == bool(expected)


def test_a_rule_that_is_judged_in_the_cooldown_has_a_longer_range(spec, slow_alert):
    """A load of 10m; `startAfter` leaves 2m of it, and the cooldown adds 5m."""
    last = alert("Slow", startAfter="8m", until="Cooldown").replace('"name": "alert"', '"name": "last"')
    path = spec(alert("Slow", startAfter="8m"), last, duration="30m")
    path.write_text(path.read_text().replace("  rules:\n", f"{LOAD}  rules:\n"))
    found = json.loads(call("lint", path, "--prometheus", slow_alert.url, "-o", "json").out)
    assert [(finding["code"], finding["path"]) for finding in found if finding["code"] == "VR593"] == [
        ("VR593", "spec.rules[0].alert.ruleRef.alertname")
    ]


def test_a_reply_that_warns_of_missing_data_proves_nothing(spec, proxied):
    """As the run itself reads it: a rule that is not in a partial list may be loaded."""
    proxied.behave(behaviours.warned("one store did not answer"), on="/api/v1/rules")
    result = call("lint", spec(alert("NoSuchAlert")), "--prometheus", proxied.url)
    assert "warning[VR594]: spec.rules[0].name" in result.out
    assert "VR592" not in result.out


def test_a_rule_that_gets_no_answer_is_a_warning_and_the_next_one_is_looked_up(spec, proxied, heights):
    path = spec(
        query("dark", 'min(dark{chain_id="${chainId}"})'),
        query("height", f'min(height{{chain_id="${{chainId}}", mark="{heights}"}})'),
    )
    proxied.behave(behaviours.status(503), on="dark")
    result = call("lint", path, "--prometheus", proxied.url)
    assert result.code == 0
    assert "warning[VR594]: spec.rules[0].name: the rule was not looked up" in result.out
    assert "    dark: not looked up, because Prometheus gave no answer" in result.out
    assert "    height: height: 3 series" in result.out


def test_a_prometheus_that_does_not_answer_is_2_and_nothing_is_said_of_the_rules(spec):
    with unreachable() as url:
        result = call("lint", spec(query("up", 'min(up{chain_id="${chainId}"})')), "--prometheus", url)
    assert result.code == 2
    assert "Prometheus does not answer" in result.err


def test_json_stays_a_document_and_the_lines_go_to_standard_error(spec, shared_prometheus, heights):
    path = spec(query("height", f'min(height{{chain_id="${{chainId}}", mark="{heights}"}})'))
    result = call("lint", path, "--prometheus", shared_prometheus.url, "-o", "json")
    assert json.loads(result.out) == []
    assert "height: 3 series" in result.err


def test_a_comment_silences_a_looked_up_warning_and_is_not_called_useless_without_prometheus(
    spec, shared_prometheus, heights
):
    rule = query("height", f'min(heihgt{{chain_id="${{chainId}}", mark="{heights}"}})')
    path = spec(f"{rule}  # validationrun: ignore VR590")
    assert codes(call("lint", path, "--prometheus", shared_prometheus.url, "-o", "json")) == []
    assert codes(call("lint", path, "-o", "json")) == []
    useless = spec(
        query("height", f'min(height{{chain_id="toy", mark="{heights}"}})') + "  # validationrun: ignore VR590"
    )
    assert codes(call("lint", useless, "--prometheus", shared_prometheus.url, "-o", "json")) == ["VR109"]


@pytest.mark.parametrize("api", [api.value for api in Api])
@pytest.mark.parametrize("scenario", [scenario.value for scenario in Scenario])
def test_each_rule_of_each_starter_is_looked_up(tmp_path, shared_prometheus, scenario, api):
    """Also a rule whose `series.min` names a deployment of the chain."""
    path = tmp_path / "run.yaml"
    path.write_text(call("init", scenario, "--api", api).out)
    result = call("lint", path, "--prometheus", shared_prometheus.url)
    # 1 where an alert of the starter is not loaded here.
    assert result.code == int("error[VR592]" in result.out), result.err
    rules = [rule["name"] for rule in yaml.safe_load(path.read_text())["spec"]["rules"]]
    _, _, looked_up = result.out.partition(f"what {shared_prometheus.url} has of the rules:\n")
    assert [line.split(":")[0].strip() for line in looked_up.splitlines()[1:]] == rules
    assert "not looked up" not in looked_up


def test_a_spec_with_an_error_has_no_heading_above_nothing(spec, shared_prometheus):
    path = spec(query("height", "min(height"))
    for output in ("text", "json"):
        result = call("lint", path, "--prometheus", shared_prometheus.url, "-o", output)
        assert result.code == 1
        assert "has of the rules" not in result.out + result.err


def test_the_environment_alone_makes_lint_ask_nobody(spec, monkeypatch):
    monkeypatch.setenv("VALIDATION_PROMETHEUS_URL", "http://127.0.0.1:9")
    assert call("lint", spec(query("up", 'min(up{chain_id="${chainId}"})'))).code == 0
