"""`rerun` of a suite: all of it, or as a new suite only what did not pass; and what it refuses."""

import json
import pathlib

import pytest

from cli_helpers import call
from emit_helpers import as_yaml
from fake_api_server import FakeApiServer
from runner_helpers import NAMESPACE, START
from suite_helpers import entry, suite
from validationrun.base.times import format_time
from validationrun.contract.owned_record import Identity
from validationrun.contract.suite_json import SuiteDocument, read_suite
from validationrun.contract.suite_record import MemberEntry, SuiteEntry
from validationrun.kube.cluster import CONFIG_MAPS, Object

OVERRIDDEN = "validation.sei.io/overridden"
ENDS = {"first": "Passed", "second": "Failed", "third": "NotStarted"}


def spec(folder: pathlib.Path, *names: str, rule: str = "") -> pathlib.Path:
    runs = [entry(name) for name in names]
    if rule:
        for run in runs:
            run["spec"]["rules"][0]["name"] = rule
    path = folder / "suite.yaml"
    path.write_bytes(as_yaml({**suite(*runs), "metadata": {"name": "gate", "namespace": NAMESPACE}}))
    return path


def started(api: FakeApiServer, *arguments: object) -> Object:
    """The Workflow whose name the verb printed."""
    done = call(*arguments)
    assert done.code == 0, done.err
    made = api.cluster.objects[("workflows", done.out.strip())]
    made.setdefault("metadata", {}).setdefault("uid", f"uid-of-{done.out.strip()}")
    return made


def document(api: FakeApiServer) -> SuiteDocument:
    (bundle,) = [body for (_, name), body in api.cluster.objects.items() if name.startswith("gate-bundle-")]
    return read_suite(bundle["data"])


def ends(
    api: FakeApiServer,
    workflow: Object,
    outcomes: dict[str, str | None],
    *,
    phase: str = "Failed",
    only: tuple[str, ...] = (),
) -> str:
    """The suite ends, and its record says how its members ended. Returns its name."""
    metadata, planned = workflow["metadata"], document(api)
    workflow["status"] = {"phase": phase, "startedAt": format_time(START), "finishedAt": format_time(START + 60)}
    identity = Identity(metadata["name"], metadata["uid"], NAMESPACE)
    digest = metadata["annotations"]["validation.sei.io/bundle-hash"]
    begun = SuiteEntry(started_at=format_time(START), bundle_hash=digest, suite=planned, only=only)
    data = {"suite": begun.to_json()}
    for name, outcome in outcomes.items():
        run = f"gate-{name}"
        made = MemberEntry(run=run, workflow=f"{run}-abcde", uid=name, created_at=format_time(START), outcome=outcome)  # type: ignore[arg-type]
        data[f"member.{name}"] = made.to_json()
    body = {"name": identity.record_name, "namespace": NAMESPACE, "ownerReferences": [identity.owner()]}
    api.cluster.put(CONFIG_MAPS, {"metadata": body, "data": data})
    return str(metadata["name"])


@pytest.fixture
def failed(api: FakeApiServer, tmp_path: pathlib.Path) -> str:
    """A suite of three: the first passed, the second failed, the third was not started."""
    workflow = started(api, "submit", spec(tmp_path, "first", "second", "third"))
    return ends(api, workflow, {name: outcome for name, outcome in ENDS.items() if outcome != "NotStarted"})


def rerun(name: str, *options: str, code: int = 0) -> tuple[str, str]:
    done = call("rerun", name, "-n", NAMESPACE, *options)
    assert done.code == code, done.err
    return done.out.strip(), done.err


def workflows(api: FakeApiServer) -> list[str]:
    return [name for plural, name in api.cluster.objects if plural == "workflows"]


def test_what_did_not_pass_is_started_as_a_new_suite(api: FakeApiServer, failed: str) -> None:
    name, err = rerun(failed, "--not-passed")
    made = api.cluster.objects[("workflows", name)]
    assert name != failed
    arguments = {"parameters": [{"name": "only", "value": "second,third"}]}
    assert made["spec"] == {"workflowTemplateRef": {"name": "gate"}, "arguments": arguments}
    assert made["metadata"]["labels"][OVERRIDDEN] == "true"
    assert made["metadata"]["labels"]["validation.sei.io/suite"] == "gate"
    assert made["metadata"]["annotations"][OVERRIDDEN] == "only: second,third (overridden)"
    assert "2 of 3 runs are chosen: second, third" in err


