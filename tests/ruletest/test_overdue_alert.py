"""The alert about a schedule that gives no verdict, as promtool evaluates it."""

import dataclasses
import json
import subprocess

import pytest
from tests.prometheus.binary import promtool

from validationrun.compiling.emit.schedule import prometheus_rule
from validationrun.compiling.plan.schedule import SchedulePlan, Started

HOUR = 60
PLAN = SchedulePlan(
    name="every-night",
    namespace="eng-ada",
    schedules=("15 4 * * *",),
    timezone="UTC",
    started=Started("ValidationRun", "nightly", "0" * 64, 3600, "validation_run_terminal_total"),
    parameters={},
    overridden=(),
    concurrency_policy="Forbid",
    successful_limit=3,
    failed_limit=3,
    starting_deadline_s=60,
    paused=False,
    least_gap_s=24 * 3600,
    greatest_gap_s=24 * 3600,
)
OF_SUITE = dataclasses.replace(
    PLAN, started=Started("ValidationSuite", "gate", "0" * 64, 3600, "validation_suite_terminal_total")
)
OVERDUE = PLAN.overdue_s // 60
"""Minutes: 24h between two firings, 1h of worst case, a minute of starting deadline, and slack."""

EXPECTED = {"severity": "warning", "namespace": "eng-ada", "schedule": "every-night"}


def counter(values: str, verdict="Passed", label="namespace", name="nightly", kind="run", **more):
    labels = {label: "eng-ada", "name": name, "verdict": verdict, **more}
    text = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return {"series": f"argo_workflows_validation_{kind}_terminal_total{{{text}}}", "values": values}


def grows(at: list[int], until: int, first: int | None = None) -> str:
    """A sample a minute: born at the first of these minutes unless `first` is given, one more at each of them."""
    value, parts = first, []
    for minute in range(until):
        if minute in at:
            value = (value or 0) + 1
        parts.append("_" if value is None else str(value))
    return " ".join(parts)


