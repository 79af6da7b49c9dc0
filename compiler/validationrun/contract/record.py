"""
The run record: one ConfigMap per run, in which the steps write down what became of the run. It is the truth of a run.

Exit codes, Argo's outputs, node phases and labels all lose or forge evidence in ordinary situations; they are for people.
Each key has one writer, so that no write can undo another's. `docs/run-record.md` describes every key.
"""

import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, overload

from validationrun.base import conventions
from validationrun.base.document import DocumentError
from validationrun.contract import record_key
from validationrun.contract.record_key import Key, RecordKey
from validationrun.kube.cluster import (
    CONFIG_MAPS,
    AlreadyExistsError,
    Cluster,
    ConflictError,
    Object,
    owned_by,
)

ENSURE_CHAIN: Final = record_key.ENSURE_CHAIN
WAIT_CHAIN_READY: Final = record_key.WAIT_CHAIN_READY
LOAD_JOB: Final = record_key.LOAD_JOB
RULE_EVALUATOR: Final = record_key.RULE_EVALUATOR
FINALIZE: Final = record_key.FINALIZE

RUN: Final = "run"
PREFLIGHT: Final = "preflight"
CHAIN: Final = "chain"
CHAIN_READY: Final = "chain-ready"
EVALUATOR: Final = "evaluator"
JOB: Final = "job"
LOAD_START: Final = "load-start"
SHARDS: Final = "shards"
LOAD: Final = "load"
WINDOW: Final = "window"
RULES: Final = "rules"
STOP: Final = "stop"
SIGN_OFF: Final = "sign-off"
DIAGNOSTICS: Final = "diagnostics"
RESULT: Final = "result"

