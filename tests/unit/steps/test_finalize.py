"""finalize: what it takes for a pass, and that nothing less does it."""

import os
import pathlib
import signal
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.steps.finalize_world import FAILED, HASH, KEYS, RUN, STATE, STOP, deployment

from record_kit import Keys
from runner_helpers import (
    CONFIG_MAPS,
    IDENTITY,
    JOBS,
    START,
    WORKFLOWS,
    Clock,
    FakeCluster,
    begin,
    complete,
    context,
    read,
    workflow,
)
from validationrun.base.times import format_time
from validationrun.contract.chain_entries import ChainEntry, ChainReady
from validationrun.contract.evaluation_entries import RuleStates
from validationrun.contract.load_entries import LoadEnd
from validationrun.contract.run_entry import RunEntry
from validationrun.contract.sign_off import SignOff
from validationrun.contract.status_document import Status
from validationrun.kube.cluster import SEI_NODE_DEPLOYMENTS
from validationrun.steps.finalize import finalize


@pytest.fixture
def decided(tmp_path: pathlib.Path) -> Callable[..., tuple[int, dict[str, Any], FakeCluster]]:
    """A good run, changed; what finalize makes of it."""

    def decide(change: Callable[[FakeCluster, Keys], None]) -> Any:
        cluster, keys = FakeCluster(), Keys(RUN, *KEYS)
        cluster.put(WORKFLOWS, workflow(activeDeadlineSeconds=3000))
        cluster.put(JOBS, complete())
        change(cluster, keys)
        if RunEntry in keys:
            begin(cluster, *keys)
        code = finalize(context("finalize", cluster, Clock(), tmp_path, HASH))  # type: ignore[arg-type]
        found = cluster.get(CONFIG_MAPS, IDENTITY.record_name)
        status = read(cluster).need(Status).to_data() if found else {"verdict": None, "reason": None}
        return code, status, cluster

    return decide


def unchanged(cluster: FakeCluster, keys: Keys) -> None:
    del cluster, keys


def test_a_good_run_passes(decided: Any) -> None:
    code, status, cluster = decided(unchanged)
    assert (code, status["verdict"], status["reason"]) == (0, "Passed", "RunSucceeded")
    assert read(cluster).sealed
    labels = cluster.get(WORKFLOWS, IDENTITY.workflow)["metadata"]["labels"]
    assert labels == {
        "validation.sei.io/phase": "Succeeded",
        "validation.sei.io/verdict": "Passed",
        "sei.io/chain-id": "nightly-0f8fad5b",
    }


