"""
The suite record: one ConfigMap per suite's Workflow, in which its steps write what became of the members.

Key `suite` is the plan, `member.{name}` one member, `result` the verdict; with the result it becomes immutable. Each key has
one writer: the suite-member of that name, or suite-finalize. `docs/suites.md` describes every key.
"""

from collections.abc import Callable, Mapping
from typing import Final, Literal

from validationrun.base import conventions
from validationrun.base.document import Document
from validationrun.contract.override import Override
from validationrun.contract.owned_record import RESULT, Identity, OwnedRecord
from validationrun.contract.record_key import Timestamp
from validationrun.contract.suite_json import SuiteDocument
from validationrun.kube.cluster import Cluster
from validationrun.oracle.outcome import Phase, Verdict
from validationrun.oracle.suite_verdict import Outcome

_SUITE: Final = "suite"
_MEMBER: Final = "member"


class SuiteEntry(Document, frozen=True, kw_only=True):
    """
    The suite as it was planned: every later step reads it here, because a merge or a prune may remove the bundle.

    Attributes:
        only: the members that were chosen, for readers: a step asks its own parameter. Empty when all run.
    """

    started_at: Timestamp
    bundle_hash: str
    suite: SuiteDocument
    only: tuple[str, ...] = ()


class MemberEntry(Document, frozen=True, kw_only=True):
    """
    A member, from the creation of its Workflow to its end.

    Attributes:
        run: the name of its ValidationRun.
        workflow, uid: empty when its Workflow could not be created.
        outcome, ended_at: null until it has ended.
        reason, message: of its end; the reason is its own run's, or that of the step that followed it.
    """

    run: str
    workflow: str
    uid: str
    created_at: Timestamp
    outcome: Outcome | None = None
    reason: str = ""
    message: str = ""
    ended_at: Timestamp | None = None


class SuiteMemberStatus(Document, frozen=True, kw_only=True):
    """A member in the status; `workflow` is empty before it was started, and `outcome` null before it has ended."""

    name: str
    run: str
    workflow: str = ""
    outcome: Outcome | None = None
    reason: str = ""
    message: str = ""
    started_at: Timestamp | None = None
    ended_at: Timestamp | None = None


class SuiteStatus(Document, frozen=True, kw_only=True):
    """
    The status of a suite, which is also the record's `result`.

    Attributes:
        run_id: the name of the suite's Workflow.
        verdict: Awaited while there is none.
        planned, passed: numbers of members; planned counts those too that were not chosen.
        overridden: `only` where not all members were chosen: then the suite is a part of what was compiled.
    """

    api_version: Literal["validation.sei.io/v1alpha1"] = conventions.API_VERSION
    kind: Literal["ValidationSuiteStatus"] = "ValidationSuiteStatus"
    name: str
    namespace: str
    run_id: str
    phase: Phase
    verdict: Verdict
    reason: str | None
    message: str
    start_time: str | None
    completion_time: Timestamp | None
    planned: int
    passed: int
    overridden: list[Override] = []
    members: list[SuiteMemberStatus]


SUITE_KEYS: Final[Mapping[str, type[Document]]] = {_SUITE: SuiteEntry, RESULT: SuiteStatus}
MEMBER_KEYS: Final[Mapping[str, type[Document]]] = {rf"^{_MEMBER}\.": MemberEntry}
"""One key for each member, as a pattern."""


class SuiteRecord(OwnedRecord):
    """All methods but `started`, `member` and `result` ask the API server. Once it is sealed, the suite has its verdict."""

    @classmethod
    def create(cls, cluster: Cluster, identity: Identity, entry: SuiteEntry) -> "SuiteRecord":
        """Creates the record with the key `suite`, or reads the record that another step or attempt created."""
        labels = {**identity.labels(conventions.COMPONENT_RULES, ""), conventions.LABEL_SUITE: entry.suite.name}
        return cls._create(cluster, identity, labels, {_SUITE: entry.to_json()})

    @property
    def started(self) -> SuiteEntry | None:
        return self._get(_SUITE, SuiteEntry)

    def member(self, name: str) -> MemberEntry | None:
        return self._get(_member_key(name), MemberEntry)

    @property
    def result(self) -> SuiteStatus | None:
        return self._get(RESULT, SuiteStatus)

    def change_member(self, name: str, make: Callable[[MemberEntry | None], MemberEntry | None]) -> bool:
        """
        Replaces a member's entry by `make` of the present one, atomically, because two attempts of its step can run at once.

        Args:
            make: returns the new value, or None to keep the present one. Called again after each conflicting write.

        Returns:
            False when the value was kept, or the suite has its verdict.
        """

        def text() -> str | None:
            value = make(self.member(name))
            return None if value is None else value.to_json()

        return self._change(_member_key(name), text)

    def seal(self, status: SuiteStatus) -> None:
        """Writes the result and makes the record immutable."""
        self._seal(status.to_json())

    def overrule(self, status: SuiteStatus) -> None:
        """Writes the result of a record that somebody else sealed. `result` then is this one, and not the sealed one."""
        self._overrule(status.to_json())


def _member_key(name: str) -> str:
    return f"{_MEMBER}.{name}"
