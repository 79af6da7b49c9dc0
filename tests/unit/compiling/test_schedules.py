"""A schedule beside its run: what it compiles to, and what is said about both."""

import dataclasses
import datetime as dt

import pytest

from emit_helpers import as_yaml, full_run, rules_only
from validationrun.compiling.emit.options import EmitOptions
from validationrun.compiling.explain_schedule import next_firings, schedule_outline
from validationrun.compiling.pipeline import compile_all, lint_all, plan_schedules
from validationrun.contract.new_workflow import new_workflow
from validationrun.contract.owned_record import Identity
from validationrun.spec.findings import Severity
from validationrun.spec.source import read_compiled
from validationrun.spec.v1alpha1 import LoadSpec

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
                **({} if "suiteTemplate" in spec else {"runTemplate": template or {"ref": {"name": NAME}}}),
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


@pytest.mark.parametrize(
    ("name", "help_"),
    [
        ("Europe/Berlinn", "did you mean Europe/Berlin?"),
        ("europe/berlin", "did you mean Europe/Berlin?"),
        ("Berlin", "did you mean Europe/Berlin?"),
        ("utc", "did you mean UTC?"),
        ("posix/Europe/Berlin", "did you mean Europe/Berlin?"),
        ("localtime", "write a name such as Europe/Berlin or UTC"),
        ("Factory", "write a name such as Europe/Berlin or UTC"),
    ],
)
def test_what_is_no_time_zone_everywhere_is_none(name, help_):
    (finding,) = lint_all([("a.yaml", schedule(timezone=name)), ("b.yaml", RUN)]).diagnostics
    assert (finding.code, finding.help) == ("VR804", help_)


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


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize(
    ("one", "other", "they_meet"),
    [
        ("0 * * * *", "0 4 1 2 *", True),
        ("0 * * * *", "0 4 1 6 *", True),
        ("*/20 * * * *", "0 4 31 12 *", True),
        ("0 * * * *", "0 4 29 2 *", True),
        ("30 3 * * 0", "0 4 1 6 *", True),
        ("*/20 * * 1,8 *", "*/10 * * 3,8 *", True),
        ("*/20 * * 1,8 *", "*/10 * * 3,10 *", False),
        ("0 * 1-20 * *", "0 4 25 6 *", False),
    ],
)
def test_two_schedules_that_meet_rarely_or_late_meet(one, other, they_meet, swapped):
    """Whatever the number of firings before, and in whichever year."""
    texts = [schedule(name="one", schedules=[one]), schedule(name="other", schedules=[other])]
    given = enumerate([*(reversed(texts) if swapped else texts), RUN])
    codes = {found.code for found in lint_all([(f"{number}.yaml", text) for number, text in given]).diagnostics}
    assert ("VR815" in codes) == they_meet


def test_a_full_run_under_a_schedule_compiles():
    assert compiled(schedule({"ref": {"name": full_run()["metadata"]["name"]}}), as_yaml(full_run())).ok


def suite(name="gate", **spec):
    """Two runs one after the other: the one beside, and one that is written inside."""
    runs = [{"name": "first", "ref": {"name": NAME}}, {"name": "second", "spec": full_run()["spec"]}]
    return as_yaml(
        {
            "apiVersion": "validation.sei.io/v1alpha1",
            "kind": "ValidationSuite",
            "metadata": {"name": name, "namespace": "eng-ada"},
            "spec": {"runs": runs, **spec},
        }
    )


def of_suite(template=None, **spec):
    return schedule(suiteTemplate=template or {"ref": {"name": "gate"}}, **spec)


def test_the_workflows_of_a_suite_are_as_submit_makes_them():
    result = compiled(of_suite(), suite(), RUN)
    assert result.ok, result.diagnostics
    cron = objects(result)["cronworkflow.yaml"]
    digest = objects(result, "eng-ada/gate")["bundle.yaml"]["metadata"]["annotations"]["validation.sei.io/bundle-hash"]
    submitted = new_workflow("gate", "eng-ada", digest, {}, "", suite=True).object
    assert cron["spec"]["workflowMetadata"]["labels"] == submitted["metadata"]["labels"]
    assert submitted["metadata"]["labels"]["validation.sei.io/suite"] == "gate"
    assert cron["spec"]["workflowMetadata"]["annotations"] == submitted["metadata"]["annotations"]
    assert cron["spec"]["workflowSpec"] == submitted["spec"]
    assert cron["metadata"]["annotations"]["validation.sei.io/starts"] == "ValidationSuite/gate"


