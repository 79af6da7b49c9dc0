"""Schedules on the command line: what submit applies, how a schedule is shown, deleted, and what else it is not."""

import json
import pathlib
import time
from typing import Any

import pytest
import yaml

from cli_helpers import call
from emit_helpers import as_yaml, rules_only
from fake_api_server import FakeApiServer
from runner_helpers import NAMESPACE
from runs_kit import OURS, workflow
from validationrun.base.times import format_time
from validationrun.kube.cluster import CRON_WORKFLOWS, PROMETHEUS_RULES, Object

HOUR = 3600
NAME, RUN = "every-day", rules_only()["metadata"]["name"]
KINDS = ("configmaps", "workflowtemplates", "prometheusrules", "cronworkflows")


def spec_file(folder: pathlib.Path, *, paused: bool = False, beside: bool = False) -> pathlib.Path:
    """A schedule with its run; `beside` it another run."""
    schedule = {
        "apiVersion": "validation.sei.io/v1alpha1",
        "kind": "ValidationSchedule",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {"schedules": ["0 6 * * *"], "runTemplate": {"ref": {"name": RUN}}},
    }
    if paused:
        schedule["metadata"]["annotations"] = {"validation.sei.io/paused": "true"}
    documents = [schedule, rules_only()]
    if beside:
        documents.append({**rules_only(), "metadata": {"name": "alone", "namespace": NAMESPACE}})
    path = folder / "schedule.yaml"
    path.write_bytes(b"\n---\n".join(as_yaml(document) for document in documents))
    return path


def names(api: FakeApiServer) -> dict[str, list[str]]:
    return {kind: [name for plural, name in api.cluster.objects if plural == kind] for kind in (*KINDS, "workflows")}


def put_schedule(api: FakeApiServer, *, age: float = 300 * HOUR, status: Object | None = None, **spec: Any) -> Object:
    """A CronWorkflow as `submit` applied it, and as Argo's controller keeps it."""
    annotations = {
        "validation.sei.io/starts": f"ValidationRun/{RUN}",
        "validation.sei.io/overdue-after": "26h",
        **spec.pop("annotations", {}),
    }
    metadata = {"name": NAME, "namespace": NAMESPACE, "uid": "uid-of-schedule", "labels": OURS}
    metadata["creationTimestamp"] = format_time(time.time() - age)
    template = {"workflowTemplateRef": {"name": RUN}}
    body = {
        "metadata": {
            **metadata,
            "annotations": {key: value for key, value in annotations.items() if value is not None},
        },
        "spec": {"schedules": ["0 6 * * *"], "timezone": "UTC", "workflowSpec": template, **spec},
        "status": status or {},
    }
    return api.cluster.put(CRON_WORKFLOWS, body)


def put_run(api: FakeApiServer, name: str, ended: float | None, *, lasted: float = 1, **more: Any) -> None:
    """A Workflow of the schedule that ended so many hours ago, and lasted so many; None for one that goes on."""
    owner = {"kind": "CronWorkflow", "name": NAME, "uid": more.pop("owner", "uid-of-schedule")}
    labels = {"workflows.argoproj.io/cron-workflow": NAME}
    given = {"phase": "Running"} if ended is None else {"phase": "Succeeded", "verdict": "Passed", "ours": "Succeeded"}
    made = workflow(api, name, labels=labels, **{"template": RUN, **given, **more})
    made["metadata"]["ownerReferences"] = [owner]
    began = time.time() - ((ended or 0) + lasted) * HOUR
    made["metadata"]["creationTimestamp"] = made["status"]["startedAt"] = format_time(began)
    if ended is not None:
        made["status"]["finishedAt"] = format_time(began + lasted * HOUR)


def status(*more: str) -> dict[str, Any]:
    done = call("status", NAME, "-n", NAMESPACE, "-o", "json", *more)
    assert done.code == 0, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def table() -> list[str]:
    done = call("list", "-n", NAMESPACE)
    assert done.code == 0, done.err
    return done.out.rpartition("\n\n")[2].splitlines()


