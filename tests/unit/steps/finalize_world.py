"""A run that is over, as its steps left it: for the tests of finalize and of all that it does."""

import pathlib
from typing import Any

from msgspec.structs import replace

from record_kit import Keys, load_end, sign_off, stop_intent
from runner_helpers import (
    CONFIG_MAPS,
    IDENTITY,
    JOBS,
    PODS,
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
from validationrun.base import conventions
from validationrun.base.times import format_time
from validationrun.contract.chain_entries import ChainEntry, ChainReady
from validationrun.contract.diagnostics import Diagnostics
from validationrun.contract.evaluation_entries import EvaluatorReady
from validationrun.contract.load_entries import JobEntry, LoadEnd
from validationrun.contract.record import Record
from validationrun.contract.run_entry import DeploymentEntry, LoadPlan, ResultsPlace, RuleEntry, RunEntry
from validationrun.contract.status_document import Status
from validationrun.kube.cluster import EVENTS, SEI_NODE_DEPLOYMENTS
from validationrun.oracle.fold import RuleState
from validationrun.steps.finalize import finalize

HASH = "a" * 64
CHAIN_ID = "nightly-0f8fad5b"
RUN = RunEntry(
    started_at=format_time(START),
    bundle_hash=HASH,
    name="nightly",
    spec_hash="b" * 64,
    chain_id=CHAIN_ID,
    load_start_seconds=300,
    duration_seconds=60,
    run_seconds=900,
    cleanup="Always",
    bring_up=True,
    deployments=[DeploymentEntry("rpc", "fullNode")],
    load=LoadPlan("evm", 1, 0, (1,)),
    rules=[RuleEntry("height", "query", ">", "0")],
)
STATE = RuleState("height", "Passed", message="1 > 0", last_t=START + 59, answered=True, value="1")
FAILED = replace(STATE, verdict="Failed", reason="ThresholdViolated", failed_t=START + 10)
UNANSWERED = replace(STATE, verdict="Error", reason="NoSamples", message="the query gave no sample")
REFUSED = replace(STATE, verdict="Error", reason="PrometheusRuleNotFound", refused=True, answered=False)
STOP = stop_intent(10)
KEYS = (
    ChainEntry(format_time(START), CHAIN_ID),
    ChainReady(format_time(START), deployments=[]),
    EvaluatorReady(format_time(START), "http://prometheus"),
    JobEntry(IDENTITY.job_name, "job-uid", format_time(START)),
    load_end(),
    sign_off(STATE),
)
RESULTS = ResultsPlace("s3://results/eng-ada/evm/${runId}/")


def deployment(owner: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    """As ensure-chain creates it."""
    labels = IDENTITY.labels("chain", CHAIN_ID)
    owners = [owner or IDENTITY.owner()]
    return {
        "metadata": {"name": f"{CHAIN_ID}-rpc", "labels": labels, "ownerReferences": owners, **metadata},
        "status": {"phase": "Ready"},
    }


def terminated(code: int, name: str = "main", message: str = "", **more: Any) -> dict[str, Any]:
    """A container's status once it has ended."""
    words = {"reason": "Completed" if code == 0 else "Error", **({"message": message} if message else {})}
    return {"name": name, "state": {"terminated": {"exitCode": code, **words}}, **more}


def runs(name: str = "main", **more: Any) -> dict[str, Any]:
    return {"name": name, "state": {"running": {"startedAt": format_time(START)}}, **more}


class World:
    """A good run; a test changes what it is about, and then lets finalize decide."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.cluster, self.clock = FakeCluster(), Clock()
        self.keys = Keys(RUN, *KEYS)
        self.cluster.put(WORKFLOWS, workflow(activeDeadlineSeconds=3000))
        self.cluster.put(JOBS, complete())
        self.context = context("finalize", self.cluster, self.clock, folder, HASH)
        self.folder = self.context.output_dir / "results"
        self._begun = False
        self.attempts = 0

    def step(
        self, step: str, *statuses: dict[str, Any], name: str = "", phase: str = "Succeeded", at: float = 0
    ) -> None:
        """A pod of one of the run's steps."""
        self._pod(
            name or f"{IDENTITY.workflow}-{step}-123",
            {"workflows.argoproj.io/workflow": IDENTITY.workflow},
            {"phase": phase, "containerStatuses": list(statuses)},
            annotations={"workflows.argoproj.io/node-name": f"{IDENTITY.workflow}.{step}(0)"},
            creationTimestamp=format_time(START + at),
        )

    def shard(self, index: int, *statuses: dict[str, Any], phase: str = "Failed", **status: Any) -> None:
        labels = {"batch.kubernetes.io/controller-uid": "job-uid"}
        self._pod(f"load-{index}", labels, {"phase": phase, "containerStatuses": list(statuses), **status})

    def node(self, name: str, *statuses: dict[str, Any], phase: str = "Running", **status: Any) -> None:
        labels = {conventions.LABEL_CHAIN_ID: CHAIN_ID}
        self._pod(name, labels, {"phase": phase, "containerStatuses": list(statuses), **status})

    def _pod(self, name: str, labels: dict[str, str], status: dict[str, Any], **metadata: Any) -> None:
        labels = {conventions.LABEL_RUN_ID: IDENTITY.workflow, **labels}
        owners = [IDENTITY.owner()]
        body = {"metadata": {"name": name, "labels": labels, "ownerReferences": owners, **metadata}, "status": status}
        self.cluster.put(PODS, body)

    def says(self, of: str, message: str, *, at: float = 0, **more: Any) -> None:
        """An event about a pod, or by its uid about the Job."""
        uid = self.cluster.objects[("pods", of)]["metadata"]["uid"] if ("pods", of) in self.cluster.objects else of
        event = {
            "metadata": {"name": f"event-{len(self.cluster.objects)}"},
            "involvedObject": {"name": of, "uid": uid},
            "type": "Warning",
            "reason": "BackOff",
            "message": message,
            "lastTimestamp": format_time(START + at),
            **more,
        }
        self.cluster.put(EVENTS, event)

    def chain(self, **metadata: Any) -> None:
        self.cluster.put(SEI_NODE_DEPLOYMENTS, deployment(**metadata))

    @property
    def has_chain(self) -> bool:
        return any(plural == SEI_NODE_DEPLOYMENTS.plural for plural, _ in self.cluster.objects)

    def replaced(self, **change: Any) -> None:
        """The step's context with something else in it."""
        self.context = replace(self.context, **change)

    def begin(self) -> Record:
        """The record as the steps left it."""
        self._begun = True
        return begin(self.cluster, *self.keys)

    def finalize(self) -> int:
        """The next attempt, with the record as it stands; without the key `run` there is none."""
        if RunEntry in self.keys and not self._begun:
            self.begin()
        attempt = replace(self.context, retries=self.attempts)
        self.attempts += 1
        return finalize(attempt)

    def status(self) -> dict[str, Any]:
        return read(self.cluster).need(Status).to_data()

    def decide(self) -> tuple[str, str]:
        """Lets finalize decide. Returns verdict and reason."""
        code, status = self.finalize(), self.status()
        assert (code == 0) == (status["verdict"] == "Passed")
        return status["verdict"], status["reason"]

    def saved(self) -> dict[str, Any]:
        """What the record keeps of the pods."""
        return read(self.cluster).need(Diagnostics).to_data()

    def fails(self) -> None:
        """A run that has something to explain."""
        self.keys.change(LoadEnd, code=2)

    def label(self) -> str | None:
        found = self.cluster.get(WORKFLOWS, IDENTITY.workflow)
        assert found is not None
        return (found["metadata"].get("labels") or {}).get(conventions.LABEL_VERDICT)

    def sealed(self) -> bool:
        found = self.cluster.get(CONFIG_MAPS, IDENTITY.record_name)
        return bool(found and found.get("immutable"))
