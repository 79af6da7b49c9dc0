"""
The only client of Kubernetes: a few verbs on plain dictionaries, with the errors sorted by how they are handled.

Objects stay dictionaries as the API server sends them: typed models would drop the fields that they do not know.
"""

import json
import os
import time
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import urllib3
from kubernetes import config
from kubernetes.client import ApiClient, Configuration

Object = dict[str, Any]

_TIMEOUT: Final = urllib3.Timeout(connect=5, read=30)

_PATIENCE_SECONDS: Final = 60
"""How long a fault of the world is retried: an API server that restarts is back within this."""

_RETRIED: Final = frozenset({429, 500, 502, 503, 504})
_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 5.0

FIELD_MANAGER: Final = "validationrun"


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
WORKFLOW_TEMPLATES: Final = Resource("argoproj.io", "v1alpha1", "workflowtemplates")
CHAIN_OBJECTS: Final = Resource("sei.io", "v1alpha1", "seinodedeployments")
PROMETHEUS_RULES: Final = Resource("monitoring.coreos.com", "v1", "prometheusrules")


class ClusterError(Exception):
    """
    The API server did not do what it was asked.

    Attributes:
        status: HTTP status; 0 when there was no answer.
        reason: Kubernetes' own word, such as `AlreadyExists`; empty when it gave none.
    """

    def __init__(self, message: str, status: int = 0, reason: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class AlreadyExistsError(ClusterError):
    """Something of that name is there already."""


class ConflictError(ClusterError):
    """Another writer was first, or owns a field."""


class ForbiddenError(ClusterError):
    """The account lacks a right; the message says which verb on which resource."""


class InvalidError(ClusterError):
    """The API server refuses the object: its content is wrong (400, 422)."""


class UnreachableError(ClusterError):
    """No answer, or only faults, for as long as was waited. Nothing is known about what happened."""


class NoClusterError(Exception):
    """No way to a cluster is configured; the message says what was tried."""


class Cluster:
    """
    One namespace of one cluster.

    Every call is repeated while the API server cannot be reached or answers with a fault of its own. A create whose answer
    was lost may therefore end as AlreadyExistsError: whoever creates must be ready to find its own object.
    """

    def __init__(
        self,
        api: ApiClient,
        namespace: str,
        *,
        patience_s: float = _PATIENCE_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._api = api
        self.namespace = namespace
        self._patience_s = patience_s
        self._sleep = sleep

    @classmethod
    def inside(cls, namespace: str) -> "Cluster":
        """From within a pod, as its service account. Raises NoClusterError outside of one."""
        settings = Configuration()
        try:
            config.load_incluster_config(client_configuration=settings)  # type: ignore[no-untyped-call]
        except config.ConfigException as error:
            raise NoClusterError(f"not inside a pod with a service account: {error}") from None
        return cls(_client(settings), namespace)

    @classmethod
    def outside(cls, context: str | None, namespace: str | None) -> "Cluster":
        """
        By kubeconfig, as kubectl does; inside a pod without one, as its service account.

        Args:
            context: of the kubeconfig; None for its current one.
            namespace: None for the context's own, or `default`.
        """
        # The client reads the variable once, when it is imported.
        file = os.environ.get("KUBECONFIG") or None
        settings = Configuration()
        try:
            config.load_kube_config(file, context, settings)  # type: ignore[no-untyped-call]
            own = namespace or _context_namespace(file, context)
        except (config.ConfigException, OSError) as error:
            if context is not None:
                raise NoClusterError(f"kubeconfig: {error}") from None
            try:
                config.load_incluster_config(client_configuration=settings)  # type: ignore[no-untyped-call]
            except config.ConfigException:
                raise NoClusterError(f"no kubeconfig ({error}), and not inside a pod") from None
            own = namespace or "default"
        return cls(_client(settings), own)

    def within(self, namespace: str) -> "Cluster":
        """The same cluster, another namespace."""
        return Cluster(self._api, namespace, patience_s=self._patience_s, sleep=self._sleep)

    def get(self, resource: Resource, name: str) -> Object | None:
        """The object, or None when there is none of that name."""
        try:
            return self._json("GET", self._path(resource, name))
        except _NotFoundError:
            return None

    def list(self, resource: Resource, *, labels: str = "", fields: str = "", everywhere: bool = False) -> list[Object]:
        """All objects that the selectors match, of this namespace or of all."""
        query = {"labelSelector": labels, "fieldSelector": fields}
        found = self._json(
            "GET", self._path(resource, everywhere=everywhere), {key: value for key, value in query.items() if value}
        )
        items: list[Object] = found.get("items") or []
        return items

    def create(self, resource: Resource, body: Mapping[str, Any], *, dry_run: bool = False) -> Object:
        """Creates it, or raises AlreadyExistsError."""
        return self._json("POST", self._path(resource), self._write_options(dry_run=dry_run), body)

    def apply(
        self, resource: Resource, body: Mapping[str, Any], *, dry_run: bool = False, force: bool = False
    ) -> Object:
        """Server-side apply as field manager `validationrun`. Raises ConflictError when another manager owns a field."""
        query = {**self._write_options(dry_run=dry_run), "force": "true" if force else "false"}
        path = self._path(resource, body["metadata"]["name"])
        return self._json("PATCH", path, query, body, "application/apply-patch+yaml")

    def patch(self, resource: Resource, name: str, body: Mapping[str, Any]) -> Object | None:
        """JSON merge patch: null deletes. None when there is no such object."""
        path = self._path(resource, name)
        try:
            return self._json("PATCH", path, self._write_options(), body, "application/merge-patch+json")
        except _NotFoundError:
            return None

    def delete(self, resource: Resource, name: str, *, uid: str | None = None) -> bool:
        """Deletes it and in the background what it owns; with `uid` only that very object. False when it was gone."""
        body: Object = {"propagationPolicy": "Background"}
        if uid is not None:
            body["preconditions"] = {"uid": uid}
        try:
            self._json("DELETE", self._path(resource, name), {}, body)
        except _NotFoundError:
            return False
        except ConflictError:
            # Another object of that name: ours is gone.
            return False
        return True

    def log(self, pod: str, container: str, lines: int) -> str:
        """The last lines of a container's log; empty when there is none."""
        query = {"container": container, "tailLines": str(lines)}
        try:
            return self._send("GET", self._path(PODS, f"{pod}/log"), query).decode("utf-8", "replace")
        except (_NotFoundError, InvalidError):
            return ""

    def _write_options(self, *, dry_run: bool = False) -> dict[str, str]:
        options = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
        return {**options, "dryRun": "All"} if dry_run else options

    def _path(self, resource: Resource, name: str = "", *, everywhere: bool = False) -> str:
        root = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
        scope = f"/namespaces/{self.namespace}" if resource.namespaced and not everywhere else ""
        return f"{root}{scope}/{resource.plural}" + (f"/{name}" if name else "")

    def _json(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> Object:
        answer = json.loads(self._send(method, path, query, body, content_type))
        if not isinstance(answer, dict):
            raise ClusterError(f"{method} {path}: the answer is no object")
        return answer

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> bytes:
        """The answer's body, after as many tries as the patience allows."""
        until = time.monotonic() + self._patience_s
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                status, text = self._once(method, path, query, body, content_type)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                status, text = 0, str(error).encode()
            if status in range(200, 300):
                return text
            if status != 0 and status not in _RETRIED:
                raise _error(method, path, status, text)
            if time.monotonic() + pause > until:
                raise UnreachableError(f"{method} {path}: {_message(text)[0]}", status)
            self._sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _once(
        self, method: str, path: str, query: Mapping[str, str] | None, body: Mapping[str, Any] | None, content_type: str
    ) -> tuple[int, bytes]:
        headers = {"Accept": "application/json", "User-Agent": FIELD_MANAGER}
        if body is not None:
            headers["Content-Type"] = content_type
        queries: list[tuple[str, str]] = []
        self._api.update_params_for_auth(headers, queries, ["BearerToken"], path, method, body)
        url = self._api.configuration.host + path
        if query:
            url += "?" + urllib.parse.urlencode(query)
        # Its pool has the TLS settings of the kubeconfig; its request() would choose by content type how a body is written.
        answer = self._api.rest_client.pool_manager.request(
            method,
            url,
            headers=headers,
            body=None if body is None else json.dumps(body).encode(),
            timeout=_TIMEOUT,
            retries=False,
            redirect=False,
        )
        return answer.status, answer.data


class _NotFoundError(ClusterError):
    """404; callers see None or False."""


def _client(settings: Configuration) -> ApiClient:
    # Our own retries know which faults pass.
    settings.retries = False
    return ApiClient(configuration=settings)


def _context_namespace(file: str | None, context: str | None) -> str:
    contexts, active = config.list_kube_config_contexts(file)  # type: ignore[no-untyped-call]
    chosen = active if context is None else next((one for one in contexts if one["name"] == context), None)
    return ((chosen or {}).get("context") or {}).get("namespace") or "default"


def _error(method: str, path: str, status: int, text: bytes) -> ClusterError:
    message, reason = _message(text)
    kinds: dict[int, type[ClusterError]] = {
        400: InvalidError,
        401: ForbiddenError,
        403: ForbiddenError,
        404: _NotFoundError,
        409: AlreadyExistsError if reason == "AlreadyExists" else ConflictError,
        422: InvalidError,
    }
    return kinds.get(status, ClusterError)(message or f"{method} {path}: HTTP {status}", status, reason)


def _message(text: bytes) -> tuple[str, str]:
    """Message and reason of a Kubernetes Status, or the text itself."""
    try:
        status = json.loads(text)
    except ValueError:
        return text.decode("utf-8", "replace").strip()[:500], ""
    if not isinstance(status, dict):
        return str(status)[:500], ""
    return str(status.get("message") or ""), str(status.get("reason") or "")


def owned_by(found: Mapping[str, Any], uid: str) -> bool:
    """The object has an owner reference to this UID: it is that very owner's, whatever the names."""
    return any(owner.get("uid") == uid for owner in found.get("metadata", {}).get("ownerReferences") or [])