def test_submit_applies_the_run_the_alert_and_the_schedule_and_starts_nothing(
    api: FakeApiServer, tmp_path: pathlib.Path
) -> None:
    done = call("submit", spec_file(tmp_path))
    assert (done.code, done.out) == (0, f"{NAME}\n"), done.err
    found = names(api)
    assert found["workflows"] == []
    assert (found["workflowtemplates"], found["prometheusrules"], found["cronworkflows"]) == ([RUN], [NAME], [NAME])
    assert len(found["configmaps"]) == 1
    assert "suspend" not in api.cluster.objects[("cronworkflows", NAME)]["spec"]


def test_submit_applies_a_suite_and_its_runs_beneath_its_schedule(api: FakeApiServer, tmp_path: pathlib.Path) -> None:
    runs = [{"name": "first", "ref": {"name": RUN}}, {"name": "second", "spec": rules_only()["spec"]}]
    schedule = {
        "apiVersion": "validation.sei.io/v1alpha1",
        "kind": "ValidationSchedule",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {"schedules": ["0 6 * * *"], "suiteTemplate": {"spec": {"runs": runs}}},
    }
    path = tmp_path / "schedule.yaml"
    path.write_bytes(as_yaml(schedule) + b"\n---\n" + as_yaml(rules_only()))
    done = call("submit", path)
    assert (done.code, done.out) == (0, f"{NAME}\n"), done.err
    found = names(api)
    assert sorted(found["workflowtemplates"]) == sorted([RUN, f"{NAME}-suite", f"{NAME}-suite-second"])
    assert (len(found["configmaps"]), found["workflows"], found["cronworkflows"]) == (3, [], [NAME])


def test_a_schedule_that_is_paused_has_no_alert_any_more(api: FakeApiServer, tmp_path: pathlib.Path) -> None:
    call("submit", spec_file(tmp_path))
    done = call("submit", spec_file(tmp_path, paused=True))
    assert done.code == 0, done.err
    assert "its alert was deleted" in done.err
    assert names(api)["prometheusrules"] == []
    assert api.cluster.objects[("cronworkflows", NAME)]["spec"]["suspend"] is True


def test_somebody_elses_rule_of_its_name_stays(api: FakeApiServer, tmp_path: pathlib.Path) -> None:
    api.cluster.put(PROMETHEUS_RULES, {"metadata": {"name": NAME, "namespace": NAMESPACE, "labels": {}}})
    assert call("submit", spec_file(tmp_path, paused=True)).code == 0
    assert names(api)["prometheusrules"] == [NAME]


@pytest.mark.parametrize("how", ["client", "server"])
def test_a_dry_run_names_every_object_and_keeps_none(api: FakeApiServer, tmp_path: pathlib.Path, how: str) -> None:
    before = set(api.cluster.objects)
    done = call("submit", spec_file(tmp_path), f"--dry-run={how}")
    assert done.code == 0, done.err
    if how == "client":
        kinds = [document["kind"] for document in yaml.safe_load_all(done.out)]
        assert kinds == ["ConfigMap", "WorkflowTemplate", "PrometheusRule", "CronWorkflow"]
    else:
        assert done.out.count(" created (server dry run)") == 4
    assert set(api.cluster.objects) == before


def test_what_has_not_changed_is_said_to_be_unchanged(api: FakeApiServer, tmp_path: pathlib.Path) -> None:
    path = spec_file(tmp_path)
    call("submit", path)
    done = call("submit", path, "--dry-run=server")
    assert done.out.count(" unchanged (server dry run)") == 4


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--wait"], [f"validationrun status {NAME} -n {NAMESPACE}", f"submit --from {RUN} -n {NAMESPACE} --wait"]),
        (["--set", "duration=5m"], ["--set does not apply to a schedule"]),
    ],
)
def test_options_of_runs_are_refused(
    api: FakeApiServer, tmp_path: pathlib.Path, more: list[str], words: list[str]
) -> None:
    done = call("submit", spec_file(tmp_path), *more)
    assert done.code == 2
    assert all(word in done.err for word in words), done.err
    assert not any(found for kind, found in names(api).items() if kind in KINDS)


def test_a_run_that_the_schedule_does_not_start(api: FakeApiServer, tmp_path: pathlib.Path) -> None:
    done = call("submit", spec_file(tmp_path, beside=True))
    assert done.code == 2
    assert f"schedule {NAME}, which does not start alone" in done.err
    assert names(api)["cronworkflows"] == []


