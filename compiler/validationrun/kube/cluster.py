"""
The only Kubernetes client: a few verbs on plain dictionaries, and one error class per way to handle it.

Objects stay dictionaries, because typed models would drop unknown fields.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

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

# Callers import everything about a cluster from this module.
__all__ = [
    "CONFIG_MAPS",
    "CRON_WORKFLOWS",
    "EVENTS",
    "JOBS",
    "NAMESPACES",
    "PERSISTENT_VOLUME_CLAIMS",
    "PODS",
    "PROMETHEUS_RULES",
    "SEI_NETWORKS",
    "SEI_NODES",
    "SEI_NODE_DEPLOYMENTS",
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


class Resource(Struct, frozen=True):
    """A kind of object, as in API paths. An empty group is the core group."""

    group: str
    version: str
    plural: str
    namespaced: bool = True

    @property
    def full_name(self) -> str:
        """The name in RBAC messages and `kubectl api-resources`, such as `jobs.batch`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


CONFIG_MAPS: Final = Resource("", "v1", "configmaps")
EVENTS: Final = Resource("", "v1", "events")
NAMESPACES: Final = Resource("", "v1", "namespaces", namespaced=False)
PERSISTENT_VOLUME_CLAIMS: Final = Resource("", "v1", "persistentvolumeclaims")
PODS: Final = Resource("", "v1", "pods")
SERVICE_ACCOUNTS: Final = Resource("", "v1", "serviceaccounts")
JOBS: Final = Resource("batch", "v1", "jobs")
WORKFLOWS: Final = Resource("argoproj.io", "v1alpha1", "workflows")
TASK_RESULTS: Final = Resource("argoproj.io", "v1alpha1", "workflowtaskresults")
WORKFLOW_TEMPLATES: Final = Resource("argoproj.io", "v1alpha1", "workflowtemplates")
CRON_WORKFLOWS: Final = Resource("argoproj.io", "v1alpha1", "cronworkflows")
SEI_NODE_DEPLOYMENTS: Final = Resource("sei.io", "v1alpha1", "seinodedeployments")
SEI_NETWORKS: Final = Resource("sei.io", "v1alpha1", "seinetworks")
SEI_NODES: Final = Resource("sei.io", "v1alpha1", "seinodes")
PROMETHEUS_RULES: Final = Resource("monitoring.coreos.com", "v1", "prometheusrules")


