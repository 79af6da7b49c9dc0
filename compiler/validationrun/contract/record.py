"""
The run record: one ConfigMap per run, in which the steps write what happened. It is the source of truth.

Exit codes, Argo's outputs, node phases and labels are for people: all of them can lose or forge evidence.
Each key has one writer, so no step overwrites another step's key. `docs/run-record.md` describes every key.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from validationrun.base import conventions
from validationrun.base.document import DocumentError
from validationrun.contract import record_key
from validationrun.contract.chain_entries import ChainEntry, ChainReady
from validationrun.contract.record_key import Key, RecordKey
from validationrun.contract.run_entry import RunEntry
from validationrun.kube.cluster import CONFIG_MAPS, AlreadyExistsError, Cluster, ConflictError, Object, owned_by

ENSURE_CHAIN: Final = record_key.ENSURE_CHAIN
WAIT_CHAIN_READY: Final = record_key.WAIT_CHAIN_READY
LOAD_JOB: Final = record_key.LOAD_JOB
RULE_EVALUATOR: Final = record_key.RULE_EVALUATOR
FINALIZE: Final = record_key.FINALIZE


_RESULT: Final = "result"
"""The key of the status; steps read the record without its model, which they would have to load."""


class RecordError(Exception):
    """The record is unreadable or another run's: our fault or the cluster's, never a verdict."""


@dataclass(frozen=True, slots=True)
class Identity:
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


class Record:
    """
    The keys written so far. All methods but `get` and `need` ask the API server.

    Attributes:
        sealed: the ConfigMap is immutable.
        overruled: somebody else sealed it, and the result is the one that finalize wrote beside it.
    """

    def __init__(self, cluster: Cluster, identity: Identity, found: Object) -> None:
        self._cluster = cluster
        self.identity = identity
        self._take(found)

    def _take(self, found: Object) -> None:
        self._data: dict[str, str] = dict(found.get("data") or {})
        self.sealed = bool(found.get("immutable"))
        result = (found["metadata"].get("annotations") or {}).get(conventions.ANNOTATION_RESULT)
        self.overruled = self.sealed and result is not None
        if self.sealed and result is not None:
            self._data[_RESULT] = result
        self._version = str(found["metadata"].get("resourceVersion") or "")

    @classmethod
    def read(cls, cluster: Cluster, identity: Identity) -> "Record | None":
        """
        The record of this Workflow, or None when there is none yet.

        Raises:
            RecordError: the ConfigMap of that name has another owner.
        """
        config_map = _fetch(cluster, identity)
        return None if config_map is None else cls(cluster, identity, config_map)

    @classmethod
    def create(cls, cluster: Cluster, identity: Identity, run: RunEntry) -> "Record":
        """Creates the record with the key `run`, or reads the record that an earlier attempt created."""
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": identity.record_name,
                "namespace": identity.namespace,
                "labels": identity.labels(conventions.COMPONENT_RULES, run.chain_id),
                "ownerReferences": [identity.owner()],
            },
            "data": {run.key: run.to_json()},
        }
        with contextlib.suppress(AlreadyExistsError):
            cluster.create(CONFIG_MAPS, body)
        record = cls.read(cluster, identity)
        if record is None:
            raise RecordError(f"ConfigMap {identity.record_name} vanished")
        return record

    def refresh(self) -> "Record":
        """
        Reads the record again.

        Raises:
            RecordError: the record is gone.
        """
        config_map = _fetch(self._cluster, self.identity)
        if config_map is None:
            raise RecordError(f"ConfigMap {self.identity.record_name} is gone")
        self._take(config_map)
        return self

    def get(self, key: type[Key]) -> Key | None:
        """
        The value of a key, as last read or written; None when the key is missing.

        Raises:
            RecordError: the value does not have its type.
        """
        text = self._data.get(key.key)
        if text is None:
            return None
        try:
            return key.from_json(text)
        except DocumentError as error:
            raise RecordError(f"ConfigMap {self.identity.record_name}: key {key.key} cannot be read: {error}") from None

    def need(self, key: type[Key]) -> Key:
        """The value of a key that an earlier step must have written. Raises RecordError when it did not."""
        value = self.get(key)
        if value is None:
            raise RecordError(f"ConfigMap {self.identity.record_name}: key {key.key} is missing")
        return value

    def write(self, step: str, value: RecordKey, *, seal: bool = False) -> None:
        """
        Writes one key and replaces its present value.

        Args:
            step: the step that writes.
            seal: also make the ConfigMap immutable, so this is the last write.

        Raises:
            ValueError: another step is the writer of this key.
        """
        body: Object = {"data": {value.key: _text(step, value)}}
        if seal:
            body["immutable"] = True
        self._patch(body)

    def add(self, step: str, value: RecordKey) -> bool:
        """Writes a key once. False when another attempt of its step was first, or the run has its verdict."""
        return self.change(step, type(value), lambda present: value if present is None else None)

    def change(self, step: str, key: type[Key], make: Callable[[Key | None], Key | None]) -> bool:
        """
        Replaces a key's value by `make` of its present value, atomically.

        Two attempts of a step can run at once, because an abandoned pod may live on for a while.

        Args:
            make: returns the new value, or None to keep the present one. Called again after each conflicting write.

        Returns:
            False when the value was kept, or the run has its verdict.
        """
        attempted = ""
        while True:
            self.refresh()
            if attempted and self._data.get(key.key) == attempted:
                # The previous patch succeeded; only its answer was lost.
                return True
            value = None if self.sealed else make(self.get(key))
            if value is None:
                return False
            attempted = _text(step, value)
            with contextlib.suppress(ConflictError):
                self._patch({"metadata": {"resourceVersion": self._version}, "data": {key.key: attempted}})
                return True

    def overrule(self, step: str, value: RecordKey) -> None:
        """
        Writes the result of a record that somebody else sealed. `get` then returns it in place of the sealed one.

        It goes into an annotation, because only the metadata of an immutable ConfigMap can still change.
        """
        if value.key != _RESULT:
            raise ValueError(f"{value.key} cannot be written to a sealed record")
        self._patch({"metadata": {"annotations": {conventions.ANNOTATION_RESULT: _text(step, value)}}})

    def _patch(self, body: Object) -> None:
        config_map = self._cluster.patch(CONFIG_MAPS, self.identity.record_name, body)
        if config_map is None:
            raise RecordError(f"ConfigMap {self.identity.record_name} is gone")
        self._take(config_map)

    @property
    def chain_failure(self) -> ChainEntry | ChainReady | None:
        """The entry with the reason why the chain did not come up; None without a failure."""
        for entry in (self.get(ChainEntry), self.get(ChainReady)):
            if entry is not None and entry.reason:
                return entry
        return None

    @property
    def chain_is_ready(self) -> bool:
        """Both bring-up steps recorded success."""
        both = self.get(ChainEntry) is not None and self.get(ChainReady) is not None
        return both and self.chain_failure is None


def _text(step: str, value: RecordKey) -> str:
    if value.writer != step:
        raise ValueError(f"{step} may not write {value.key}: {value.writer} does")
    return value.to_json()


def _fetch(cluster: Cluster, identity: Identity) -> Object | None:
    """The ConfigMap of the record. Raises RecordError when it has another owner."""
    config_map = cluster.get(CONFIG_MAPS, identity.record_name)
    if config_map is None:
        return None
    if not owned_by(config_map, identity.uid):
        raise RecordError(f"ConfigMap {identity.record_name} is not owned by Workflow {identity.workflow}")
    return config_map
