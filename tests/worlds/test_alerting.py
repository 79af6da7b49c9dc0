"""Alerts of a world become pending and firing when those of Prometheus do."""

import json
import subprocess

from tests.prometheus.binary import promtool
from tests.worlds.alerting import Alerting
from tests.worlds.world import Group

from validationrun.judging.ruletest.promtool_series import Mark, read_values
from validationrun.judging.ruletest.remote_write import label_bytes

BEGINS = 500_000_000
VALUES = {"a": "0x9 1x20 0x10", "b": "0x14 1x3 0x3 1x20", "c": "_x12 1x5 stale _x20"}
GROUP = {
    "name": "g",
    "interval": "30s",
    "rules": [
        {"alert": "Slow", "expr": "max by (pod) (broken) > 0", "for": "2m", "labels": {"severity": "page"}},
        {"alert": "AtOnce", "expr": "broken > 0"},
    ],
}


def evaluated(prometheus, group, minutes):
    """What `/api/v1/rules` says after each evaluation, by time since the beginning, and all ALERTS samples."""
    alerting = Alerting([Group.model_validate(group)], BEGINS - 3)
    told, written = {}, []
    while (due := alerting.due()) <= BEGINS + minutes * 60:
        written += alerting.evaluate(prometheus)
        told[int(due) - BEGINS] = {
            rule["name"]: rule
            for name in ("Slow", "AtOnce")
            for answered in json.loads(alerting.reply(name).body)["data"]["groups"]
            for rule in answered["rules"]
        }
    return told, written


def put(prometheus):
    for pod, values in VALUES.items():
        samples = [(BEGINS + 30 * at, value) for at, value in enumerate(read_values(values)) if value is not None]
        prometheus.write([(label_bytes({"__name__": "broken", "pod": pod}), samples)])


def test_they_fire_when_promtool_says_so(servers, tmp_path):
    put(servers[0])
    told, _ = evaluated(servers[0].ask, GROUP, 15)
    expected = [
        {
            "eval_time": f"{t}s",
            "alertname": name,
            "exp_alerts": [
                {"exp_labels": {key: value for key, value in one["labels"].items() if key != "alertname"}}
                for one in rules[name]["alerts"]
                if one["state"] == "firing"
            ],
        }
        for t, rules in told.items()
        for name in ("Slow", "AtOnce")
    ]
    assert sum(len(one["exp_alerts"]) for one in expected) > 20
    (tmp_path / "rules.yaml").write_text(json.dumps({"groups": [GROUP]}))
    series = [{"series": f'broken{{pod="{pod}"}}', "values": values} for pod, values in VALUES.items()]
    tests = [{"interval": "30s", "input_series": series, "alert_rule_test": expected}]
    document = {"rule_files": ["rules.yaml"], "evaluation_interval": "30s", "tests": tests}
    (tmp_path / "test.yaml").write_text(json.dumps(document))
    told = subprocess.run(
        [promtool(), "test", "rules", "test.yaml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr


def test_an_alert_is_pending_first_and_its_series_ends_when_it_changes(servers):
    put(servers[0])
    told, written = evaluated(servers[0].ask, GROUP, 15)
    states = [
        [one["state"] for one in rules["Slow"]["alerts"] if one["labels"]["pod"] == "a"] for rules in told.values()
    ]
    # It begins after 5m and lasts 10m30s: four evaluations pending, and firing from 2m on.
    assert states[:10] == [[]] * 10
    assert states[10:14] == [["pending"]] * 4
    assert states[14:31] == [["firing"]] * 17
    ends = [
        (labels["alertstate"], t - BEGINS)
        for labels, t, value in written
        if value is Mark.STALE and labels["alertname"] == "Slow" and labels["pod"] == "a"
    ]
    assert ends == [("pending", 420)]


def test_an_expression_that_cannot_be_evaluated_is_not_healthy(servers):
    put(servers[0])
    group = {**GROUP, "rules": [{"alert": "Slow", "expr": "broken / on () broken"}]}
    told, written = evaluated(servers[0].ask, group, 10)
    assert {rules["Slow"]["health"] for rules in told.values()} == {"err"}
    assert "many-to-many" in told[600]["Slow"]["lastError"]
    assert written == []