def test_the_alert_of_a_suite_reads_the_counter_that_suite_finalize_writes():
    result = compiled(of_suite(), suite(), RUN)
    templates = objects(result, "eng-ada/gate")["workflowtemplate.yaml"]["spec"]["templates"]
    (finalize,) = [template for template in templates if template["name"] == "suite-finalize"]
    counter = finalize["metrics"]["prometheus"][0]
    assert {label["key"]: label["value"] for label in counter["labels"]}.items() >= {
        "namespace": "eng-ada",
        "name": "gate",
    }.items()
    (rule,) = objects(result)["prometheusrule.yaml"]["spec"]["groups"][0]["rules"]
    assert (
        f'argo_workflows_{counter["name"]}{{namespace="eng-ada", exported_namespace="", name="gate"}}' in rule["expr"]
    )
    assert "No suite gate has ended" in rule["annotations"]["description"]


def test_the_worst_case_of_a_suite_is_its_deadline_and_all_attempts_of_its_end():
    result = compiled(of_suite(), suite(), RUN)
    (of_schedule,), (of_gate,) = result.schedules, result.suites
    assert of_schedule.plan.started.worst_case_s == of_gate.plan.deadline_s + 3 * of_gate.plan.finalize_s
    assert of_schedule.plan.overdue_s > 24 * 3600 + of_schedule.plan.started.worst_case_s


def test_a_suite_that_is_written_inside_has_folders_of_its_own_and_of_its_runs():
    inside = {"runs": [{"name": "a", "spec": rules_only()["spec"]}]}
    result = compiled(of_suite({"spec": inside}))
    folders = [entry.folder for entry in result.compiled]
    assert folders == ["eng-ada/every-day-suite-a", "eng-ada/every-day-suite", "eng-ada/every-day"]


def test_a_fault_of_a_run_inside_a_suite_inside_a_schedule_stands_where_it_is_written():
    spec = rules_only()["spec"]
    spec["timeouts"] = {"runDuration": "1s"}
    found = lint_all([("a.yaml", of_suite({"spec": {"runs": [{"name": "a", "spec": spec}]}}))]).diagnostics
    assert found
    assert all(each.path.startswith("spec.suiteTemplate.spec.runs[0].spec.") for each in found), found


def test_a_suite_with_errors_is_not_missing_and_does_not_compile():
    broken = suite(runs=[{"name": "first", "ref": {"name": "nothing"}}])
    result = compiled(of_suite(), broken, RUN)
    assert [found.code for found in result.diagnostics] == ["VR709"]
    assert result.compiled == []


def broken_run(field, value):
    run = full_run()
    run["metadata"]["name"] = "broken"
    run["spec"].setdefault(field[0], {})[field[1]] = value
    return run


@pytest.mark.parametrize("inside", ["beside", "in the suite", "in the suite in the schedule"])
@pytest.mark.parametrize("fault", [(("load", "duration"), "10x"), (("timeouts", "runDuration"), "1s")], ids=str)
def test_a_fault_of_a_run_of_a_suite_is_told_alone(inside, fault):
    """The suite itself has none, so that it reaches the schedule without the run's plan."""
    broken = broken_run(*fault)
    entry = {"ref": {"name": "broken"}} if inside == "beside" else {"spec": broken["spec"]}
    runs = [{"name": "good", "ref": {"name": NAME}}, {"name": "bad", **entry}]
    documents = {
        "beside": [of_suite(), suite(runs=runs), RUN, as_yaml(broken)],
        "in the suite": [of_suite(), suite(runs=runs), RUN],
        "in the suite in the schedule": [of_suite({"spec": {"runs": runs}}), RUN],
    }[inside]
    other = schedule({"ref": {"name": NAME}}, name="half-past", schedules=["30 6 * * *"])
    result = compiled(*documents, other)
    assert result.compiled == []
    errors = [found for found in result.diagnostics if found.severity is Severity.ERROR]
    assert [found.path.rpartition("spec.")[2] for found in errors] == [".".join(fault[0])]