class Cluster:
    """
    One namespace of one cluster.

    Every call is retried while the API server is unreachable or answers with a fault of its own. A create whose answer was
    lost may therefore raise AlreadyExistsError, and the existing object may be the caller's own.
    """

    def __init__(self, api: ApiServer, namespace: str) -> None:
        self._api = api
        self.namespace = namespace

    @classmethod
    def inside(cls, namespace: str) -> "Cluster":
        """The cluster of this pod, as its service account. Raises NoClusterError outside a pod."""
        return cls(ApiServer(PodAccount(), patience_s=PATIENCE_SECONDS), namespace)

    @classmethod
    def outside(cls, context: str | None, namespace: str | None, *, patience_s: float = PATIENCE_SECONDS) -> "Cluster":
        """
        The cluster of the kubeconfig, as for kubectl; in a pod without kubeconfig, the pod's own.

        Args:
            context: of the kubeconfig; None for its current one.
            namespace: None for the context's own, or `default`.

        Raises:
            NoClusterError
        """
        # Imported here because this module loads slowly, and the steps never need it.
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
        """A copy that retries for up to `seconds`."""
        return Cluster(self._api.patient(seconds), self.namespace)

    def serves(self, resource: Resource) -> bool:
        """Whether the API server serves this kind."""
        group = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
        try:
            kinds = self._api.ask("GET", group).get("resources") or []
        except NotFoundError:
            return False
        return any(kind.get("name") == resource.plural for kind in kinds)

    def has_namespace(self) -> bool:
        """Whether the namespace exists; True when it may not be read, because tenants often lack that right."""
        try:
            return self.get(NAMESPACES, self.namespace) is not None
        except ForbiddenError:
            return True

    def get(self, resource: Resource, name: str) -> Object | None:
        """The object, or None when it does not exist."""
        try:
            return self._api.ask("GET", self._path(resource, name))
        except NotFoundError:
            return None

    def list(self, resource: Resource, *, labels: str = "", fields: str = "", everywhere: bool = False) -> list[Object]:
        """All objects that the selectors match, in this namespace or in all."""
        query = {"labelSelector": labels, "fieldSelector": fields}
        answer = self._api.ask(
            "GET", self._path(resource, everywhere=everywhere), {key: value for key, value in query.items() if value}
        )
        items: list[Object] = answer.get("items") or []
        return items

    def list_to_watch(self, resource: Resource, *, labels: str) -> tuple[Sequence[Object], str]:
        """All objects that match, and the resource version from which `watch` goes on."""
        answer = self._api.ask("GET", self._path(resource), {"labelSelector": labels})
        return answer.get("items") or [], str((answer.get("metadata") or {}).get("resourceVersion") or "")

    def watch(self, resource: Resource, since: str, *, labels: str, seconds: int) -> tuple[Sequence[Object], str]:
        """
        Waits `seconds` and returns every change after version `since`; for a deleted object its last state.

        Returns:
            The object after each change, in order, and the version for the next call.

        Raises:
            WatchLostError: version `since` is too old, so changes were missed.
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
            changed_object = event.get("object") or {}
            if event.get("type") == "ERROR":
                raise WatchLostError(
                    f"GET {path}: {changed_object.get('message') or 'the watch failed'}",
                    changed_object.get("code") or 0,
                )
            since = changed_object["metadata"]["resourceVersion"]
            if event.get("type") != "BOOKMARK":
                changed.append(changed_object)
        return changed, since

    def create(self, resource: Resource, body: Mapping[str, Any], *, dry_run: bool = False) -> Object:
        """Creates an object. Raises AlreadyExistsError."""
        try:
            return self._api.ask("POST", self._path(resource), self._write_options(dry_run=dry_run), body)
        except ForbiddenError as error:
            # Kubernetes checks quota before names, so a full quota can hide that the object exists.
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

    def delete(self, resource: Resource, name: str, *, uid: str | None = None, foreground: bool = False) -> bool:
        """
        Deletes an object and its dependents.

        Args:
            uid: delete that very object only.
            foreground: the object stays, being deleted, until its dependents are gone; else they go after it.

        Returns:
            False when it was gone.
        """
        body: Object = {"propagationPolicy": "Foreground" if foreground else "Background"}
        if uid is not None:
            body["preconditions"] = {"uid": uid}
        try:
            self._api.ask("DELETE", self._path(resource, name), {}, body)
        except NotFoundError:
            return False
        except ConflictError:
            # The name belongs to another object now: ours is gone.
            return False
        return True

    def log(self, pod: str, container: str, lines: int, most: int | None = None) -> str:
        """
        The last lines of a container's log; empty when there is no log.

        Args:
            most: maximum bytes; the API server keeps the first bytes of these lines and cuts the end.
        """
        query = {"container": container, "tailLines": str(lines), **({"limitBytes": str(most)} if most else {})}
        try:
            return self._api.send("GET", self._path(PODS, f"{pod}/log"), query).decode("utf-8", "replace")
        except (NotFoundError, InvalidError):
            return ""

    def log_since(self, pod: str, container: str, since: str = "") -> str:
        """
        A container's log with a time at the start of each line; empty when there is no log yet.

        Args:
            since: RFC 3339; the API server cuts it to whole seconds, so lines that were read before may come again.
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
    """Whether the object has an owner reference to this UID. Names do not count."""
    return any(owner.get("uid") == uid for owner in found.get("metadata", {}).get("ownerReferences") or [])
