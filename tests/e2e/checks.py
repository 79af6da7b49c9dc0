"""What must hold of a finished run: its status, its Workflow, its record, its readers, and that nothing is left of it."""

import re
from collections.abc import Mapping
from typing import Any, Final

from tests.e2e.running import Outcome
from tests.e2e.world import World, as_json, until

from validationrun.base.conventions import EXIT_AGAINST_RUN, LABEL_INSTANCE_ID
from validationrun.base.times import parse_time
from validationrun.contract.diagnostics import Diagnostics
from validationrun.contract.owned_record import Identity
from validationrun.contract.status_document import Status
from validationrun.kube.cluster import JOBS, WORKFLOWS, Object

KEPT: Final = re.compile(
    r"workflowtemplates/(e2e|suite(-first|-second)?)$|configmaps/(e2e-bundle-|suite(-first|-second)?-bundle-[0-9a-f]{8}$)"
)
"""What `submit` puts there for the next run."""

_SHOWN: Final = 200
RED: Final = r"main: Error \(exit code 3\): "
"""What Argo puts before the reason of a step that ends 3."""

_KEYS: Final = frozenset(
    [
        "apiVersion",
        "kind",
        "name",
        "namespace",
        "runId",
        "phase",
        "verdict",
        "reason",
        "message",
        "specHash",
        "parameters",
        "overridden",
        "startTime",
        "completionTime",
        "duration",
        "chain",
        "load",
        "workloadExitCode",
        "rules",
        "report",
        "failedPlan",
        "conditions",
    ]
)
"""Of a status document, whatever the run came to: what is not known is null."""


def check_outcome(world: World, expect: Mapping[str, Any], outcome: Outcome) -> None:
    """All of it, for a run whose finalize gave the verdict. Deletes the Workflow in the end."""
    check_status(expect, outcome.status, outcome.code)
    check_images(outcome)
    check_workflow(expect, outcome)
    check_argo_get(world, expect, outcome)
    check_record(world, outcome)
    check_readers(world, outcome)
    if expect.get("diagnosed", expect["verdict"] != "Passed"):
        check_diagnosed(world, outcome)
    if "toldWithin" in expect:
        check_told_within(world, outcome, expect["toldWithin"])
    if expect.get("shorter"):
        check_ended_early(world, outcome)
    check_clean(world, outcome)


def check_status(expect: Mapping[str, Any], status: Object, code: int) -> None:
    """The document against what the case says, field by field."""
    got = {key: status[key] for key in ("phase", "verdict", "reason", "failedPlan")}
    assert got == {key: expect[key] for key in got}, status["message"]
    assert code == expect["exit"]
    assert re.search(expect["message"], status["message"]), status["message"]
    assert {rule["name"]: [rule["verdict"], rule["reason"]] for rule in status["rules"]} == expect["rules"]
    if "workloadExitCode" in expect:
        assert status["workloadExitCode"] == expect["workloadExitCode"]
    if "codes" in expect:
        shards = [shard["exitCode"] for shard in status["load"]["shards"]] if status["load"] else None
        assert shards == expect["codes"], status["load"]
    conditions = {one["type"]: one["status"] for one in status["conditions"]}
    assert conditions == {"LoadComplete": conditions["LoadComplete"], **_conditions(expect), **expect["conditions"]}
    assert set(status) == _KEYS
    if "overridden" in expect:
        changed = {one["name"]: [one["value"], one["compiled"]] for one in status["overridden"]}
        assert changed == expect["overridden"]
    lasted = parse_time(status["completionTime"]) - parse_time(status["startTime"])
    assert lasted >= 0
    assert status["duration"], lasted


def check_images(outcome: Outcome) -> None:
    """Of a run that passed, whose pods all lived to its end: the digest of every image, as the kubelet reports it."""
    if outcome.status["verdict"] != "Passed":
        return
    chain, spec = outcome.status["chain"], outcome.document["spec"]
    planned = {entry["name"] for entry in spec["chain"].get("deployments", [])}
    assert {entry["name"] for entry in chain["deployments"]} == planned
    images = [(entry["name"], entry["imageID"], entry["imageIDs"]) for entry in chain["deployments"]]
    if "load" in spec:
        images.append(("load", outcome.status["load"]["imageID"], outcome.status["load"]["imageIDs"]))
    for name, image, several in images:
        assert re.search(r"sha256:[0-9a-f]{64}$", image or ""), (name, image)
        assert several == []


def _conditions(expect: Mapping[str, Any]) -> dict[str, str]:
    """Of every run that is over, by its phase."""
    said = {"TestCancelled": expect["phase"] == "Cancelled", "Succeeded": expect["phase"] == "Succeeded"}
    return {"TestRunning": "False", "TestComplete": "True", **{name: str(value) for name, value in said.items()}}