@pytest.mark.parametrize("plural", ["cronworkflows", "prometheusrules", "workflowtemplates"])
def test_what_gitops_owns_is_not_taken_over(api: FakeApiServer, tmp_path: pathlib.Path, plural: str) -> None:
    api.conflicts = {plural}
    done = call("submit", spec_file(tmp_path))
    assert done.code == 2
    assert "is managed by somebody else" in done.err
    assert names(api)["cronworkflows"] == []


def test_a_cluster_without_prometheus_rules_is_told_of(api: FakeApiServer, tmp_path: pathlib.Path) -> None:
    del api.groups["monitoring.coreos.com"]
    done = call("submit", spec_file(tmp_path))
    assert done.code == 0, done.err
    assert "nobody is told when the schedule is overdue" in done.err
    assert names(api)["cronworkflows"] == [NAME]


def test_a_schedule_whose_run_passed_is_active(api: FakeApiServer) -> None:
    put_schedule(api)
    put_run(api, "every-day-1", 25)
    put_run(api, "every-day-2", 1)
    put_run(api, "every-day-3", None)
    found = status()
    assert (found["state"], found["verdict"], found["message"]) == ("Active", "Passed", "")
    assert (found["last"]["name"], found["running"]) == ("every-day-2", ["every-day-3"])
    assert found["next"].endswith("T06:00:00Z")
    head, line = table()
    assert head.split() == ["SCHEDULE", "STATE", "VERDICT", "LAST", "RUN", "ENDED", "NEXT"]
    assert line.split()[:6] == [NAME, "Active", "Passed", "every-day-2", "1h", "ago"]


def test_a_schedule_that_stopped_is_overdue_and_never_green(api: FakeApiServer) -> None:
    put_schedule(api)
    put_run(api, "every-day-1", 26.1)
    found = status()
    assert (found["state"], found["verdict"]) == ("Overdue", None)
    assert found["message"] == "no verdict for 1d2h, since the verdict of every-day-1"
    assert table()[1].split()[:3] == [NAME, "Overdue", "stale"]
    text = call("status", NAME, "-n", NAMESPACE).out
    assert text.startswith(f"{NAME} in {NAMESPACE}: Overdue\n")
    assert "Passed (stale)" in text


@pytest.mark.parametrize(("age", "state"), [(25 * HOUR, "Active"), (27 * HOUR, "Overdue")])
def test_a_schedule_without_any_run_has_as_long_as_the_alert(api: FakeApiServer, age: float, state: str) -> None:
    put_schedule(api, age=age)
    found = status()
    assert (found["state"], found["verdict"], found["last"]) == (state, None, None)


@pytest.mark.parametrize(
    "more",
    [
        {"owner": "uid-of-an-older-schedule"},
        {"template": "another"},
        {"phase": "Failed", "verdict": "Awaited", "spec": {"shutdown": "Terminate"}},
        {"phase": "Failed", "verdict": "Awaited"},
    ],
    ids=["of an older schedule", "of another template", "terminated", "without a verdict"],
)
def test_what_is_no_verdict_of_the_schedule_does_not_count(api: FakeApiServer, more: dict[str, Any]) -> None:
    put_schedule(api)
    put_run(api, "every-day-1", 1, **more)
    found = status()
    assert (found["state"], found["verdict"]) == ("Overdue", None)


def test_a_part_of_a_suite_is_no_verdict_of_its_schedule(api: FakeApiServer) -> None:
    """Somebody started it from the CronWorkflow and gave it `only`, or edited the CronWorkflow."""
    put_schedule(api)
    put_run(api, "every-day-1", 27)
    put_run(api, "every-day-2", 1)
    for name in ("every-day-1", "every-day-2"):
        api.cluster.objects[("workflows", name)]["metadata"]["labels"]["validation.sei.io/suite"] = RUN
    part = api.cluster.objects[("workflows", "every-day-2")]["spec"]
    assert status()["state"] == "Active"
    part["arguments"] = {"parameters": [{"name": "only", "value": "first"}]}
    found = status()
    assert (found["state"], found["verdict"]) == ("Overdue", None)
    assert found["last"]["name"] == "every-day-1"


