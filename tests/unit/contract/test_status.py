"""What readers say of a run that is over and to which finalize gave no verdict."""

from typing import Any

import pytest
from msgspec.structs import replace

from record_kit import load_end, sign_off, verdict_status
from runner_helpers import IDENTITY, START, FakeCluster, begin, workflow
from validationrun.base.times import format_time
from validationrun.contract.chain_entries import ChainEntry, ChainReady
from validationrun.contract.evaluation_entries import RuleStates, WindowEntry
from validationrun.contract.load_entries import LoadEnd
from validationrun.contract.record_key import RecordKey
from validationrun.contract.run_entry import LoadPlan, RuleEntry, RunEntry
from validationrun.contract.sign_off import SignOff
from validationrun.contract.status import rule_status, run_status
from validationrun.kube.cluster import Object
from validationrun.oracle.fold import RuleState

NOW = format_time(START)
RUN = RunEntry(started_at=NOW, rules=[RuleEntry("good", "query", ">", "0"), RuleEntry("bad", "query", ">", "0")])
STATES = (
    RuleState("good", "Passed", message="1 > 0"),
    RuleState("bad", "Failed", "ThresholdViolated", "0, not > 0"),
)
CHAIN = (ChainEntry(NOW, "c"), ChainReady(NOW, deployments=[]))


def over(phase: str, message: str = "", **spec: Any) -> Object:
    found = workflow(**spec)
    found["status"] |= {"phase": phase, "finishedAt": format_time(START + 60), "message": message}
    return found


def status(found: Object, *keys: RecordKey) -> Object:
    """Of a run with a record that holds these keys."""
    return run_status(IDENTITY, found, begin(FakeCluster(), RUN, *keys)).to_data()


def verdicts(document: Object) -> list[str]:
    return [one["verdict"] for one in document["rules"]]


# What an evaluator that was told to end calls a rule of which it will see no more.
UNSEEN = [replace(state, verdict="Error", reason="NoSamples") for state in STATES]


@pytest.mark.parametrize("signed", [None, sign_off(*STATES, stopped=True), sign_off(*UNSEEN, stopped=True)])
def test_what_was_good_so_far_has_not_passed(signed: SignOff | None) -> None:
    """A terminated run: the evaluator never signed off, or only because of the signal. The failure stands."""
    left = [RuleStates([*STATES]), *([signed] if signed else [])]
    document = status(over("Failed", shutdown="Terminate"), *left)
    assert (document["phase"], document["verdict"], document["reason"]) == ("Cancelled", "Error", "Cancelled")
    assert verdicts(document) == ["Awaited", "Failed"]
    assert document["rules"][0]["message"] == "1 > 0"


def test_what_was_signed_off_has_passed_though_nobody_judged_the_run() -> None:
    document = status(over("Error", "no pod for finalize"), sign_off(*STATES))
    assert (document["phase"], document["reason"], document["message"]) == ("Error", "Unknown", "no pod for finalize")
    assert verdicts(document) == ["Passed", "Failed"]


def test_while_it_runs_a_rule_shows_how_it_is_so_far() -> None:
    assert verdicts(status(workflow(), RuleStates([*STATES]))) == ["Passed", "Failed"]


@pytest.mark.parametrize("phase", ["Succeeded", "Failed", "Error"])
def test_terminated_before_its_first_step(phase: str) -> None:
    """Argo calls it Succeeded when it still waited for its lock."""
    document = run_status(IDENTITY, over(phase, shutdown="Terminate"), None).to_data()
    assert (document["phase"], document["verdict"], document["reason"]) == ("Cancelled", "Error", "Cancelled")


@pytest.mark.parametrize("phase", ["Succeeded", "Failed", "Error"])
def test_without_a_record_the_chain_never_came_up(phase: str) -> None:
    """As finalize says, whose words are the Workflow's message."""
    told = "main: Error (exit code 1): Error: ChainNotReady: there is no run record: as in a memoized resubmit"
    document = run_status(IDENTITY, over(phase, told), None).to_data()
    assert (document["phase"], document["verdict"], document["reason"]) == ("Error", "Error", "ChainNotReady")
    assert document["message"] == "there is no run record: as in a memoized resubmit"
    assert document["rules"] == []
    # Old pods of the name that Argo took for this Workflow's.
    document = run_status(IDENTITY, over(phase, "main: Passed: all held"), None).to_data()
    assert (document["verdict"], document["reason"]) == ("Error", "ChainNotReady")
    words = "no step of this very Workflow began its work (main: Passed: all held)"
    assert document["message"] == f"there is no run record: {words}"


