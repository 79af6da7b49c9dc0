"""
The suite record: one ConfigMap per suite's Workflow, in which its steps write what became of the members.

Key `suite` is the plan, `member.{name}` one member, `result` the verdict; with the result it becomes immutable. Each key has
one writer: the suite-member of that name, or suite-finalize. `docs/suites.md` describes every key.
"""

import contextlib
from collections.abc import Callable
from typing import Final, Literal, TypeVar

from validationrun.base import conventions
from validationrun.base.document import Document, DocumentError
from validationrun.contract.record import Identity, RecordError
from validationrun.contract.record_key import Timestamp
from validationrun.contract.suite_json import SuiteDocument
from validationrun.kube.cluster import CONFIG_MAPS, AlreadyExistsError, Cluster, ConflictError, Object, owned_by
from validationrun.oracle.outcome import Phase, Verdict
from validationrun.oracle.suite_verdict import Outcome

_SUITE: Final = "suite"
_RESULT: Final = "result"


class SuiteEntry(Document, frozen=True, kw_only=True):
    """The suite as it was planned: every later step reads it here, because a merge or a prune may remove the bundle."""

    started_at: Timestamp
    bundle_hash: str
    suite: SuiteDocument


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
        planned, passed: numbers of members.
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
    members: list[SuiteMemberStatus]


_Value = TypeVar("_Value", bound=Document)


class SuiteRecord:
    """
    The keys written so far. All methods but `started`, `member` and `result` ask the API server.

    Attributes:
        sealed: the ConfigMap is immutable: the suite has its verdict.
    """

    def __init__(self, cluster: Cluster, identity: Identity, found: Object) -> None:
        self._cluster = cluster
        self.identity = identity
        self._take(found)

    def _take(self, found: Object) -> None:
        self._data: dict[str, str] = dict(found.get("data") or {})
        self.sealed = bool(found.get("immutable"))
        self._version = str(found["metadata"].get("resourceVersion") or "")

    @classmethod
    def read(cls, cluster: Cluster, identity: Identity) -> "SuiteRecord | None":
        """The record of this Workflow, or None. Raises RecordError when the ConfigMap of that name has another owner."""
        found = _fetch(cluster, identity)
        return None if found is None else cls(cluster, identity, found)

    @classmethod
    def create(cls, cluster: Cluster, identity: Identity, entry: SuiteEntry) -> "SuiteRecord":
        """Creates the record with the key `suite`, or reads the record that another step or attempt created."""
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": identity.record_name,
                "namespace": identity.namespace,
                "labels": {
                    **identity.labels(conventions.COMPONENT_RULES, ""),
                    conventions.LABEL_SUITE: entry.suite.name,
                },
                "ownerReferences": [identity.owner()],
            },
            "data": {_SUITE: entry.to_json()},
        }
        with contextlib.suppress(AlreadyExistsError):
            cluster.create(CONFIG_MAPS, body)
        record = cls.read(cluster, identity)
        if record is None:
            raise RecordError(f"ConfigMap {identity.record_name} vanished")
        return record

    def refresh(self) -> "SuiteRecord":
        """Reads the record again. Raises RecordError when it is gone."""
        found = _fetch(self._cluster, self.identity)
        if found is None:
            raise RecordError(f"ConfigMap {self.identity.record_name} is gone")
        self._take(found)
        return self

    @property
    def started(self) -> SuiteEntry | None:
        return self._get(_SUITE, SuiteEntry)

    def member(self, name: str) -> MemberEntry | None:
        return self._get(_member_key(name), MemberEntry)

    @property
    def result(self) -> SuiteStatus | None:
        return self._get(_RESULT, SuiteStatus)

    def change_member(self, name: str, make: Callable[[MemberEntry | None], MemberEntry | None]) -> bool:
        """
        Replaces a member's entry by `make` of the present one, atomically, because two attempts of its step can run at once.

        Args:
            make: returns the new value, or None to keep the present one. Called again after each conflicting write.

        Returns:
            False when the value was kept, or the suite has its verdict.
        """
        key, attempted = _member_key(name), ""
        while True:
            self.refresh()
            if attempted and self._data.get(key) == attempted:
                # The previous patch succeeded; only its answer was lost.
                return True
            value = None if self.sealed else make(self.member(name))
            if value is None:
                return False
            attempted = value.to_json()
            with contextlib.suppress(ConflictError):
                self._patch({"metadata": {"resourceVersion": self._version}, "data": {key: attempted}})
                return True

    def seal(self, status: SuiteStatus) -> None:
        """Writes the result and makes the record immutable."""
        self._patch({"data": {_RESULT: status.to_json()}, "immutable": True})

    def _patch(self, body: Object) -> None:
        found = self._cluster.patch(CONFIG_MAPS, self.identity.record_name, body)
        if found is None:
            raise RecordError(f"ConfigMap {self.identity.record_name} is gone")
        self._take(found)

    def _get(self, key: str, of: type[_Value]) -> _Value | None:
        text = self._data.get(key)
        if text is None:
            return None
        try:
            return of.from_json(text)
        except DocumentError as error:
            raise RecordError(f"ConfigMap {self.identity.record_name}: key {key} cannot be read: {error}") from None


def _member_key(name: str) -> str:
    return f"member.{name}"


def _fetch(cluster: Cluster, identity: Identity) -> Object | None:
    """The ConfigMap of the record. Raises RecordError when it has another owner."""
    found = cluster.get(CONFIG_MAPS, identity.record_name)
    if found is not None and not owned_by(found, identity.uid):
        raise RecordError(f"ConfigMap {identity.record_name} is not owned by Workflow {identity.workflow}")
    return found