def test_a_verdict_of_failed_is_a_verdict(api: FakeApiServer) -> None:
    put_schedule(api)
    put_run(api, "every-day-1", 1, phase="Failed", verdict="Failed", ours="Failed", reason="RuleFailed:height")
    found = status()
    assert (found["state"], found["verdict"], found["last"]["reason"]) == ("Active", "Failed", "RuleFailed:height")


def test_the_run_that_ended_last_tells_the_verdict_not_the_one_that_began_last(api: FakeApiServer) -> None:
    """With `concurrencyPolicy: Allow`."""
    put_schedule(api)
    put_run(
        api, "every-day-1", 1, lasted=5, phase="Failed", verdict="Failed", ours="Failed", reason="RuleFailed:height"
    )
    put_run(api, "every-day-2", 3)
    found = status()
    assert (found["verdict"], found["last"]["name"]) == ("Failed", "every-day-1")


def test_a_passed_label_on_a_failed_workflow_is_not_green(api: FakeApiServer) -> None:
    put_schedule(api)
    put_run(api, "every-day-1", 1, phase="Failed", verdict="Passed")
    assert status()["verdict"] == "Error"


@pytest.mark.parametrize(("hours", "state"), [(7 * 24 - 1, "Overdue"), (7 * 24 + 1, "Active")])
def test_a_run_that_is_gone_counts_only_past_its_time_to_live(api: FakeApiServer, hours: float, state: str) -> None:
    """Sooner, somebody has deleted it. Later nobody can tell its verdict."""
    put_schedule(
        api,
        age=2000 * HOUR,
        annotations={"validation.sei.io/overdue-after": "800h"},
        status={"lastScheduledTime": format_time(time.time() - hours * HOUR)},
    )
    found = status()
    assert (found["state"], found["verdict"], found["last"]) == (state, None, None)


@pytest.mark.parametrize(("limit", "state"), [("26h", "Overdue"), ("800h", "Active")])
def test_a_run_that_goes_on_counts_where_the_one_before_may_be_past_its_time_to_live(
    api: FakeApiServer, limit: str, state: str
) -> None:
    put_schedule(
        api,
        age=2000 * HOUR,
        annotations={"validation.sei.io/overdue-after": limit},
        status={"lastScheduledTime": format_time(time.time() - HOUR)},
    )
    put_run(api, "every-day-1", None)
    found = status()
    assert (found["state"], found["verdict"], found["running"]) == (state, None, ["every-day-1"])


def test_a_schedule_that_is_suspended_by_hand_becomes_overdue(api: FakeApiServer) -> None:
    put_schedule(api, suspend=True)
    put_run(api, "every-day-1", 1)
    found = status()
    assert (found["state"], found["next"]) == ("Paused", None)
    assert "suspended by hand" in found["message"]
    put_run(api, "every-day-1", 30)
    found = status()
    assert (found["state"], found["verdict"]) == ("Overdue", None)


def test_a_schedule_that_its_spec_pauses_is_not_overdue_and_not_green(api: FakeApiServer) -> None:
    put_schedule(api, suspend=True, annotations={"validation.sei.io/paused": "true"})
    put_run(api, "every-day-1", 30)
    found = status()
    assert (found["state"], found["verdict"], found["next"]) == ("Paused", None, None)
    assert table()[1].split()[:3] == [NAME, "Paused", "stale"]


def test_a_schedule_that_somebody_resumed_is_no_longer_paused(api: FakeApiServer) -> None:
    put_schedule(api, annotations={"validation.sei.io/paused": "true"})
    assert status()["state"] == "Overdue"


@pytest.mark.parametrize("text", [None, "soon"])
def test_a_schedule_that_does_not_say_when_it_is_overdue_is_unknown(api: FakeApiServer, text: str | None) -> None:
    put_schedule(api, annotations={"validation.sei.io/overdue-after": text})
    put_run(api, "every-day-1", 1)
    found = status()
    assert (found["state"], found["verdict"]) == ("Unknown", None)