# Each takes one thing from a run that would pass.
EVIDENCE: list[tuple[str, Callable[..., Any], str, str]] = [
    ("no load result", lambda _c, k: k.drop(LoadEnd), "Error", "WorkloadInfraFailure"),
    ("load result of another Job", lambda _c, k: k.change(LoadEnd, job_uid="other"), "Error", "WorkloadInfraFailure"),
    ("the Job is gone", lambda c, _k: c.objects.pop(("jobs", IDENTITY.job_name)), "Error", "WorkloadInfraFailure"),
    ("another Job of that name", lambda c, _k: c.put(JOBS, complete(uid="other")), "Error", "WorkloadInfraFailure"),
    ("the Job was shrunk", lambda c, _k: c.objects[("jobs", IDENTITY.job_name)]["spec"].update(completions=0), "Error", "WorkloadInfraFailure"),
    ("exit code 2", lambda _c, k: k.change(LoadEnd, code=2), "Error", "WorkloadInfraFailure"),
    ("exit code 1", lambda _c, k: k.change(LoadEnd, code=1), "Failed", "WorkloadFailed"),
    ("no sign-off", lambda _c, k: k.drop(SignOff), "Error", "EvaluatorLost"),
    ("sign-off of another Workflow", lambda _c, k: k.change(SignOff, workflow_uid="other"), "Error", "EvaluatorLost"),
    ("sign-off about another Job", lambda _c, k: k.change(SignOff, job_uid="other"), "Error", "EvaluatorLost"),
    ("sign-off about no Job", lambda _c, k: k.change(SignOff, job_uid=None), "Error", "EvaluatorLost"),
    ("a sign-off that a signal forced", lambda _c, k: k.change(SignOff, stopped=True), "Error", "EvaluatorLost"),
    ("a sign-off that knows no end", lambda _c, k: k.change(SignOff, end=None), "Error", "EvaluatorLost"),
    ("sign-off of another bundle", lambda _c, k: k.change(SignOff, bundle_hash="c" * 64), "Error", "EvaluatorLost"),
    ("sign-off without the rule", lambda _c, k: k.change(SignOff, rules=[]), "Error", "EvaluatorLost"),
    ("sign-off of another rule", lambda _c, k: k.change(SignOff, rules=[replace(STATE, name="x")]), "Error", "EvaluatorLost"),
    ("sign-off with a rule too many", lambda _c, k: k.change(SignOff, rules=[STATE, STATE]), "Error", "EvaluatorLost"),
    ("a rule that is still awaited", lambda _c, k: k.change(SignOff, rules=[replace(STATE, verdict="Awaited")]), "Error", "Unknown"),
    ("a failed rule", lambda _c, k: k.change(SignOff, rules=[FAILED]), "Failed", "RuleFailed:height"),
    ("a failed rule without sign-off", lambda _c, k: (k.drop(SignOff), k.put(RuleStates([FAILED]))), "Failed", "RuleFailed:height"),
    ("passed rules without sign-off", lambda _c, k: (k.drop(SignOff), k.put(RuleStates([STATE]))), "Error", "EvaluatorLost"),
    ("a stop intent without sign-off", lambda _c, k: (k.drop(SignOff), k.put(STOP)), "Failed", "RuleStopOnFailure:height"),
    ("a failed rule beside another attempt's sign-off", lambda _c, k: k.put(RuleStates([FAILED])), "Failed", "RuleFailed:height"),
    ("a stop intent from after the load's end, without sign-off", lambda _c, k: (k.drop(SignOff), k.put(replace(STOP, t=START + 60))), "Error", "EvaluatorLost"),
    ("a stop intent in the second before a load that it ended", lambda _c, k: (k.drop(SignOff), k.change(LoadEnd, code=None), k.put(replace(STOP, t=START + 60))), "Failed", "RuleStopOnFailure:height"),
    ("no chain result", lambda _c, k: k.drop(ChainEntry), "Error", "ChainNotReady"),
    ("the chain was never ready", lambda _c, k: k.drop(ChainReady), "Error", "ChainNotReady"),
    ("the chain failed", lambda _c, k: k.change(ChainEntry, reason="ChainFailed", message="no"), "Error", "ChainFailed"),
    ("stopped by its user", lambda c, _k: c.put(WORKFLOWS, workflow(shutdown="Stop")), "Error", "Cancelled"),
    ("submitted for another bundle", lambda c, _k: c.objects[("workflows", IDENTITY.workflow)]["metadata"]["annotations"].update({"validation.sei.io/bundle-hash": "d" * 64}), "Error", "BundleMissing"),
    ("the record says another bundle", lambda _c, k: k.change(RunEntry, bundle_hash="e" * 64), "Error", "EvaluatorLost"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "change", "verdict", "reason"), EVIDENCE, ids=[row[0] for row in EVIDENCE])
def test_less_than_all_evidence_is_no_pass(decided: Any, what: str, change: Any, verdict: str, reason: str) -> None:
    del what
    code, status, cluster = decided(change)
    assert (code, status["verdict"], status["reason"]) == (1, verdict, reason)
    assert cluster.get(WORKFLOWS, IDENTITY.workflow)["metadata"]["labels"]["validation.sei.io/verdict"] == verdict


def test_the_first_40_characters_of_the_message_tell_the_verdict_and_the_reason(
    decided: Any, termination_log: pathlib.Path
) -> None:
    """Argo's UI cuts a Workflow's message, which is this one behind words of Argo's own."""
    decided(lambda _cluster, keys: keys.change(SignOff, rules=[FAILED]))
    assert termination_log.read_text()[:40].startswith("Failed: RuleFailed:height: ")


def test_without_sign_off_no_rule_is_shown_as_passed(decided: Any) -> None:
    """What was good so far is not yet passed; a failure is one."""

    def change(_c: Any, keys: Keys) -> None:
        keys.drop(SignOff)
        keys.put(RuleStates([STATE]))

    _, status, _ = decided(change)
    assert [rule["verdict"] for rule in status["rules"]] == ["Awaited"]