def firing(tmp_path, series, minutes: dict[int, bool], plan=PLAN) -> None:
    """promtool finds the alert to fire at these minutes, and not to fire at those."""
    groups = prometheus_rule(plan)["spec"]["groups"]
    (tmp_path / "rules.json").write_text(json.dumps({"groups": groups}))
    annotations = groups[0]["rules"][0]["annotations"]
    fires = [{"exp_labels": EXPECTED, "exp_annotations": annotations}]
    tests = {
        "rule_files": ["rules.json"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": series,
                "alert_rule_test": [
                    {
                        "eval_time": f"{minute}m",
                        "alertname": "ValidationScheduleOverdue",
                        "exp_alerts": fires if yes else [],
                    }
                    for minute, yes in minutes.items()
                ],
            }
        ],
    }
    (tmp_path / "tests.json").write_text(json.dumps(tests))
    done = subprocess.run(
        [promtool(), "test", "rules", "tests.json"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


NIGHTLY = [day * 24 * HOUR + 90 for day in range(4)]


@pytest.mark.parametrize(
    "labels",
    [
        {},
        {"label": "exported_namespace"},
        {"label": "exported_namespace", "namespace": "argo"},
        {"exported_namespace": "eng-ada"},
    ],
    ids=str,
)
def test_a_verdict_each_night_is_enough(tmp_path, labels):
    series = [counter(grows(NIGHTLY, 4 * 24 * HOUR), **labels)]
    firing(tmp_path, series, dict.fromkeys(range(0, 4 * 24 * HOUR, 37), False))


def test_a_run_of_this_name_of_another_tenant_does_not_count_in_the_namespace_of_argos_controller(tmp_path):
    """Where Prometheus renames labels, `namespace` is the controller's own, and the schedule's too."""
    series = [counter(grows(NIGHTLY, 4 * 24 * HOUR), exported_namespace="eng-bob")]
    firing(tmp_path, series, {OVERDUE - 15: False, OVERDUE + 1: True, 4 * 24 * HOUR - 1: True})


def test_a_schedule_that_stops_is_overdue(tmp_path):
    series = [counter(grows([90], 4 * 24 * HOUR))]
    firing(tmp_path, series, {90 + OVERDUE - 3: False, 90 + OVERDUE + 3: True, 4 * 24 * HOUR - 1: True})


def test_a_schedule_that_never_gave_a_verdict_is_overdue_but_not_at_once(tmp_path):
    firing(tmp_path, [], {5: False, OVERDUE - 15: False, OVERDUE + 1: True})


def test_verdicts_of_another_run_do_not_count(tmp_path):
    others = [
        counter(grows(NIGHTLY, 4 * 24 * HOUR), name="release"),
        counter(grows(NIGHTLY, 4 * 24 * HOUR), label="other"),
    ]
    firing(tmp_path, others, {OVERDUE + 1: True})


def test_every_verdict_counts_whatever_it_is(tmp_path):
    series = [
        counter(grows([90], 4 * 24 * HOUR)),
        counter(grows([NIGHTLY[1], NIGHTLY[3]], 4 * 24 * HOUR), verdict="Failed"),
        counter(grows([NIGHTLY[2]], 4 * 24 * HOUR), verdict="Error"),
    ]
    firing(tmp_path, series, dict.fromkeys(range(0, 4 * 24 * HOUR, 37), False))


def test_a_restart_of_the_controller_between_two_verdicts_is_no_silence(tmp_path):
    """The counter is gone after each restart, and born with the value 1 by the next verdict."""
    parts = []
    for minute in range(4 * 24 * HOUR):
        since = minute - 90
        # Restarted 90 minutes before each verdict: within an hour the new counter looks like the old one.
        restarted = since % (24 * HOUR) >= 24 * HOUR - 90
        parts.append("_" if since < 0 else ("stale" if restarted else "1"))
    firing(tmp_path, [counter(" ".join(parts))], dict.fromkeys(range(0, 4 * 24 * HOUR, 37), False))


def test_a_restart_without_a_verdict_is_none(tmp_path):
    """The counter goes with the controller and does not come back: nothing was counted."""
    series = [counter(" ".join("3" if minute < 300 else "stale" for minute in range(4 * 24 * HOUR)))]
    firing(tmp_path, series, {OVERDUE + 20: True})


def test_scrapes_that_fail_for_some_minutes_are_no_verdict(tmp_path):
    parts = ["3" if minute % 60 else "stale" for minute in range(4 * 24 * HOUR)]
    firing(tmp_path, [counter(" ".join(parts))], {OVERDUE + 20: True})


def without(values: str, gap: int, missed: str, begin=600) -> str:
    """The same samples without those of so many minutes a day."""
    parts = values.split()
    return " ".join(missed if begin <= at % (24 * HOUR) < begin + gap else part for at, part in enumerate(parts))


@pytest.mark.parametrize(("gap", "missed"), [(15, "_"), (25, "stale"), (50, "_"), (59, "stale")])
def test_a_gap_in_the_scrapes_each_day_is_no_verdict(tmp_path, gap, missed):
    dead = without(" ".join(["3"] * 4 * 24 * HOUR), gap, missed)
    firing(tmp_path, [counter(dead)], {OVERDUE - 15: False, OVERDUE + 20: True, 4 * 24 * HOUR - 1: True})


@pytest.mark.parametrize("begin", [600, 60, 91], ids=["between verdicts", "over a verdict", "after a verdict"])
def test_a_gap_in_the_scrapes_each_day_hides_no_verdict(tmp_path, begin):
    series = [counter(without(grows(NIGHTLY, 4 * 24 * HOUR), 50, "_", begin))]
    firing(tmp_path, series, dict.fromkeys(range(0, 4 * 24 * HOUR, 37), False))


def test_another_replica_that_takes_over_counts_on(tmp_path):
    half = 2 * 24 * HOUR
    first = grows(NIGHTLY[:2], half) + " stale"
    second = grows(NIGHTLY[2:], 4 * 24 * HOUR)
    series = [counter(first, pod="argo-a"), counter(second, pod="argo-b")]
    firing(tmp_path, series, dict.fromkeys(range(0, 4 * 24 * HOUR, 37), False))


def test_a_suites_verdict_each_night_is_enough(tmp_path):
    series = [counter(grows(NIGHTLY, 4 * 24 * HOUR), name="gate", kind="suite")]
    firing(tmp_path, series, dict.fromkeys(range(0, 4 * 24 * HOUR, 37), False), OF_SUITE)


def test_a_suite_that_stops_is_overdue_whatever_its_runs_do(tmp_path):
    """Its runs go on to give verdicts, and a run has the suite's name."""
    series = [
        counter(grows([90], 4 * 24 * HOUR), name="gate", kind="suite"),
        counter(grows(NIGHTLY, 4 * 24 * HOUR), name="gate-smoke"),
        counter(grows(NIGHTLY, 4 * 24 * HOUR), name="gate"),
    ]
    firing(tmp_path, series, {90 + OVERDUE - 3: False, 90 + OVERDUE + 3: True, 4 * 24 * HOUR - 1: True}, OF_SUITE)
