"""A schedule beside its run: what it compiles to, and what is said about both."""

import dataclasses
import datetime as dt

import pytest

from emit_helpers import as_yaml, full_run, rules_only
from validationrun.compiling.emit.options import EmitOptions
from validationrun.compiling.explain_schedule import next_firings, schedule_outline
from validationrun.compiling.pipeline import compile_all, lint_all, plan_schedules
from validationrun.contract.new_workflow import new_workflow
from validationrun.spec.source import read_compiled

RUN = as_yaml(rules_only())
DEFAULTS = EmitOptions()
NAME = rules_only()["metadata"]["name"]


def schedule(template=None, *, annotations=None, name="every-day", **spec):
    return as_yaml(
        {
            "apiVersion": "validation.sei.io/v1alpha1",
            "kind": "ValidationSchedule",
            "metadata": {"name": name, "namespace": "eng-ada", **({"annotations": annotations} if annotations else {})},
            "spec": {
                "schedules": ["0 6 * * *"],
                "runTemplate": template or {"ref": {"name": NAME}},
                **spec,
            },
        }
    )


def compiled(*documents, options=DEFAULTS):
    return compile_all([(f"{number}.yaml", text) for number, text in enumerate(documents)], options)


def objects(result, folder="eng-ada/every-day"):
    (found,) = [entry for entry in result.compiled if entry.folder == folder]
    return {file.name: read_compiled(file.text)[0] for file in found.files}


def test_its_workflows_are_as_submit_makes_them():
    options = EmitOptions(instance_id="blue")
    result = compiled(schedule({"ref": {"name": NAME}, "parameters": {"duration": "5m"}}), RUN, options=options)
    cron = objects(result)["cronworkflow.yaml"]
    (plan,) = [entry.plan for entry in result.schedules]
    submitted = new_workflow(NAME, "eng-ada", plan.started.bundle_hash, plan.parameters, "blue", plan.overridden).object
    # Argo copies the label of its instance from the CronWorkflow.
    instance = {"workflows.argoproj.io/controller-instanceid": "blue"}
    assert cron["spec"]["workflowMetadata"]["labels"] | instance == submitted["metadata"]["labels"]
    assert instance.items() <= cron["metadata"]["labels"].items()
    assert cron["spec"]["workflowMetadata"]["annotations"] == submitted["metadata"]["annotations"]
    assert cron["spec"]["workflowSpec"] == submitted["spec"]
    assert submitted["metadata"]["labels"]["validation.sei.io/overridden"] == "true"


def test_a_schedule_that_is_not_paused_says_nothing_about_suspend():
    assert "suspend" not in objects(compiled(schedule(), RUN))["cronworkflow.yaml"]["spec"]


def test_a_paused_schedule_is_suspended_and_has_no_alert():
    result = compiled(schedule(annotations={"validation.sei.io/paused": "true"}), RUN)
    found = objects(result)
    assert found["cronworkflow.yaml"]["spec"]["suspend"] is True
    assert set(found) == {"cronworkflow.yaml", "kustomization.yaml"}
    assert found["kustomization.yaml"]["resources"] == ["cronworkflow.yaml"]


def test_a_run_that_is_written_inside_has_a_folder_of_its_own():
    result = compiled(schedule({"spec": rules_only()["spec"]}))
    assert [entry.folder for entry in result.compiled] == ["eng-ada/every-day-run", "eng-ada/every-day"]
    assert (
        objects(result)["cronworkflow.yaml"]["spec"]["workflowSpec"]["workflowTemplateRef"]["name"] == "every-day-run"
    )


def test_a_fault_of_a_run_that_is_written_inside_stands_where_it_is_written():
    spec = rules_only()["spec"]
    spec["timeouts"] = {"runDuration": "1s"}
    paths = {found.path for found in lint_all([("a.yaml", schedule({"spec": spec}))]).diagnostics}
    assert any(path.startswith("spec.runTemplate.spec.") for path in paths), paths


def test_a_schedule_and_a_run_of_one_name_share_a_folder():
    (finding,) = lint_all([("a.yaml", RUN), ("b.yaml", schedule(name=NAME))]).diagnostics
    assert (finding.code, finding.file) == ("VR112", "b.yaml")
    assert "taken by a run of a.yaml" in finding.message


