"""A cluster in memory for the steps' tests; what a real one answers is shown by tests/e2e."""

import copy
import itertools
import pathlib
import time
from collections.abc import Callable, Mapping
from typing import Any

from emit_helpers import compiled
from validationrun.base.conventions import ENSURE_CHAIN, LOAD_JOB, RULE_EVALUATOR, WAIT_CHAIN_READY
from validationrun.base.hashing import bundle_hash
from validationrun.base.times import format_time
from validationrun.contract.bundle import Bundle
from validationrun.contract.owned_record import Identity
from validationrun.contract.planned_run import planned_run
from validationrun.contract.record import Record
from validationrun.contract.record_key import RecordKey
from validationrun.contract.run_entry import RunEntry
from validationrun.kube.cluster import (
    CONFIG_MAPS,
    JOBS,
    PODS,
    WORKFLOWS,
    AlreadyExistsError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    Object,
    Resource,
    WatchLostError,
)
from validationrun.steps.context import Context

NAMESPACE = "eng-ada"
IDENTITY = Identity("nightly-x7k2p", "0f8fad5b-d9cb-469f-a165-70867728950e", NAMESPACE)
START = 1_795_000_000.0


class FakeCluster:
    """
    Stands in for `validationrun.kube.cluster.Cluster`: objects in a dictionary, names that can be taken, uids, merge patches.

    It has no controllers: a test's `on_get` plays what they would do as time goes by.

    Attributes:
        denied: verb and plural of what an access review says no to.
        unserved: plurals of kinds that nobody installed.
        logs: by pod and container.
        lost_watches: so many watches find that their version is too old.
        kept_changes: a watch from before the last so many changes, of whatever objects, finds that its version is too old.
        denied_watches: the account may not watch.
        sleep: how a watch lets time pass.
    """

    def __init__(self, namespace: str = NAMESPACE) -> None:
        self.namespace = namespace
        self.objects: dict[tuple[str, str], Object] = {}
        self.created: list[str] = []
        self.patches: list[tuple[str, str, Object]] = []
        self.on_get: Callable[[], None] = lambda: None
        self.denied: set[tuple[str, str]] = set()
        self.unserved: set[str] = set()
        self.logs: dict[tuple[str, str], str] = {}
        self.lost_watches = 0
        self.kept_changes = 1_000_000
        self.denied_watches = False
        self.sleep: Callable[[float], None] = lambda _: None
        self._changes: list[tuple[str, Object]] = []
        self._uids = itertools.count(1)
        self._versions = itertools.count(1)

    def within(self, namespace: str) -> "FakeCluster":
        del namespace
        return self

    def serves(self, resource: Resource) -> bool:
        return resource.plural not in self.unserved

    def put(self, resource: Resource, body: Mapping[str, Any]) -> Object:
        """As somebody else would have made it."""
        made = copy.deepcopy(dict(body))
        made["metadata"].setdefault("uid", f"uid-{next(self._uids)}")
        made["metadata"].setdefault("creationTimestamp", format_time(START))
        made["metadata"].setdefault("generation", 1)
        made["metadata"]["resourceVersion"] = str(next(self._versions))
        self.objects[(resource.plural, made["metadata"]["name"])] = made
        self._changes.append((resource.plural, copy.deepcopy(made)))
        return made

    def remove(self, resource: Resource, last: Mapping[str, Any]) -> None:
        """It changes to its last state and is gone before anybody can look."""
        del self.objects[(resource.plural, self.put(resource, last)["metadata"]["name"])]

    def get(self, resource: Resource, name: str) -> Object | None:
        self.on_get()
        return copy.deepcopy(self.objects.get((resource.plural, name)))

    def list(self, resource: Resource, *, labels: str = "", fields: str = "") -> "list[Object]":
        wanted = dict(one.split("=", 1) for one in labels.split(",") if "=" in one)
        present = {one for one in labels.split(",") if one and "=" not in one}
        return [
            copy.deepcopy(one)
            for (plural, _), one in self.objects.items()
            if plural == resource.plural
            and wanted.items() <= (one["metadata"].get("labels") or {}).items()
            and present <= (one["metadata"].get("labels") or {}).keys()
            and all(_field(one, *field.split("=", 1)) for field in fields.split(",") if field)
        ]

    def list_to_watch(self, resource: Resource, *, labels: str) -> "tuple[list[Object], str]":
        return self.list(resource, labels=labels), str(len(self._changes))

    def watch(self, resource: Resource, since: str, *, labels: str, seconds: int) -> "tuple[list[Object], str]":
        if self.lost_watches:
            self.lost_watches -= 1
            raise WatchLostError("too old resource version", 410)
        if self.denied_watches:
            raise ForbiddenError("cannot watch resource pods", 403, "Forbidden")
        if int(since) < len(self._changes) - self.kept_changes:
            raise WatchLostError(f"too old resource version: {since}", 410)
        self.sleep(seconds)
        wanted = dict(one.split("=", 1) for one in labels.split(","))
        matching = [
            (version, copy.deepcopy(one))
            for version, (plural, one) in enumerate(self._changes[int(since) :], int(since) + 1)
            if plural == resource.plural and wanted.items() <= (one["metadata"].get("labels") or {}).items()
        ]
        # A watch of a second gets no bookmark: without a change of what it watches, it ends where it began.
        return [one for _, one in matching], str(matching[-1][0]) if matching else since

    def create(self, resource: Resource, body: Mapping[str, Any], *, dry_run: bool = False) -> Object:
        del dry_run
        if resource.plural == "selfsubjectaccessreviews":
            asked = body["spec"]["resourceAttributes"]
            return {"status": {"allowed": (asked["verb"], asked["resource"]) not in self.denied}}
        name = body["metadata"]["name"]
        if (resource.plural, name) in self.objects:
            raise AlreadyExistsError(f"{resource.full_name} {name} already exists", 409, "AlreadyExists")
        self.created.append(f"{resource.plural}/{name}")
        return copy.deepcopy(self.put(resource, body))

    def patch(self, resource: Resource, name: str, body: Mapping[str, Any]) -> Object | None:
        self.patches.append((resource.plural, name, copy.deepcopy(dict(body))))
        found = self.objects.get((resource.plural, name))
        if found is None:
            return None
        if found.get("immutable") and "data" in body:
            raise AssertionError(f"{name} is sealed")
        version = body.get("metadata", {}).get("resourceVersion")
        if version not in (None, found["metadata"]["resourceVersion"]):
            raise ConflictError(f"{name}: the object has been modified", 409, "Conflict")
        _merge(found, body)
        found["metadata"]["resourceVersion"] = str(next(self._versions))
        return copy.deepcopy(found)

    def delete(self, resource: Resource, name: str, *, uid: str | None = None, foreground: bool = False) -> bool:
        del foreground
        found = self.objects.get((resource.plural, name))
        if found is None or (uid is not None and found["metadata"]["uid"] != uid):
            return False
        del self.objects[(resource.plural, name)]
        return True

    def patient(self, seconds: float) -> "FakeCluster":
        del seconds
        return self

    def log(self, pod: str, container: str, lines: int, most: int | None = None) -> str:
        del most
        return "".join(self.logs.get((pod, container), "").splitlines(keepends=True)[-lines:])


