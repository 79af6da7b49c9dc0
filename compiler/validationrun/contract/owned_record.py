"""
The ConfigMap in which the steps of one Workflow write what happened: how it is created, read, changed by several steps, and sealed.

`contract/record.py` says what a run's holds, `contract/suite_record.py` what a suite's.
"""

import contextlib
from collections.abc import Callable
from typing import Final, Self, TypeVar

from msgspec import Struct

from validationrun.base import conventions
from validationrun.base.document import Document, DocumentError
from validationrun.kube.cluster import CONFIG_MAPS, AlreadyExistsError, Cluster, ConflictError, Object, owned_by

_Value = TypeVar("_Value", bound=Document)

RESULT: Final = "result"
"""The key of the verdict; steps read the record without its model, which they would have to load."""


class RecordError(Exception):
    """The record is unreadable or another Workflow's: our fault or the cluster's, never a verdict."""


class Identity(Struct, frozen=True):
    """The Workflow of a run."""

    workflow: str
    uid: str
    namespace: str

    @property
    def record_name(self) -> str:
        """Name of the record. It holds the UID because a later Workflow may have the same name."""
        return f"{self.workflow}-{self.uid}-record"

    @property
    def bundle_name(self) -> str:
        """Name of the run's copy of the bundle."""
        return f"{self.workflow}-{self.uid}-bundle"

    @property
    def job_name(self) -> str:
        """Name of the load's Job: at most 60 characters, because its pods append an index of up to two digits."""
        return f"{self.workflow[:51]}-{self.uid[:8]}"

    @property
    def config_name(self) -> str:
        """Name of the ConfigMap with the workload's files."""
        return f"{self.job_name}-config"

    def owner(self) -> Object:
        """The owner reference of every object of this run."""
        return {"apiVersion": conventions.ARGO_API_VERSION, "kind": "Workflow", "name": self.workflow, "uid": self.uid}

    def labels(self, component: str, chain_id: str) -> dict[str, str]:
        """The labels of every object of this run."""
        return {
            conventions.LABEL_MANAGED_BY: conventions.MANAGED_BY,
            conventions.LABEL_RUN_ID: self.workflow,
            conventions.LABEL_CHAIN_ID: chain_id,
            conventions.LABEL_K8S_MANAGED_BY: conventions.MANAGED_BY,
            conventions.LABEL_K8S_PART_OF: conventions.MANAGED_BY,
            conventions.LABEL_K8S_COMPONENT: component,
        }


class OwnedRecord:
    """
    The keys written so far.

    Attributes:
        sealed: the ConfigMap is immutable.
        overruled: somebody else sealed it, and the result is the one that was written beside it.
    """

    def __init__(self, cluster: Cluster, identity: Identity, found: Object) -> None:
        self._cluster = cluster
        self.identity = identity
        self._take(found)

    def _take(self, found: Object) -> None:
        self._data: dict[str, str] = dict(found.get("data") or {})
        self.sealed = bool(found.get("immutable"))
        beside = (found["metadata"].get("annotations") or {}).get(conventions.ANNOTATION_RESULT)
        self.overruled = self.sealed and beside is not None
        if self.sealed and beside is not None:
            self._data[RESULT] = beside
        self._version = str(found["metadata"].get("resourceVersion") or "")

    @classmethod
    def read(cls, cluster: Cluster, identity: Identity) -> Self | None:
        """
        The record of this Workflow, or None when there is none yet.

        Raises:
            RecordError: the ConfigMap of that name has another owner.
        """
        found = _fetch(cluster, identity)
        return None if found is None else cls(cluster, identity, found)

    @classmethod
    def _create(cls, cluster: Cluster, identity: Identity, labels: dict[str, str], data: dict[str, str]) -> Self:
        """Creates the record, or reads the one that another step or attempt created."""
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": identity.record_name,
                "namespace": identity.namespace,
                "labels": labels,
                "ownerReferences": [identity.owner()],
            },
            "data": data,
        }
        with contextlib.suppress(AlreadyExistsError):
            cluster.create(CONFIG_MAPS, body)
        record = cls.read(cluster, identity)
        if record is None:
            raise RecordError(f"ConfigMap {identity.record_name} vanished")
        return record

    def refresh(self) -> Self:
        """
        Reads the record again.

        Raises:
            RecordError: the record is gone.
        """
        found = _fetch(self._cluster, self.identity)
        if found is None:
            raise RecordError(f"ConfigMap {self.identity.record_name} is gone")
        self._take(found)
        return self

    def _get(self, key: str, of: type[_Value]) -> _Value | None:
        """The value of a key, as last read or written. Raises RecordError when it does not have its type."""
        text = self._data.get(key)
        if text is None:
            return None
        try:
            return of.from_json(text)
        except DocumentError as error:
            raise RecordError(f"ConfigMap {self.identity.record_name}: key {key} cannot be read: {error}") from None

    def _change(self, key: str, make: Callable[[], str | None]) -> bool:
        """
        Replaces a key's text by what `make` makes of the present record, atomically.

        Two attempts of a step can run at once, because an abandoned pod may live on for a while.

        Args:
            make: returns the new text, or None to keep the present one. Called again after each conflicting write.

        Returns:
            False when the text was kept, or the record is sealed.
        """
        attempted = ""
        while True:
            self.refresh()
            if attempted and self._data.get(key) == attempted:
                # The previous patch succeeded; only its answer was lost.
                return True
            text = None if self.sealed else make()
            if text is None:
                return False
            attempted = text
            with contextlib.suppress(ConflictError):
                self._patch({"metadata": {"resourceVersion": self._version}, "data": {key: attempted}})
                return True

    def _seal(self, text: str) -> None:
        """Writes the result and makes the ConfigMap immutable. What somebody wrote beside the result before that goes away."""
        beside = {"annotations": {conventions.ANNOTATION_RESULT: None}}
        self._patch({"metadata": beside, "data": {RESULT: text}, "immutable": True})

    def _overrule(self, text: str) -> None:
        """
        Writes the result of a record that somebody else sealed. Readers then get it in place of the sealed one.

        It goes into an annotation, because only the metadata of an immutable ConfigMap can still change.
        """
        self._patch({"metadata": {"annotations": {conventions.ANNOTATION_RESULT: text}}})

    def _patch(self, body: Object) -> None:
        found = self._cluster.patch(CONFIG_MAPS, self.identity.record_name, body)
        if found is None:
            raise RecordError(f"ConfigMap {self.identity.record_name} is gone")
        self._take(found)


def _fetch(cluster: Cluster, identity: Identity) -> Object | None:
    """The ConfigMap of the record. Raises RecordError when it has another owner."""
    found = cluster.get(CONFIG_MAPS, identity.record_name)
    if found is not None and not owned_by(found, identity.uid):
        raise RecordError(f"ConfigMap {identity.record_name} is not owned by Workflow {identity.workflow}")
    return found