WRITERS: Final = {
    RUN: ENSURE_CHAIN,
    PREFLIGHT: ENSURE_CHAIN,
    CHAIN: ENSURE_CHAIN,
    CHAIN_READY: WAIT_CHAIN_READY,
    EVALUATOR: RULE_EVALUATOR,
    JOB: LOAD_JOB,
    LOAD_START: LOAD_JOB,
    SHARDS: LOAD_JOB,
    LOAD: LOAD_JOB,
    WINDOW: RULE_EVALUATOR,
    RULES: RULE_EVALUATOR,
    STOP: RULE_EVALUATOR,
    SIGN_OFF: RULE_EVALUATOR,
    DIAGNOSTICS: FINALIZE,
    RESULT: FINALIZE,
}


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
    """
    What was written down so far; `read` and `write` go to the API server.

    Values are JSON objects. A key that is not there reads as None.
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
    def read(cls, cluster: Cluster, identity: Identity) -> "Record | None":
        """
        The record of this very Workflow, or None when there is none yet.

        Raises:
            RecordError: a ConfigMap of that name belongs to somebody else.
        """
        found = _fetch(cluster, identity)
        return None if found is None else cls(cluster, identity, found)

    @classmethod
    def create(cls, cluster: Cluster, identity: Identity, chain_id: str, run: RecordKey | Object) -> "Record":
        """Creates it with the key `run`, or reads the one that an earlier attempt created."""
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": identity.record_name,
                "namespace": identity.namespace,
                "labels": identity.labels(conventions.COMPONENT_RULES, chain_id),
                "ownerReferences": [identity.owner()],
            },
            "data": {RUN: run.to_json() if isinstance(run, RecordKey) else _dump(run)},
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

    @overload
    def get(self, key: type[Key]) -> Key | None: ...
    @overload
    def get(self, key: str) -> Object | None: ...
    def get(self, key: type[RecordKey] | str) -> RecordKey | Object | None:
        """
        The value of a key, as last read or written; None when it is not there.

        Raises:
            RecordError: it is not what its type says.
        """
        text = self._data.get(key if isinstance(key, str) else key.key)
        if text is None:
            return None
        if isinstance(key, str):
            return self._object(key, text)
        try:
            return key.from_json(text)
        except DocumentError as error:
            raise RecordError(f"ConfigMap {self.identity.record_name}: key {key.key} cannot be read: {error}") from None

    def _object(self, key: str, text: str) -> Object:
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise RecordError(f"ConfigMap {self.identity.record_name}: key {key} is not a JSON object")
        return value

    @overload
    def need(self, key: type[Key]) -> Key: ...
    @overload
    def need(self, key: str) -> Object: ...
    def need(self, key: type[RecordKey] | str) -> RecordKey | Object:
        """The value of a key that an earlier step must have written. Raises RecordError when it did not."""
        value = self.get(key)
        if value is None:
            raise RecordError(f"ConfigMap {self.identity.record_name}: key {_name(key)} is missing")
        return value

    @overload
    def write(self, writer: str, key: RecordKey, *, seal: bool = False) -> None: ...
    @overload
    def write(self, writer: str, key: str, value: Object, *, seal: bool = False) -> None: ...
    def write(self, writer: str, key: RecordKey | str, value: Object | None = None, *, seal: bool = False) -> None:
        """
        Writes one key, whatever was there.

        Args:
            writer: the step that writes.
            seal: make the ConfigMap immutable with this write; nothing can be added afterwards.

        Raises:
            ValueError: another step is the writer of this key.
        """
        body: Object = {"data": {_name(key): _text(writer, key, value)}}
        if seal:
            body["immutable"] = True
        self._patch(body)

    @overload
    def add(self, writer: str, key: RecordKey) -> bool: ...
    @overload
    def add(self, writer: str, key: str, value: Object) -> bool: ...
    def add(self, writer: str, key: RecordKey | str, value: Object | None = None) -> bool:
        """Writes a key that is written once. False when another attempt of its step was first, or the run has its verdict."""
        if isinstance(key, str):
            return self.change(writer, key, lambda there: value if there is None else None)
        return self.change(writer, type(key), lambda there: key if there is None else None)

    @overload
    def change(self, writer: str, key: type[Key], make: Callable[[Key | None], Key | None]) -> bool: ...
    @overload
    def change(self, writer: str, key: str, make: Callable[[Object | None], Object | None]) -> bool: ...
    def change(self, writer: str, key: type[Key] | str, make: Callable[[Any], Any]) -> bool:
        """
        Writes what `make` makes of a key's value, and nothing comes between: a value written meanwhile is looked at, too.

        Two attempts of a step can be at work side by side, because a pod that was given up may live on for a while.

        Args:
            make: of the present value; None to leave it. Called again each time that the record was written meanwhile.

        Returns:
            False when the value was left, or the run has its verdict.
        """
        name, tried = _name(key), ""
        while True:
            self.refresh()
            if tried and self._data.get(name) == tried:
                # Only the answer was lost.
                return True
            value = None if self.sealed else make(self.get(key))
            if value is None:
                return False
            tried = _text(writer, key, value) if isinstance(key, str) else _text(writer, value)
            with contextlib.suppress(ConflictError):
                self._patch({"metadata": {"resourceVersion": self._version}, "data": {name: tried}})
                return True

    def _patch(self, body: Object) -> None:
        found = self._cluster.patch(CONFIG_MAPS, self.identity.record_name, body)
        if found is None:
            raise RecordError(f"ConfigMap {self.identity.record_name} is gone")
        self._take(found)

    @property
    def chain_failure(self) -> Object | None:
        """`{reason, message}` of why the chain never came up; None while nothing speaks against it."""
        for key in (CHAIN, CHAIN_READY):
            value = self.get(key)
            if value is not None and value.get("reason"):
                return value
        return None

    @property
    def chain_is_ready(self) -> bool:
        """Both steps of the bring-up recorded that it came up."""
        both = self.get(CHAIN) is not None and self.get(CHAIN_READY) is not None
        return both and self.chain_failure is None


def stands(sign_off: Mapping[str, Any] | None) -> bool:
    """Whether the evaluator has signed off; not by an attempt that a signal ended, which proves nothing and the next replaces."""
    return sign_off is not None and not sign_off.get("stopped")


def _name(key: RecordKey | type[RecordKey] | str) -> str:
    return key if isinstance(key, str) else key.key


def _text(writer: str, key: RecordKey | str, value: Object | None = None) -> str:
    owner = WRITERS[key] if isinstance(key, str) else key.writer
    if owner != writer:
        raise ValueError(f"{writer} may not write {_name(key)}: {owner} does")
    return _dump(value or {}) if isinstance(key, str) else key.to_json()


def _fetch(cluster: Cluster, identity: Identity) -> Object | None:
    """The ConfigMap. Raises RecordError when one of that name is somebody else's."""
    found = cluster.get(CONFIG_MAPS, identity.record_name)
    if found is None:
        return None
    if not owned_by(found, identity.uid):
        raise RecordError(f"ConfigMap {identity.record_name} is not owned by Workflow {identity.workflow}")
    return found


def _dump(value: Object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(", ", ": "))