def test_a_run_with_errors_is_not_missing():
    broken = rules_only()
    broken["spec"]["rules"][0]["type"] = "qwery"
    codes = {found.code for found in lint_all([("a.yaml", as_yaml(broken)), ("b.yaml", schedule())]).diagnostics}
    assert "VR810" not in codes


def test_a_locked_parameter_is_an_error_of_the_schedule():
    given = schedule({"ref": {"name": NAME}, "parameters": {"duration": "5m"}})
    assert lint_all([("a.yaml", given), ("b.yaml", RUN)]).ok
    result = compiled(given, RUN, options=EmitOptions(lock=("duration",)))
    assert result.compiled == []
    assert [(found.code, found.path) for found in result.diagnostics] == [
        ("VR811", "spec.runTemplate.parameters.duration")
    ]


def _plan(*documents):
    linted = lint_all([(f"{number}.yaml", text) for number, text in enumerate(documents)])
    assert linted.ok, linted.diagnostics
    return plan_schedules(linted, EmitOptions())[0]


@pytest.mark.parametrize(
    ("expressions", "zone", "least_h", "greatest_h"),
    [
        (["0 6 * * *"], "UTC", 24, 24),
        (["0 6 * * *"], "Europe/Berlin", 23, 25),
        (["0 6 * * *", "0 7 * * *"], "UTC", 1, 23),
        (["0 0 * * 1-5"], "UTC", 24, 72),
        (["0 0 29 2 *"], "UTC", 35064, 35064),
    ],
)
def test_the_gaps_between_firings(expressions, zone, least_h, greatest_h):
    plan = _plan(schedule(schedules=expressions, timezone=zone), RUN)
    assert (plan.least_gap_s, plan.greatest_gap_s) == (least_h * 3600, greatest_h * 3600)


def test_a_verdict_that_is_as_late_as_it_may_be_is_not_overdue():
    plan = _plan(schedule(schedules=["0 0 * * 1-5"]), RUN)
    assert plan.overdue_s > 72 * 3600 + plan.started.worst_case_s + plan.starting_deadline_s


def test_the_next_firings_are_in_the_schedules_own_time_zone():
    plan = _plan(schedule(timezone="Europe/Berlin"), RUN)
    now = dt.datetime(2027, 3, 27, 12, tzinfo=dt.UTC)
    assert list(next_firings(plan, now, 2)) == ["Sun 2027-03-28 06:00 CEST", "Mon 2027-03-29 06:00 CEST"]


def test_the_outline_of_a_paused_schedule_promises_no_alert():
    paused = dataclasses.replace(_plan(schedule(), RUN), paused=True)
    now = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)

    def lines(node):
        return [node.text, *(line for child in node.children for line in lines(child))]

    assert "overdue" in " ".join(lines(schedule_outline(_plan(schedule(), RUN), now)))
    text = " ".join(lines(schedule_outline(paused, now)))
    assert "overdue" not in text
    assert "PrometheusRule" not in text
    assert "paused" in text


def test_an_ignore_comment_silences_what_two_documents_say_together():
    text = schedule(schedules=["0 * * * *"]).decode()
    assert [found.code for found in lint_all([("a.yaml", text.encode()), ("b.yaml", RUN)]).diagnostics] == ["VR812"]
    silenced = f"{text.strip()} # validationrun: ignore VR812\n"
    assert lint_all([("a.yaml", silenced.encode()), ("b.yaml", RUN)]).diagnostics == []


def test_an_ignore_comment_about_other_documents_that_silences_nothing_is_a_warning():
    silenced = f"{schedule().decode().strip()} # validationrun: ignore VR812\n"
    (finding,) = lint_all([("a.yaml", silenced.encode()), ("b.yaml", RUN)]).diagnostics
    assert finding.code == "VR109"


def test_two_schedules_of_one_run_at_far_times_are_fine():
    other = schedule(name="every-evening", schedules=["0 18 * * *"])
    assert lint_all([("a.yaml", schedule()), ("b.yaml", other), ("c.yaml", RUN)]).diagnostics == []
    near = schedule(name="every-evening", schedules=["5 6 * * *"])
    codes = [found.code for found in lint_all([("a.yaml", schedule()), ("b.yaml", near), ("c.yaml", RUN)]).diagnostics]
    assert codes == ["VR815"]


def test_a_full_run_under_a_schedule_compiles():
    assert compiled(schedule({"ref": {"name": full_run()["metadata"]["name"]}}), as_yaml(full_run())).ok