def test_a_verdict_of_the_future_is_no_sign_of_life(api: FakeApiServer) -> None:
    """Else the schedule would be fresh until that time has come, and longer."""
    put_schedule(api)
    put_run(api, "every-day-1", -1)
    found = status()
    assert (found["state"], found["verdict"], found["overdueAfter"]) == ("Unknown", None, "26h")
    assert "its last sign of life (the verdict of every-day-1) is 59m" in found["message"]
    assert table()[1].split()[:3] == [NAME, "Unknown", "stale"]
    put_run(api, "every-day-1", -200 / HOUR)
    assert (status()["state"], status()["verdict"]) == ("Active", "Passed")


def test_a_schedule_that_was_created_in_the_future_is_unknown(api: FakeApiServer) -> None:
    put_schedule(api, age=-2 * HOUR)
    put_run(api, "every-day-1", 1)
    found = status()
    assert (found["state"], found["verdict"]) == ("Unknown", None)
    assert "(it was created) is 1h59m in the future" in found["message"]


def test_what_argo_says_of_the_schedule_is_shown(api: FakeApiServer) -> None:
    fault = {"type": "SubmissionError", "status": "True", "message": "exceeded quota: pods"}
    put_schedule(api, status={"conditions": [fault]}, schedules=["every day"])
    message = status()["message"]
    assert "exceeded quota: pods" in message
    assert "must have five fields" in message


def test_list_knows_schedules_alone(api: FakeApiServer) -> None:
    assert call("list", "-n", NAMESPACE, "--schedules").out == f"no schedules in namespace {NAMESPACE}\n"
    put_schedule(api)
    (found,) = json.loads(call("list", "-n", NAMESPACE, "--schedules", "-o", "json").out)
    assert (found["name"], found["state"]) == (NAME, "Overdue")
    assert json.loads(call("list", "-n", NAMESPACE, "-o", "json").out) == []
    assert call("list", "-n", NAMESPACE, "--schedules", "--verdict", "Passed").code == 2
    assert NAME in call("list", "-n", NAMESPACE, "--name", RUN).out
    assert NAME not in call("list", "-n", NAMESPACE, "--name", "other").out


def test_an_account_that_may_not_list_schedules_still_lists_runs(api: FakeApiServer) -> None:
    put_run(api, "every-day-1", 1)
    api.denied = {("list", "cronworkflows")}
    done = call("list", "-n", NAMESPACE)
    assert done.code == 0
    assert "every-day-1" in done.out
    assert "schedules are not shown" in done.err


@pytest.mark.parametrize(
    "arguments", [("wait",), ("watch",), ("logs",), ("rerun",), ("report",), ("stop",)], ids=lambda found: found[0]
)
def test_verbs_on_runs_name_the_runs_of_a_schedule(api: FakeApiServer, arguments: tuple[str, ...]) -> None:
    put_schedule(api)
    put_run(api, "every-day-1", 25)
    put_run(api, "every-day-2", 1)
    done = call(*arguments, NAME, "-n", NAMESPACE)
    assert done.code == 2
    assert f"{NAME} is a schedule, not a run: its runs are named every-day-2, every-day-1" in done.err
    if arguments == ("stop",):
        assert f"kubectl patch cronworkflow {NAME} -n {NAMESPACE} --type merge" in done.err


def test_delete_takes_the_schedule_its_alert_and_its_runs(api: FakeApiServer, tmp_path: pathlib.Path) -> None:
    call("submit", spec_file(tmp_path))
    put_schedule(api)
    put_run(api, "every-day-1", None)
    done = call("delete", NAME, "-n", NAMESPACE)
    assert done.code == 2
    assert f"cronworkflows.argoproj.io {NAME}\n    workflows.argoproj.io every-day-1" in done.out
    assert f"prometheusrules.monitoring.coreos.com {NAME}" in done.out
    done = call("delete", NAME, "-n", NAMESPACE, "--yes")
    assert done.code == 0, done.err
    found = names(api)
    assert (found["cronworkflows"], found["prometheusrules"], found["workflowtemplates"]) == ([], [], [RUN])


def test_delete_leaves_what_is_not_ours(api: FakeApiServer) -> None:
    put_schedule(api)
    api.cluster.objects[("cronworkflows", NAME)]["metadata"]["labels"] = {}
    done = call("delete", NAME, "-n", NAMESPACE, "--yes")
    assert done.code == 2
    assert names(api)["cronworkflows"] == [NAME]
