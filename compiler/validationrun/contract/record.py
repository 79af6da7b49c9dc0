"""
The run record: one ConfigMap per run, in which the steps write down what became of the run. It is the truth of a run.

Exit codes, Argo's outputs, node phases and labels all lose or forge evidence in ordinary situations; they are for people.
Each key has one writer, so that no write can undo another's. `docs/run-record.md` describes every key.
"""

import contextlib
import datetime as dt
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


class RecordError(Exception):
    """The record cannot be read or is not this run's: a fault of ours or of the world, never a verdict."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The Workflow of a run."""

    workflow: str
    uid: str
    namespace: str

    @property
    def record_name(self) -> str:
        """Of the ConfigMap. The UID is in it: a Workflow of the same name, made later, has a record of its own."""
        return f"{self.workflow}-{self.uid}-record"

    @property
    def bundle_name(self) -> str:
        """Of the run's own copy of the bundle."""
        return f"{self.workflow}-{self.uid}-bundle"

    @property
    def job_name(self) -> str:
        """At most 60 characters: the Job's pods append an index of up to two digits to it."""
        return f"{self.workflow[:51]}-{self.uid[:8]}"

    @property
    def config_name(self) -> str:
        """Of the ConfigMap with the workload's files."""
        return f"{self.job_name}-config"

    def owner(self) -> Object:
        """The owner reference that everything of this run carries."""
        return {"apiVersion": conventions.ARGO_API_VERSION, "kind": "Workflow", "name": self.workflow, "uid": self.uid}

    def labels(self, component: str, chain_id: str) -> dict[str, str]:
        """The labels that everything of this run carries."""
        return {
            conventions.LABEL_MANAGED_BY: conventions.MANAGED_BY,
            conventions.LABEL_RUN_ID: self.workflow,
            conventions.LABEL_CHAIN_ID: chain_id,
            conventions.LABEL_K8S_MANAGED_BY: conventions.MANAGED_BY,
            conventions.LABEL_K8S_PART_OF: conventions.MANAGED_BY,
            conventions.LABEL_K8S_COMPONENT: component,
        }


class Record:
    """The keys that were written so far; all methods but `get` and `need` ask the API server."""

    def __init__(self, cluster: Cluster, identity: Identity, found: Object) -> None:
        self._cluster = cluster
        self.identity = identity
        self._take(found)

    def _take(self, found: Object) -> None:
        self._data: dict[str, str] = dict(found.get("data") or {})
        self.sealed = bool(found.get("immutable"))
        self._version = str(found["metadata"].get("resourceVersion") or "")

    @classmethod
    def read(cls, cluster: Cluster, identity: Identity) -> "Record | None":
        """
        The record of this very Workflow, or None when there is none yet.

        Raises:
            RecordError: a ConfigMap of that name belongs to somebody else.
        """
        found = _fetch(cluster, identity)
        return None if found is None else cls(cluster, identity, found)

    @classmethod
    def create(cls, cluster: Cluster, identity: Identity, run: RunEntry) -> "Record":
        """Creates it with the key `run`, or reads the one that an earlier attempt created."""
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
        Reads it again.

        Raises:
            RecordError: it is gone.
        """
        found = _fetch(self._cluster, self.identity)
        if found is None:
            raise RecordError(f"ConfigMap {self.identity.record_name} is gone")
        self._take(found)
        return self

    def get(self, key: type[Key]) -> Key | None:
        """
        The value of a key, as last read or written; None when it is not there.

        Raises:
            RecordError: it is not what its type says.
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
        Writes one key, whatever was there.

        Args:
            step: who writes.
            seal: make the ConfigMap immutable with this write; nothing can be added afterwards.

        Raises:
            ValueError: another step is the writer of this key.
        """
        body: Object = {"data": {value.key: _text(step, value)}}
        if seal:
            body["immutable"] = True
        self._patch(body)

    def add(self, step: str, value: RecordKey) -> bool:
        """Writes a key that is written once. False when another attempt of its step was first, or the run has its verdict."""
        return self.change(step, type(value), lambda present: value if present is None else None)

    def change(self, step: str, key: type[Key], make: Callable[[Key | None], Key | None]) -> bool:
        """
        Writes what `make` makes of a key's present value, and no other write comes between.

        Two attempts of a step can be at work side by side, because a pod that was given up may live on for a while.

        Args:
            make: returns the new value, or None to leave the present one. Called again after each write of somebody else.

        Returns:
            False when the value was left, or the run has its verdict.
        """
        attempted = ""
        while True:
            self.refresh()
            if attempted and self._data.get(key.key) == attempted:
                # Only the answer was lost.
                return True
            value = None if self.sealed else make(self.get(key))
            if value is None:
                return False
            attempted = _text(step, value)
            with contextlib.suppress(ConflictError):
                self._patch({"metadata": {"resourceVersion": self._version}, "data": {key.key: attempted}})
                return True

    def _patch(self, body: Object) -> None:
        found = self._cluster.patch(CONFIG_MAPS, self.identity.record_name, body)
        if found is None:
            raise RecordError(f"ConfigMap {self.identity.record_name} is gone")
        self._take(found)

    @property
    def chain_failure(self) -> ChainEntry | ChainReady | None:
        """The entry with the reason why the chain never came up; None while nothing speaks against it."""
        for entry in (self.get(ChainEntry), self.get(ChainReady)):
            if entry is not None and entry.reason:
                return entry
        return None

    @property
    def chain_is_ready(self) -> bool:
        """Both steps of the bring-up recorded that it came up."""
        both = self.get(ChainEntry) is not None and self.get(ChainReady) is not None
        return both and self.chain_failure is None


def _text(step: str, value: RecordKey) -> str:
    if value.writer != step:
        raise ValueError(f"{step} may not write {value.key}: {value.writer} does")
    return value.to_json()


def _fetch(cluster: Cluster, identity: Identity) -> Object | None:
    """The ConfigMap. Raises RecordError when one of that name is somebody else's."""
    found = cluster.get(CONFIG_MAPS, identity.record_name)
    if found is None:
        return None
    if not owned_by(found, identity.uid):
        raise RecordError(f"ConfigMap {identity.record_name} is not owned by Workflow {identity.workflow}")
    return found


def format_time(seconds: float) -> str:
    """RFC 3339 in UTC; milliseconds only where there are some."""
    moment = dt.datetime.fromtimestamp(seconds, dt.UTC)
    form = "milliseconds" if moment.microsecond else "seconds"
    return moment.isoformat(timespec=form).replace("+00:00", "Z")


def parse_time(text: str) -> float:
    """Unix seconds of an RFC 3339 time. Raises ValueError."""
    return dt.datetime.fromisoformat(text).timestamp()
