"""Suites on the fake API server, as their steps would have left them."""

from typing import Any

from fake_api_server import FakeApiServer
from runner_helpers import NAMESPACE, START
from runs_kit import workflow
from validationrun.base.times import format_time
from validationrun.contract.owned_record import Identity
from validationrun.contract.suite_json import PlannedMember, SuiteDocument
from validationrun.contract.suite_record import MemberEntry, SuiteEntry, SuiteStatus
from validationrun.kube.cluster import CONFIG_MAPS

NAME, UID = "release-suite-x7k2p", "0f8fad5b-d9cb-469f-a165-70867728950e"
SUITE = SuiteDocument(
    name="release-suite",
    namespace=NAMESPACE,
    concurrency="Sequential",
    stop_on_failure=True,
    service_account_name="x",
    members=tuple(
        PlannedMember(name=name, run=f"run-{name}", bundle_hash="ab" * 32, deadline_seconds=60)
        for name in ("first", "second", "third")
    ),
)


def entry(name: str, outcome: Any = None, reason: str = "", message: str = "") -> str:
    return MemberEntry(
        run=f"run-{name}", workflow=f"run-{name}-abcde", uid=f"uid-{name}", created_at=format_time(START),
        outcome=outcome, reason=reason, message=message, ended_at=format_time(START + 60) if outcome else None,
    ).to_json()  # fmt: skip


def put_suite(api: FakeApiServer, *, phase: str = "Running", result: SuiteStatus | None = None, **keys: str) -> None:
    """A suite as its steps left it."""
    workflow(
        api, NAME, phase=phase, uid=UID, template="release-suite", labels={"validation.sei.io/suite": "release-suite"}
    )
    identity = Identity(NAME, UID, NAMESPACE)
    data = {"suite": SuiteEntry(started_at=format_time(START), bundle_hash="ab" * 32, suite=SUITE).to_json()}
    data |= {f"member.{name}": text for name, text in keys.items()}
    data |= {"result": result.to_json()} if result is not None else {}
    metadata = {"name": identity.record_name, "namespace": NAMESPACE, "labels": identity.labels("rules", "")}
    metadata["ownerReferences"] = [identity.owner()]
    api.cluster.put(CONFIG_MAPS, {"metadata": metadata, "data": data, "immutable": result is not None})


def put_member(api: FakeApiServer, name: str, **more: Any) -> None:
    labels = {
        "validation.sei.io/suite": "release-suite",
        "validation.sei.io/suite-member": name,
        "validation.sei.io/suite-uid": UID,
    }
    made = workflow(api, f"run-{name}-abcde", uid=f"uid-{name}", template=f"run-{name}", labels=labels, **more)
    made["metadata"]["ownerReferences"] = [Identity(NAME, UID, NAMESPACE).owner()]


def result(verdict: str, phase: str, reason: str, message: str) -> SuiteStatus:
    return SuiteStatus(
        name="release-suite", namespace=NAMESPACE, run_id=NAME, phase=phase, verdict=verdict, reason=reason,
        message=message, start_time=format_time(START), completion_time=format_time(START + 600), planned=3,
        passed=3 if verdict == "Passed" else 1, members=[],
    )  # fmt: skip


PASSED = result("Passed", "Succeeded", "AllPassed", "3 of 3 runs passed")
FAILED = result("Failed", "Failed", "MemberFailed:second", "run second: 0, not > 0")