PASSED = verdict_status("Succeeded", "RunSucceeded")
FAILED = verdict_status("Failed", "RuleFailed:bad")


def test_a_verdict_of_before_is_no_verdict_of_this_workflow() -> None:
    """Passed counts only together with phase Succeeded."""
    document = status(over("Failed", "lost"), PASSED)
    assert (document["verdict"], document["reason"]) == ("Error", "Unknown")
    assert "the Workflow failed after its verdict was written: lost" in document["message"]
    assert status(over("Succeeded"), PASSED) == PASSED.to_data()


def test_a_pass_is_awaited_until_its_workflow_has_ended() -> None:
    """Its artifacts may still fail; a verdict against the run cannot become better."""
    document = status(workflow(), PASSED)
    assert (document["phase"], document["verdict"], document["message"]) == ("Running", "Awaited", "cleaning up")
    assert status(workflow(), FAILED) == FAILED.to_data()


def _conditions(document: Object) -> dict[str, tuple[str, str]]:
    return {one["type"]: (one["status"], one["reason"]) for one in document["conditions"]}


def test_a_load_that_never_began_is_not_complete() -> None:
    """What ended is complete, whatever its exit codes."""
    run = replace(RUN, load=LoadPlan("evm", 1, 0, (1,)))

    def told(*load: LoadEnd) -> tuple[str, str]:
        written = begin(FakeCluster(), run, *load)
        return _conditions(run_status(IDENTITY, workflow(), written).to_data())["LoadComplete"]

    assert told() == ("False", "Awaited")
    assert told(load_end(2, start=None, end=None, reason="LoadNotStarted")) == ("False", "LoadNotStarted")
    assert told(load_end(2)) == ("True", "LoadEnded")


def test_an_evaluator_that_was_told_to_end_does_not_judge() -> None:
    """Another attempt goes on where it stopped."""
    keys = (*CHAIN, WindowEntry(NOW))
    stopped = status(workflow(), *keys, sign_off(*STATES, stopped=True))
    assert stopped["message"] == "watching"
    assert status(workflow(), *keys, sign_off(*STATES))["message"] == "judging"


def pod_node(template: str, attempt: int = 0, **keys: Any) -> Object:
    return {"type": "Pod", "templateName": template, "startedAt": format_time(START + attempt), **keys}


QUOTA = "pods is forbidden: exceeded quota: full, requested: pods=1, used: pods=8, limited: pods=0"


def test_a_finalize_without_a_pod_says_where_to_look() -> None:
    """Argo's own message, `No more retries left`, tells nobody what to do."""
    found = over("Error", "No more retries left")
    tries = {str(index): pod_node("finalize", index, message=f"({index}) exceeded its deadline") for index in (1, 0)}
    found["status"]["nodes"] = {"job": pod_node("load-job", hostNodeName="a"), **tries}
    document = status(found, sign_off(*STATES))
    assert (document["verdict"], document["reason"]) == ("Error", "Unknown")
    assert document["message"] == (
        "finalize never ran, so there is no verdict and nothing was cleaned up ((0) exceeded its deadline; (1) exceeded its "
        "deadline): is a quota of the namespace full, or no node free? Deleting the run removes what is left of it"
    )
    # One that had a node may have run.
    found["status"]["nodes"]["1"]["hostNodeName"] = "a"
    assert status(found, sign_off(*STATES))["message"] == "No more retries left"


@pytest.mark.parametrize(
    ("message", "told"),
    [(QUOTA, f"judging; a pod waits: {QUOTA}"), ("PodInitializing", "judging"), ("", "judging")],
)
def test_a_pod_that_cannot_start_is_told_while_the_run_goes_on(message: str, told: str) -> None:
    found = workflow()
    found["status"]["nodes"] = {"1": pod_node("finalize", phase="Pending", message=message)}
    assert status(found, *CHAIN, sign_off(*STATES))["message"] == told


def test_what_a_rule_measured_is_told_without_its_type() -> None:
    state = RuleState("height", value="1.23456789")
    compared = rule_status(RuleEntry(name="height", type="query", threshold="0", op=">"), state)
    assert (compared.measured(), compared.measured(lambda text: text[:4])) == ("1.23456789 > 0", "1.23 > 0")
