"""A suite whose members' runs are played by the test: for the tests of suite-member and suite-finalize."""

import pathlib
from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from runner_helpers import IDENTITY, START, Clock, FakeCluster, context
from validationrun.base.conventions import ENSURE_CHAIN, FINALIZE
from validationrun.base.hashing import bundle_hash
from validationrun.base.times import format_time
from validationrun.contract.owned_record import Identity
from validationrun.contract.record import Record
from validationrun.contract.run_entry import RunEntry
from validationrun.contract.status import build_status
from validationrun.contract.suite_json import PlannedMember, SuiteDocument
from validationrun.contract.suite_record import MemberEntry, SuiteRecord, SuiteStatus
from validationrun.kube.cluster import CONFIG_MAPS, WORKFLOWS, Object
from validationrun.kube.objects import Workflow
from validationrun.oracle.outcome import Phase
from validationrun.oracle.verdict_table import RunVerdict
from validationrun.steps.suite_finalize import suite_finalize
from validationrun.steps.suite_member import suite_member
from validationrun.steps.suite_members import member_name

HASH = "ab" * 32
DEADLINE = 900
TEMPLATE = "release-suite"


def planned_member(name: str, **fields: Any) -> PlannedMember:
    return PlannedMember(
        **{"name": name, "run": f"run-{name}", "bundle_hash": HASH, "deadline_seconds": DEADLINE, **fields}
    )


def planned_suite(*members: PlannedMember, **fields: Any) -> SuiteDocument:
    document = SuiteDocument(
        name=TEMPLATE,
        namespace=IDENTITY.namespace,
        concurrency="Sequential",
        stop_on_failure=True,
        service_account_name="eng-ada-validation-suite",
        members=members or (planned_member("first"), planned_member("second", parameters={"duration": "5m"})),
    )
    return replace(document, **fields)


def suite_workflow(**spec: Any) -> Object:
    return {
        "metadata": {"name": IDENTITY.workflow, "uid": IDENTITY.uid, "labels": {"validation.sei.io/suite": TEMPLATE}},
        "spec": {"workflowTemplateRef": {"name": TEMPLATE}, **spec},
        "status": {"phase": "Running", "startedAt": format_time(START)},
    }


class World:
    """
    Attributes:
        on_created: what becomes of a member's Workflow at the first look after its creation.
        given: the suite's parameters, as Argo passes them to each step.
    """

    def __init__(self, folder: pathlib.Path, suite: SuiteDocument | None = None) -> None:
        self.folder, self.cluster, self.clock = folder, FakeCluster(), Clock()
        self.suite = suite or planned_suite()
        data = {"suite.json": self.suite.to_json()}
        (folder / "bundle").mkdir()
        (folder / "bundle" / "suite.json").write_text(data["suite.json"])
        self.digest = bundle_hash(data)
        self.cluster.put(WORKFLOWS, suite_workflow())
        self.on_created: Callable[[str], None] = lambda _name: None
        self.retries = 0
        self.given: dict[str, str] = {}

    def member(self, name: str) -> int:
        """Runs suite-member. `on_created` is played five seconds after it began."""
        self.clock.after(self.clock.now - START + 5, lambda: self._play(name))
        return suite_member(self.context("suite-member"), {"member": name, **self.given})

    def run_all(self) -> list[int]:
        """Runs suite-member for each planned member, one after the other; the exit codes."""
        return [self.member(member.name) for member in self.suite.members]

    def _play(self, name: str) -> None:
        found = self.cluster.objects.get(("workflows", self.name_of(name)))
        if found is not None and "status" not in found:
            self.on_created(name)

    def finalize(self) -> int:
        return suite_finalize(replace(self.context("suite-finalize"), retries=self.retries), self.given)

    def context(self, step: str) -> Any:
        return context(step, self.cluster, self.clock, self.folder, self.digest)

    def planned(self, name: str) -> PlannedMember:
        found = self.suite.member(name)
        assert found is not None
        return found

    def name_of(self, member: str, salt: int = 0) -> str:
        return member_name(IDENTITY, self.planned(member), salt)

    def workflow(self, member: str) -> Object:
        return self.cluster.objects[("workflows", self.name_of(member))]

    def ends(
        self, member: str, phase: str = "Succeeded", reason: str = "RunSucceeded", message: str = "all held"
    ) -> None:
        """The run of a member ends, as its finalize would have written it."""
        found = self.workflow(member)
        self.record(member, phase, reason, message)
        argo = "Succeeded" if phase == "Succeeded" else "Failed"
        found["status"] = {"phase": argo, "finishedAt": format_time(self.clock.now)}

    def record(self, member: str, phase: str, reason: str, message: str, *, seal: bool = True, **run: Any) -> None:
        planned, found = self.planned(member), Workflow(self.workflow(member))
        identity = Identity(found.name, found.uid, IDENTITY.namespace)
        given = {
            **{key: value for key, value in planned.parameters.items() if value},
            "suite": f"{IDENTITY.workflow}/{IDENTITY.uid}",
        }
        entry = RunEntry(**{"started_at": format_time(START), "bundle_hash": HASH, "parameters": given, **run})
        written = Record.create(self.cluster, identity, entry)  # type: ignore[arg-type]
        verdict = RunVerdict(Phase(phase), reason, message)
        assert written.need(RunEntry).writer == ENSURE_CHAIN
        say = written.seal if seal else written.write
        say(FINALIZE, build_status(identity, {}, written, verdict, format_time(START + 60)))

    def written(self) -> SuiteRecord:
        found = SuiteRecord.read(self.cluster, IDENTITY)  # type: ignore[arg-type]
        assert found is not None
        return found

    def entry(self, member: str) -> MemberEntry:
        found = self.written().member(member)
        assert found is not None
        return found

    def status(self) -> SuiteStatus:
        found = self.written().result
        assert found is not None
        return found

    def change_own(self, change: Mapping[str, Any]) -> None:
        self.cluster.objects[("workflows", IDENTITY.workflow)].update(change)

    def rewrite(self, **data: str) -> None:
        """Changes the suite's record, whoever may."""
        self.cluster.objects[("configmaps", IDENTITY.record_name)]["data"].update(data)

    def drop_record_of(self, member: str) -> None:
        found = Workflow(self.workflow(member))
        del self.cluster.objects[(CONFIG_MAPS.plural, f"{found.name}-{found.uid}-record")]