def _field(found: Any, path: str, value: str) -> bool:
    for part in path.split("."):
        found = (found or {}).get(part)
    return bool(found == value)


def _merge(target: Object, patch: Mapping[str, Any]) -> None:
    for key, value in patch.items():
        if isinstance(value, dict):
            _merge(target.setdefault(key, {}), value)
        elif value is None:
            target.pop(key, None)
        else:
            target[key] = value


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = START
        self.at: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        # A moment of real time, so that threads which answer at once have answered before the next look.
        time.sleep(0.002)
        self.now += max(seconds, 0.01)
        if self.now > START + 100_000:
            raise AssertionError("this step would never end")
        for one in [one for one in self.at if one[0] <= self.now]:
            self.at.remove(one)
            one[1]()

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        """Plays what the world does so many seconds after the start."""
        self.at.append((START + seconds, do))


def bundle_folder(folder: pathlib.Path, spec: Mapping[str, Any]) -> str:
    """The bundle of a spec as a step finds it mounted; returns its hash."""
    folder.mkdir(exist_ok=True)
    bundle = compiled(spec).document("bundle.yaml")
    for key, text in bundle["data"].items():
        (folder / key).write_bytes(text.encode())
    digest: str = bundle["metadata"]["annotations"]["validation.sei.io/bundle-hash"]
    return digest


def context(step: str, cluster: FakeCluster, clock: Clock, folder: pathlib.Path, digest: str) -> Context:
    outputs = folder / "outputs"
    outputs.mkdir(exist_ok=True)
    bundle = folder / "bundle"
    return Context(step, IDENTITY, cluster, digest, bundle, outputs, now=clock.time, sleep=clock.sleep)  # type: ignore[arg-type]


def read(cluster: FakeCluster) -> Record:
    found = Record.read(cluster, IDENTITY)  # type: ignore[arg-type]
    assert found is not None
    return found