@pytest.mark.parametrize("outcome", ["Failed", "Error", "Cancelled", "Gone", "NotStarted", "Unknown", None])
def test_whatever_is_not_passed_is_started_again(
    api: FakeApiServer, tmp_path: pathlib.Path, outcome: str | None
) -> None:
    """None is a member of a suite that was terminated: nobody recorded its end."""
    workflow = started(api, "submit", spec(tmp_path, "first", "second"))
    name, _ = rerun(ends(api, workflow, {"first": outcome, "second": "Passed"}), "--not-passed")
    (given,) = api.cluster.objects[("workflows", name)]["spec"]["arguments"]["parameters"]
    assert given == {"name": "only", "value": "first"}


def test_of_a_part_only_the_chosen_ones_that_did_not_pass(api: FakeApiServer, failed: str) -> None:
    name, _ = rerun(failed, "--not-passed")
    workflow = api.cluster.objects[("workflows", name)]
    workflow["metadata"].setdefault("uid", "uid-of-part")
    ends(api, workflow, {"second": "Passed", "third": "Failed"}, only=("second", "third"))
    status = call("status", name, "-n", NAMESPACE)
    assert "changed  only: second,third (overridden)" in status.out
    assert "first   NotChosen" in status.out
    again, _ = rerun(name, "--not-passed")
    (given,) = api.cluster.objects[("workflows", again)]["spec"]["arguments"]["parameters"]
    assert given["value"] == "third"


def test_rerun_alone_starts_the_whole_suite_also_of_a_part(api: FakeApiServer, failed: str) -> None:
    name, _ = rerun(failed, "--not-passed")
    again, err = rerun(name)
    made = api.cluster.objects[("workflows", again)]
    assert made["spec"] == {"workflowTemplateRef": {"name": "gate"}}
    assert OVERRIDDEN not in made["metadata"]["labels"]
    assert f"{name} was a part of its suite; this is the whole suite" in err
    assert "was a part" not in rerun(failed)[1]


def test_where_nothing_passed_it_is_the_whole_suite(api: FakeApiServer, tmp_path: pathlib.Path) -> None:
    workflow = started(api, "submit", spec(tmp_path, "first", "second"))
    name, err = rerun(ends(api, workflow, {"first": "Failed"}), "--not-passed")
    made = api.cluster.objects[("workflows", name)]
    assert "arguments" not in made["spec"]
    assert OVERRIDDEN not in made["metadata"]["labels"]
    assert "no run of" in err
    assert "this is the whole suite" in err


def test_a_suite_that_still_runs_is_refused(api: FakeApiServer, tmp_path: pathlib.Path) -> None:
    workflow = started(api, "submit", spec(tmp_path, "first", "second"))
    name = ends(api, workflow, {"first": "Failed"}, phase="Running")
    del workflow["status"]["finishedAt"]
    before = workflows(api)
    _, err = rerun(name, "--not-passed", code=2)
    assert "still runs" in err
    assert f"validationrun wait {name}" in err
    assert workflows(api) == before


@pytest.mark.parametrize(("only", "says"), [((), "every run of"), (("first",), "every chosen run of")])
def test_a_suite_that_passed_is_refused(
    api: FakeApiServer, tmp_path: pathlib.Path, only: tuple[str, ...], says: str
) -> None:
    workflow = started(api, "submit", spec(tmp_path, "first", "second"))
    name = ends(api, workflow, dict.fromkeys(only or ("first", "second"), "Passed"), phase="Succeeded", only=only)
    _, err = rerun(name, "--not-passed", code=2)
    assert says in err
    assert f"without --not-passed, `validationrun rerun {name}` starts all of them" in err


def test_a_run_is_refused(api: FakeApiServer, failed: str) -> None:
    run = started(api, "submit", "--from", "gate-first", "-n", NAMESPACE)["metadata"]["name"]
    _, err = rerun(run, "--not-passed", code=2)
    assert f"--not-passed is for suites, and {run} is a run" in err