def test_without_a_record_there_is_no_pass(decided: Any) -> None:
    code, _, cluster = decided(lambda _c, k: k.drop(RunEntry))
    assert code == 1
    assert cluster.get(WORKFLOWS, IDENTITY.workflow)["metadata"]["labels"]["validation.sei.io/verdict"] == "Error"


def test_a_deadline_counts_only_when_evidence_is_incomplete(decided: Any) -> None:
    def late(cluster: FakeCluster, keys: Keys) -> None:
        found = workflow(activeDeadlineSeconds=60)
        found["status"]["startedAt"] = format_time(START - 61)
        cluster.put(WORKFLOWS, found)
        if drop:
            keys.drop(SignOff)

    drop = False
    assert decided(late)[1]["reason"] == "RunSucceeded"
    drop = True
    assert decided(late)[1]["reason"] == "DeadlineExceeded"


def test_a_verdict_that_was_written_stands(decided: Any, tmp_path: pathlib.Path) -> None:
    _, status, cluster = decided(lambda _c, k: k.change(LoadEnd, code=1))
    again = finalize(context("finalize", cluster, Clock(), tmp_path, HASH))
    assert again == 1
    assert read(cluster).need(Status).to_data() == status


@pytest.mark.parametrize(
    ("policy", "code", "stays"),
    [("Always", 0, False), ("Always", 1, False), ("OnSuccess", 0, False), ("OnSuccess", 1, True), ("Never", 0, True)],
)
def test_the_chain_goes_by_the_policy(decided: Any, policy: str, code: int, stays: bool) -> None:
    def change(cluster: FakeCluster, keys: Keys) -> None:
        keys.change(RunEntry, cleanup=policy)
        keys.change(LoadEnd, code=code)
        cluster.put(SEI_NODE_DEPLOYMENTS, deployment())

    cluster = decided(change)[2]
    assert (("seinodedeployments", "nightly-0f8fad5b-rpc") in cluster.objects) is stays


def test_what_belongs_to_somebody_else_is_left_alone(decided: Any) -> None:
    def change(cluster: FakeCluster, keys: Keys) -> None:
        del keys
        cluster.put(SEI_NODE_DEPLOYMENTS, deployment(owner={"uid": "other"}))

    cluster = decided(change)[2]
    assert ("seinodedeployments", "nightly-0f8fad5b-rpc") in cluster.objects


def test_a_load_that_still_runs_is_ended_first(decided: Any) -> None:
    def change(cluster: FakeCluster, keys: Keys) -> None:
        keys.drop(LoadEnd)
        cluster.objects[("jobs", IDENTITY.job_name)]["status"] = {}

    cluster = decided(change)[2]
    assert ("jobs", IDENTITY.job_name, {"spec": {"activeDeadlineSeconds": 1}}) in cluster.patches


def test_a_stop_that_comes_while_finalize_waits_for_the_pods_counts(decided: Any) -> None:
    """The user stopped the run before its verdict was written."""

    def change(cluster: FakeCluster, keys: Keys) -> None:
        del keys
        get = cluster.get

        def stopped_meanwhile(resource: Any, name: str) -> Any:
            if resource is JOBS:
                cluster.put(WORKFLOWS, workflow(shutdown="Stop"))
            return get(resource, name)

        cluster.get = stopped_meanwhile  # type: ignore[method-assign]

    code, status, _ = decided(change)
    assert (code, status["phase"], status["verdict"], status["reason"]) == (1, "Cancelled", "Error", "Cancelled")


@pytest.mark.parametrize("failed", [False, True])
def test_a_verdict_is_given_although_sigterm_came(decided: Any, failed: bool) -> None:
    """Its pod is deleted or its node drained: Argo would not start it again after an end by a signal."""
    before = signal.getsignal(signal.SIGTERM)
    sent: list[int] = []

    def change(cluster: FakeCluster, keys: Keys) -> None:
        if failed:
            keys.change(LoadEnd, code=1)

        def on_get() -> None:
            if signal.getsignal(signal.SIGTERM) is not before:
                sent.append(signal.SIGTERM)
                os.kill(os.getpid(), signal.SIGTERM)

        cluster.on_get = on_get

    code, status, _ = decided(change)
    assert (code, status["verdict"]) == ((1, "Failed") if failed else (0, "Passed"))
    assert sent, "nothing was sent"
    assert signal.getsignal(signal.SIGTERM) is before