@pytest.mark.parametrize("inside", [False, True], ids=["beside", "in the schedule"])
@pytest.mark.parametrize(
    "where", [{"parameters": {"duration": "5m"}}, {"matrix": {"duration": ["5m", "10m"]}}], ids=str
)
def test_a_locked_parameter_is_an_error_of_the_suite_alone(where, inside):
    runs = [{"name": "first", "ref": {"name": NAME}, **where}]
    documents = [of_suite({"spec": {"runs": runs}}), RUN] if inside else [of_suite(), suite(runs=runs), RUN]
    assert compiled(*documents).ok
    result = compiled(*documents, options=EmitOptions(lock=("duration",)))
    assert result.compiled == []
    (field,) = where
    assert {(found.code, f".runs[0].{field}.duration" in found.path) for found in result.diagnostics} == {
        ("VR710", True)
    }


def test_errors_of_what_is_emitted_are_all_told():
    """Of a suite and of two schedules, one of them of that suite."""
    runs = [{"name": "first", "ref": {"name": NAME}, "parameters": {"duration": "5m"}}]
    given = schedule({"ref": {"name": NAME}, "parameters": {"duration": "6m"}}, name="half-past")
    result = compiled(of_suite(), suite(runs=runs), RUN, given, options=EmitOptions(lock=("duration",)))
    assert result.compiled == []
    errors = [found.code for found in result.diagnostics if found.severity is Severity.ERROR]
    assert sorted(errors) == ["VR710", "VR811"]


@pytest.mark.parametrize(
    ("policy", "code", "words"),
    [
        ("Forbid", "VR812", "the second is left out"),
        ("Allow", "VR812", "two suites go on at once"),
        ("Replace", "VR813", "its runs are cancelled, and it has no verdict"),
    ],
)
def test_a_suite_that_can_last_longer_than_the_gap(policy, code, words):
    text = of_suite(schedules=["0 * * * *"], concurrencyPolicy=policy)
    (finding,) = lint_all([("a.yaml", text), ("b.yaml", suite()), ("c.yaml", RUN)]).diagnostics
    assert finding.code == code
    assert words in finding.message


def test_a_suite_and_a_schedule_of_one_of_its_runs_meet():
    alone = schedule({"ref": {"name": "gate-second"}}, name="half-past", schedules=["30 6 * * *"])
    found = lint_all([("a.yaml", of_suite()), ("b.yaml", alone), ("c.yaml", suite()), ("d.yaml", RUN)]).diagnostics
    assert [(each.code, "both start gate-second" in each.message) for each in found] == [("VR814", True)]
    later = schedule({"ref": {"name": "gate-second"}}, name="half-past", schedules=["30 20 * * *"])
    assert lint_all([("a.yaml", of_suite()), ("b.yaml", later), ("c.yaml", suite()), ("d.yaml", RUN)]).ok


def test_the_longest_name_leaves_room_for_the_pods_of_the_most_shards():
    """A pod of an indexed Job has `{job}-{index}` as its host name, of at most 63 characters."""
    name = "a" * 40
    assert compiled(schedule(name=name), RUN).ok
    assert not compiled(schedule(name=f"{name}a"), RUN).ok
    most = next(entry.le for entry in LoadSpec.model_fields["replicas"].metadata if hasattr(entry, "le"))
    started = Identity(f"{name}-1764000000", "0f8fad5b-d9cb-469f-a165-70867728950e", "eng-ada")
    assert started.workflow in started.job_name
    assert len(f"{started.job_name}-{most - 1}") <= 63


def test_two_runs_of_two_suites_on_one_chain_meet():
    found = lint_all(
        [
            ("a.yaml", of_suite()),
            ("b.yaml", of_suite({"ref": {"name": "other"}}, name="half-past")),
            ("c.yaml", suite()),
            ("d.yaml", suite("other")),
            ("e.yaml", RUN),
        ]
    ).diagnostics
    assert [each.code for each in found] == ["VR815"]


def test_a_suite_has_no_parameters_of_its_own():
    text = of_suite({"ref": {"name": "gate"}, "parameters": {"duration": "5m"}})
    (finding,) = lint_all([("a.yaml", text), ("b.yaml", suite()), ("c.yaml", RUN)]).diagnostics
    assert finding.path == "spec.suiteTemplate.parameters"


def test_the_outline_of_a_schedule_of_a_suite():
    plan = _plan(of_suite(concurrencyPolicy="Replace"), suite(), RUN)

    def lines(node):
        return [node.text, *(line for child in node.children for line in lines(child))]

    text = "\n".join(lines(schedule_outline(plan, dt.datetime(2027, 1, 1, tzinfo=dt.UTC))))
    assert "each time: suite gate, as Workflow every-day-<Unix time>" in text
    assert "its runs are cancelled, and it has no verdict (Replace)" in text