def test_a_template_that_was_compiled_again_is_refused(api: FakeApiServer, failed: str, tmp_path: pathlib.Path) -> None:
    started(api, "submit", spec(tmp_path, "first", "second", "third", rule="other"))
    before = workflows(api)
    _, err = rerun(failed, "--not-passed", code=2)
    assert "its runs may be other runs" in err
    assert "`validationrun submit` starts all of them" in err
    assert workflows(api) == before


def test_a_suite_without_record_is_refused(api: FakeApiServer, tmp_path: pathlib.Path) -> None:
    workflow = started(api, "submit", spec(tmp_path, "first", "second"))
    workflow["status"] = {"phase": "Error", "finishedAt": format_time(START)}
    assert "left no record of its runs" in rerun(workflow["metadata"]["name"], "--not-passed", code=2)[1]


def test_a_forged_record_says_of_no_run_that_it_passed(api: FakeApiServer, failed: str) -> None:
    annotations = api.cluster.objects[("workflows", failed)]["metadata"]["annotations"]
    annotations["validation.sei.io/reason"] = "RecordForged"
    assert "was forged" in rerun(failed, "--not-passed", code=2)[1]


def test_a_template_of_an_older_version_is_refused(api: FakeApiServer, failed: str) -> None:
    del api.cluster.objects[("workflowtemplates", "gate")]["spec"]["arguments"]
    _, err = rerun(failed, "--not-passed", code=2)
    assert "cannot start only a part of its suite: there is no parameter only" in err


@pytest.mark.parametrize("options", [(), ("--not-passed",)])
@pytest.mark.parametrize("what", ["missing", "another bundle"])
def test_a_suite_whose_members_do_not_fit_is_not_started_again(
    api: FakeApiServer, failed: str, what: str, options: tuple[str, ...]
) -> None:
    if what == "missing":
        del api.cluster.objects[("workflowtemplates", "gate-third")]
    else:
        annotations = api.cluster.objects[("workflowtemplates", "gate-third")]["metadata"]["annotations"]
        annotations["validation.sei.io/bundle-hash"] = "f" * 64
    before = workflows(api)
    assert "WorkflowTemplate gate-third" in rerun(failed, *options, code=2)[1]
    assert workflows(api) == before


def test_submit_starts_a_part_of_what_is_on_the_cluster(api: FakeApiServer, failed: str) -> None:
    made = started(api, "submit", "--from", "gate", "-n", NAMESPACE, "--set", "only=third,first")
    assert made["spec"]["arguments"] == {"parameters": [{"name": "only", "value": "first,third"}]}
    assert made["metadata"]["labels"][OVERRIDDEN] == "true"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("only=fourth", "--set only names 'fourth', and suite gate has no run of that name; there are first, second, third"),
        ("only=first,first", "--set only names first twice"),
        ("only=,", "separated by commas alone"),
        ("duration=5m", "--set there is no parameter duration of a suite; there is only"),
    ],
)  # fmt: skip
def test_submit_refuses_a_choice_that_does_not_fit(api: FakeApiServer, failed: str, given: str, says: str) -> None:
    done = call("submit", "--from", "gate", "-n", NAMESPACE, "--set", given)
    assert done.code == 2
    assert says in done.err


def test_a_part_that_runs_says_so(api: FakeApiServer, failed: str) -> None:
    name, _ = rerun(failed, "--not-passed")
    workflow = api.cluster.objects[("workflows", name)]
    workflow["metadata"].setdefault("uid", "uid-of-part")
    ends(api, workflow, {"second": None}, phase="Running", only=("second", "third"))
    del workflow["status"]["finishedAt"]
    status = json.loads(call("status", name, "-n", NAMESPACE, "-o", "json").out)
    assert status["message"] == "2 of 3 runs were chosen; 0 of 2 runs ended; running: second"
    assert [member["outcome"] for member in status["members"]] == ["NotChosen", None, None]
    assert status["overridden"] == [{"name": "only", "value": "second,third", "compiled": ""}]