def check_workflow(expect: Mapping[str, Any], outcome: Outcome) -> None:
    """What Argo and its users see: phase, message and labels."""
    workflow, status = outcome.workflow, outcome.status
    assert workflow["status"]["phase"] == expect["workflow"]
    labels = workflow["metadata"]["labels"]
    assert labels["validation.sei.io/verdict"] == expect["verdict"]
    assert labels["validation.sei.io/phase"] == expect["phase"]
    assert workflow["metadata"]["annotations"]["validation.sei.io/reason"] == expect["reason"]
    annotations = workflow["metadata"]["annotations"]
    for name, (value, compiled) in expect.get("overridden", {}).items():
        assert labels["validation.sei.io/overridden"] == "true"
        assert f"{name}: {value} (compiled: {compiled})" in annotations["validation.sei.io/overridden"]
    if "workflowMessage" in expect:
        assert workflow["status"]["message"] == expect["workflowMessage"]
    elif expect["verdict"] != "Passed":
        assert f"{expect['verdict']}: {expect['reason']}" in workflow["status"]["message"]
        assert status["message"][:_SHOWN] in workflow["status"]["message"]
    check_red_steps(expect, outcome)


def check_red_steps(expect: Mapping[str, Any], outcome: Outcome) -> None:
    """The steps whose recorded result speaks against the run, and no other, end 3, each with its reason in its pod's message."""
    nodes = (outcome.workflow["status"].get("nodes") or {}).values()
    red = {
        str(node["templateName"]): str(node["message"])
        for node in nodes
        if node["phase"] == "Failed" and (node.get("outputs") or {}).get("exitCode") == str(EXIT_AGAINST_RUN)
        if node["type"] == "Pod"
    }
    expected: Mapping[str, str] = expect.get("red", {})
    assert red.keys() == expected.keys(), red
    for step, message in expected.items():
        assert re.match(RED + message, red[step]), red[step]
    # A step that ends 3 has nothing left to try.
    tries = [str(node["templateName"]) for node in nodes if node["type"] == "Pod" and node["templateName"] in expected]
    assert sorted(tries) == sorted(expected)


def check_argo_get(world: World, expect: Mapping[str, Any], outcome: Outcome) -> None:
    """The red steps as Argo's own CLI shows them. It cannot show a Workflow whose nodes are offloaded."""
    if not expect.get("red"):
        return
    instance = outcome.workflow["metadata"]["labels"].get(LABEL_INSTANCE_ID, "")
    shown = world.argo("get", outcome.name, "--no-color", "--instanceid", instance)
    print(shown)
    for step, message in expect["red"].items():
        (line,) = (line for line in shown.splitlines() if re.search(rf"✖ {step}\(0\)\s", line))
        assert re.search(RED + message, line), line


def check_record(world: World, outcome: Outcome) -> None:
    """What was printed is what finalize wrote; and nobody can write to it any more."""
    found = world.record(outcome.workflow)
    assert found is not None
    assert found.sealed
    assert found.need(Status).to_data() == outcome.status


def check_diagnosed(world: World, outcome: Outcome) -> None:
    """finalize saved what the pods had to say, before it removed them."""
    found = world.record(outcome.workflow)
    diagnostics = found.get(Diagnostics) if found is not None else None
    assert diagnostics is not None
    assert diagnostics.pods


def check_told_within(world: World, outcome: Outcome, seconds: float) -> None:
    """The run recorded its chain's failure so soon after a node had failed."""
    found = world.record(outcome.workflow)
    failure = found.chain_failure if found is not None else None
    assert failure is not None
    assert world.node_failed_at is not None
    assert 0 <= parse_time(failure.at) - world.node_failed_at <= seconds


def check_readers(world: World, outcome: Outcome) -> None:
    """`status` shows the verdict and ends 0, `wait` also ends by it."""
    for verb, expected in (("status", 0), ("wait", outcome.code)):
        shown = world.run(verb, outcome.name, "-n", world.namespace, "-o", "json")
        assert shown.returncode == expected, shown.stderr
        assert as_json(shown.stdout) == outcome.status


def check_ended_early(world: World, outcome: Outcome) -> None:
    """The Job was ended by its deadline, long before the load's own end."""
    identity = Identity(outcome.name, outcome.workflow["metadata"]["uid"], world.namespace)
    job = world.cluster.get(JOBS, identity.job_name)
    assert job is not None
    failed = next((one for one in job["status"]["conditions"] if one["type"] == "Failed"), None)
    assert failed is not None, job["status"]
    assert failed["reason"] == "DeadlineExceeded"
    lasted = parse_time(failed["lastTransitionTime"]) - parse_time(job["status"]["startTime"])
    assert outcome.document["spec"]["load"]["duration"] == "4m"
    assert lasted < 180


def check_clean(world: World, outcome: Outcome) -> None:
    """The chain goes with the run; all else goes with the Workflow."""
    until("the chain's pods are gone", lambda: not world.left_running(outcome.before), 90)
    world.cluster.delete(WORKFLOWS, outcome.name)
    check_nothing_left(world, outcome.before)


def check_nothing_left(world: World, before: set[str]) -> None:
    """Of a run whose Workflow is deleted, but for what the next one uses again."""

    def left() -> set[str]:
        return {one for one in world.holdings() - before if not KEPT.match(one)}

    try:
        until("nothing of the run is left", lambda: not left(), 90)
    except AssertionError as error:
        raise AssertionError(f"{error}; left: {sorted(left())}") from None
