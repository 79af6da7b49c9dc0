"""
The only client of Kubernetes: a few verbs on plain dictionaries, with the errors sorted by how they are handled.

Objects stay dictionaries as the API server sends them: typed models would drop the fields that they do not know.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from validationrun.kube.api_server import (
    FIELD_MANAGER,
    PATIENCE_SECONDS,
    AlreadyExistsError,
    ApiServer,
    ClusterError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NoClusterError,
    NotFoundError,
    Object,
    UnreachableError,
    WatchLostError,
)
from validationrun.kube.pod_account import PodAccount

# Callers find here all that they need of a cluster.
__all__ = [
    "CHAIN_OBJECTS",
    "CONFIG_MAPS",
    "EVENTS",
    "JOBS",
    "NAMESPACES",
    "PODS",
    "PROMETHEUS_RULES",
    "SERVICE_ACCOUNTS",
    "TASK_RESULTS",
    "WORKFLOWS",
    "WORKFLOW_TEMPLATES",
    "AlreadyExistsError",
    "Cluster",
    "ClusterError",
    "ConflictError",
    "ForbiddenError",
    "InvalidError",
    "NoClusterError",
    "Object",
    "Resource",
    "UnreachableError",
    "WatchLostError",
    "owned_by",
]


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind, as the API server's paths name it. An empty group is the core group."""

    group: str
    version: str
    plural: str
    namespaced: bool = True

    @property
    def full_name(self) -> str:
        """As RBAC messages and `kubectl api-resources` write it: `jobs.batch`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


CONFIG_MAPS: Final = Resource("", "v1", "configmaps")
EVENTS: Final = Resource("", "v1", "events")
NAMESPACES: Final = Resource("", "v1", "namespaces", namespaced=False)
PODS: Final = Resource("", "v1", "pods")
SERVICE_ACCOUNTS: Final = Resource("", "v1", "serviceaccounts")
JOBS: Final = Resource("batch", "v1", "jobs")
WORKFLOWS: Final = Resource("argoproj.io", "v1alpha1", "workflows")
TASK_RESULTS: Final = Resource("argoproj.io", "v1alpha1", "workflowtaskresults")
WORKFLOW_TEMPLATES: Final = Resource("argoproj.io", "v1alpha1", "workflowtemplates")
CHAIN_OBJECTS: Final = Resource("sei.io", "v1alpha1", "seinodedeployments")
PROMETHEUS_RULES: Final = Resource("monitoring.coreos.com", "v1", "prometheusrules")


class Cluster:
    """
    One namespace of one cluster.

    Every call is repeated while the API server cannot be reached or answers with a fault of its own. A create whose answer
    was lost may therefore end as AlreadyExistsError: whoever creates must be ready to find its own object.
    """

    def __init__(self, api: ApiServer, namespace: str) -> None:
        self._api = api
        self.namespace = namespace

    @classmethod
    def inside(cls, namespace: str) -> "Cluster":
        """From within a pod, as its service account. Raises NoClusterError outside of one."""
        return cls(ApiServer(PodAccount(), patience_s=PATIENCE_SECONDS), namespace)

    @classmethod
    def outside(cls, context: str | None, namespace: str | None, *, patience_s: float = PATIENCE_SECONDS) -> "Cluster":
        """
        By kubeconfig, as kubectl does; inside a pod without one, as its service account.

        Args:
            context: of the kubeconfig; None for its current one.
            namespace: None for the context's own, or `default`.

        Raises:
            NoClusterError
        """
        # Not for the steps, which are inside: what reads a kubeconfig is slow to load.
        from validationrun.kube import kubeconfig  # noqa: PLC0415

        access, own = kubeconfig.of_user(context)
        return cls(ApiServer(access, patience_s=patience_s), namespace or own)

    @property
    def server(self) -> str:
        """URL of the API server."""
        return self._api.url

    def within(self, namespace: str) -> "Cluster":
        """The same cluster, another namespace."""
        return Cluster(self._api, namespace)

    def patient(self, seconds: float) -> "Cluster":
        """The same, which waits so long for an API server that is away."""
        return Cluster(self._api.patient(seconds), self.namespace)

    def serves(self, resource: Resource) -> bool:
        """The API server knows this kind: its definition is installed."""
        group = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
        try:
            kinds = self._api.ask("GET", group).get("resources") or []
        except NotFoundError:
            return False
        return any(one.get("name") == resource.plural for one in kinds)

    def has_namespace(self) -> bool:
        """True also where nobody may look: a tenant often may not read its own Namespace."""
        try:
            return self.get(NAMESPACES, self.namespace) is not None
        except ForbiddenError:
            return True

    def get(self, resource: Resource, name: str) -> Object | None:
        """The object, or None when there is none of that name."""
        try:
            return self._api.ask("GET", self._path(resource, name))
        except NotFoundError:
            return None

    def list(self, resource: Resource, *, labels: str = "", fields: str = "", everywhere: bool = False) -> list[Object]:
        """All objects that the selectors match, of this namespace or of all."""
        query = {"labelSelector": labels, "fieldSelector": fields}
        found = self._api.ask(
            "GET", self._path(resource, everywhere=everywhere), {key: value for key, value in query.items() if value}
        )
        items: list[Object] = found.get("items") or []
        return items

    def list_to_watch(self, resource: Resource, *, labels: str) -> tuple[Sequence[Object], str]:
        """All objects that match, and the version from which `watch` tells what changes."""
        found = self._api.ask("GET", self._path(resource), {"labelSelector": labels})
        return found.get("items") or [], str((found.get("metadata") or {}).get("resourceVersion") or "")

    def watch(self, resource: Resource, since: str, *, labels: str, seconds: int) -> tuple[Sequence[Object], str]:
        """
        Every change after version `since`, once so many seconds have passed; of a deleted object its last state.

        Returns:
            the object after each change, in order, and the version to go on from.

        Raises:
            WatchLostError: that version is too old; nothing is known of what changed since.
        """
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "labelSelector": labels,
            "resourceVersion": since,
            "timeoutSeconds": str(seconds),
        }
        path = self._path(resource)
        changed = []
        for event in self._api.ask_lines(path, query):
            found = event.get("object") or {}
            if event.get("type") == "ERROR":
                raise WatchLostError(
                    f"GET {path}: {found.get('message') or 'the watch failed'}", found.get("code") or 0
                )
            since = found["metadata"]["resourceVersion"]
            if event.get("type") != "BOOKMARK":
                changed.append(found)
        return changed, since

    def create(self, resource: Resource, body: Mapping[str, Any], *, dry_run: bool = False) -> Object:
        """Creates it, or raises AlreadyExistsError."""
        try:
            return self._api.ask("POST", self._path(resource), self._write_options(dry_run=dry_run), body)
        except ForbiddenError as error:
            # A quota is asked before the name: one that is full of the very object hides that it exists.
            if "exceeded quota" in str(error) and self._exists(resource, body):
                raise AlreadyExistsError(str(error), error.status, "AlreadyExists") from None
            raise

    def _exists(self, resource: Resource, body: Mapping[str, Any]) -> bool:
        name = body["metadata"].get("name")
        try:
            return bool(name) and self.get(resource, name) is not None
        except ClusterError:
            return False

    def apply(
        self, resource: Resource, body: Mapping[str, Any], *, dry_run: bool = False, force: bool = False
    ) -> Object:
        """Server-side apply as field manager `validationrun`. Raises ConflictError when another manager owns a field."""
        query = {**self._write_options(dry_run=dry_run), "force": "true" if force else "false"}
        path = self._path(resource, body["metadata"]["name"])
        return self._api.ask("PATCH", path, query, body, "application/apply-patch+yaml")

    def patch(self, resource: Resource, name: str, body: Mapping[str, Any]) -> Object | None:
        """JSON merge patch: null deletes. None when there is no such object."""
        path = self._path(resource, name)
        try:
            return self._api.ask("PATCH", path, self._write_options(), body, "application/merge-patch+json")
        except NotFoundError:
            return None

    def delete(self, resource: Resource, name: str, *, uid: str | None = None) -> bool:
        """Deletes it and in the background what it owns; with `uid` only that very object. False when it was gone."""
        body: Object = {"propagationPolicy": "Background"}
        if uid is not None:
            body["preconditions"] = {"uid": uid}
        try:
            self._api.ask("DELETE", self._path(resource, name), {}, body)
        except NotFoundError:
            return False
        except ConflictError:
            # Another object of that name: ours is gone.
            return False
        return True

    def log(self, pod: str, container: str, lines: int, most: int | None = None) -> str:
        """
        The last lines of a container's log; empty when there is none.

        Args:
            most: of these, no more bytes than so many, and the first of them: the API server cuts the end off.
        """
        query = {"container": container, "tailLines": str(lines), **({"limitBytes": str(most)} if most else {})}
        try:
            return self._api.send("GET", self._path(PODS, f"{pod}/log"), query).decode("utf-8", "replace")
        except (NotFoundError, InvalidError):
            return ""

    def log_since(self, pod: str, container: str, since: str = "") -> str:
        """
        A container's log with a time at the begin of each line; empty when there is none yet.

        Args:
            since: RFC 3339; the API server cuts it to whole seconds, so what was read before may come again.
        """
        query = {"container": container, "timestamps": "true", **({"sinceTime": since} if since else {})}
        try:
            return self._api.send("GET", self._path(PODS, f"{pod}/log"), query).decode("utf-8", "replace")
        except (NotFoundError, InvalidError):
            return ""

    def _write_options(self, *, dry_run: bool = False) -> dict[str, str]:
        options = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
        return {**options, "dryRun": "All"} if dry_run else options

    def _path(self, resource: Resource, name: str = "", *, everywhere: bool = False) -> str:
        root = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
        scope = f"/namespaces/{self.namespace}" if resource.namespaced and not everywhere else ""
        return f"{root}{scope}/{resource.plural}" + (f"/{name}" if name else "")


def owned_by(found: Mapping[str, Any], uid: str) -> bool:
    """The object has an owner reference to this UID: it is that very owner's, whatever the names."""
    return any(owner.get("uid") == uid for owner in found.get("metadata", {}).get("ownerReferences") or [])