def begin(cluster: FakeCluster, run: RunEntry, *keys: RecordKey) -> Record:
    """A record as the steps before have left it."""
    written = Record.create(cluster, IDENTITY, run)  # type: ignore[arg-type]
    write(written, *keys)
    return written


def write(written: Record, *keys: RecordKey) -> None:
    """Each key as its own step writes it."""
    for value in keys:
        written.write(value.writer, value)


def planned(folder: pathlib.Path, parameters: Mapping[str, str] | None = None) -> RunEntry:
    """The key `run` as ensure-chain makes it of the bundle in this folder."""
    bundle = Bundle({path.name: path.read_text("utf-8") for path in folder.iterdir()})
    return planned_run(bundle, IDENTITY, bundle_hash(bundle.data), parameters or {}, START)


def pod(index: int, state: Mapping[str, Any], uid: str = "job-uid", **status: Any) -> Object:
    """A load pod as Kubernetes shows it."""
    return {
        "metadata": {
            "name": f"load-{index}",
            "labels": {"batch.kubernetes.io/controller-uid": uid},
            "annotations": {"batch.kubernetes.io/job-completion-index": str(index)},
        },
        "status": {
            "phase": "Running",
            "containerStatuses": [
                {"name": "sidecar", "state": {"running": {"startedAt": format_time(START)}}},
                {"name": "workload", "image": "load:1", "imageID": "sha256:1", "state": dict(state)},
            ],
            **status,
        },
    }


def running(at: float = 0) -> Object:
    return {"running": {"startedAt": format_time(START + at)}}


def ended(code: int, start: float = 0, end: float = 60, reason: str = "") -> Object:
    words = reason or ("Completed" if code == 0 else "Error")
    times = {"startedAt": format_time(START + start), "finishedAt": format_time(START + end)}
    return {"terminated": {"exitCode": code, "reason": words, **times}}


def complete(replicas: int = 1, uid: str = "job-uid") -> Object:
    """A Job that is Complete with every index."""
    indexes = ",".join(map(str, range(replicas))) if replicas < 3 else f"0-{replicas - 1}"
    return {
        "metadata": {"name": IDENTITY.job_name, "uid": uid, "ownerReferences": [IDENTITY.owner()]},
        "spec": {"completions": replicas, "template": {"spec": {}}},
        "status": {
            "succeeded": replicas,
            "completedIndexes": indexes,
            "conditions": [{"type": "Complete", "status": "True"}],
        },
    }


def node_id(step: str, attempt: int = 0) -> str:
    """Of an attempt of a step. Argo hashes the name of the node; here it is readable."""
    return f"{IDENTITY.workflow}-{step}-{attempt}"


def argo_nodes(step: str, *attempts: Mapping[str, Any]) -> dict[str, Object]:
    """
    The nodes of a step as Argo writes them: one for all attempts, and one for each.

    Args:
        attempts: what a node has beside its name; it Succeeded unless that says otherwise.
    """
    tries = {
        node_id(step, number): {
            "id": node_id(step, number),
            "displayName": f"{step}({number})",
            "type": "Pod",
            "templateName": step,
            "phase": "Succeeded",
            **attempt,
        }
        for number, attempt in enumerate(attempts)
    }
    retry = {
        "id": step,
        "displayName": step,
        "type": "Retry",
        "templateName": step,
        "phase": list(tries.values())[-1]["phase"],
        "children": list(tries),
    }
    return {step: retry, **tries}


def workflow(**spec: Any) -> Object:
    """Whose steps all ended well, each at its first attempt."""
    steps = (ENSURE_CHAIN, WAIT_CHAIN_READY, LOAD_JOB, RULE_EVALUATOR)
    nodes = {name: node for step in steps for name, node in argo_nodes(step, {}).items()}
    return {
        "metadata": {"name": IDENTITY.workflow, "uid": IDENTITY.uid, "annotations": {}},
        "spec": spec,
        "status": {"startedAt": format_time(START), "phase": "Running", "nodes": nodes},
    }


def lose_answer_to_seal(cluster: FakeCluster) -> None:
    """The next patch that seals a record is done, and its answer is lost: tried again, it is refused."""
    patch = cluster.patch

    def lost(resource: Any, name: str, body: Any) -> Any:
        done = patch(resource, name, body)
        if resource == CONFIG_MAPS and body.get("immutable"):
            cluster.patch = patch  # type: ignore[method-assign]
            raise InvalidError("field is immutable when `immutable` is set", 422)
        return done

    cluster.patch = lost  # type: ignore[method-assign]


__all__ = ["CONFIG_MAPS", "JOBS", "PODS", "WORKFLOWS"]
