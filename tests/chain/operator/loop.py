"""Look at the cluster once a second, less often while all is settled, and do what `decide` says; nothing is kept meanwhile."""

import datetime as dt
import functools
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import urllib3
import yaml
from kubernetes import client, config

from . import manifests
from .decide import Decision, World, decide
from .deployment import GROUP, LABEL_DEPLOYMENT, LABEL_NODE, PLURAL, VERSION, Deployment, parse
from .manifests import Manifest, Peer

CRD_FILE = Path(__file__).with_name("crd.yaml")
ESTABLISH_SECONDS = 30
AT_ONCE = 8
SETTLED_FACTOR = 3
"""So much longer are the pauses once every chain is Ready or Failed: many operators side by side share a machine."""
SETTLED = ("Ready", "Failed")
HTTP_NOT_FOUND, HTTP_CONFLICT = 404, 409


def connect(kubeconfig: str | None, context: str | None) -> client.ApiClient:
    """The cluster of that file; without one as kubectl finds it."""
    made: client.ApiClient = config.new_client_from_config(config_file=kubeconfig, context=context)  # type: ignore[no-untyped-call]
    return made


def install_crd(api: client.ApiClient) -> None:
    """Create the definition and wait until it is served; one that is there stays as it is."""
    body = yaml.safe_load(CRD_FILE.read_text())
    extensions = client.ApiextensionsV1Api(api)
    with tolerated(HTTP_CONFLICT):
        extensions.create_custom_resource_definition(body)
    deadline = time.monotonic() + ESTABLISH_SECONDS
    while time.monotonic() < deadline:
        found = asked(extensions.read_custom_resource_definition, body["metadata"]["name"])
        # Another process may have made it this moment: then nobody has looked at it yet.
        seen = (found.get("status") or {}).get("conditions") or []
        if any(entry["type"] == "Established" and entry["status"] == "True" for entry in seen):
            return
        time.sleep(0.2)
    raise TimeoutError(f"{body['metadata']['name']} was not established in {ESTABLISH_SECONDS} s")


def remove_crd(api: client.ApiClient) -> None:
    """Removes every SeiNodeDeployment of the cluster with it."""
    with tolerated(HTTP_NOT_FOUND):
        client.ApiextensionsV1Api(api).delete_custom_resource_definition(f"{PLURAL}.{GROUP}")


@contextmanager
def tolerated(*codes: int) -> Iterator[None]:
    try:
        yield
    except client.ApiException as error:
        if error.status not in codes:
            raise


def asked(call: Callable[..., Any], *arguments: str) -> Any:
    """A call's answer as it came: the library's models cost several times what all else does."""
    return json.loads(call(*arguments, _preload_content=False).data)


class Operator:
    """`namespace` None is all of them; `program` makes a genesis; `say` gets one line for each change."""

    def __init__(
        self, api: client.ApiClient, program: Path, namespace: str | None = None, say: Callable[[str], None] = print
    ) -> None:
        self._objects = client.CustomObjectsApi(api)
        self._core = client.CoreV1Api(api)
        self._apps = client.AppsV1Api(api)
        self._program = program
        self._namespace = namespace
        self._say = say
        self._last_fault: dict[str, str] = {}
        self._seen: dict[tuple[str, str], list[Manifest]] = {}
        self._settled = False

    def run(self, stop: threading.Event, interval: float = 1.0) -> None:
        while not stop.is_set():
            self._settled = False
            self._guarded("list", self.look)
            stop.wait(interval * (SETTLED_FACTOR if self._settled else 1))

    def look(self) -> None:
        """Reconcile every object once; a fault of one does not keep the others waiting."""
        self._seen = {}
        found = [parse(body) for body in self._list()]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            # Whoever creates waits for answers most of the time.
            list(pool.map(self._look_at, found))
        # By what was seen before this look, which may have done the last thing that there was to do.
        self._settled = bool(found) and all(one.status.get("phase") in SETTLED for one in found)

    def _look_at(self, deployment: Deployment) -> None:
        if not deployment.deleting:
            name = f"{deployment.namespace}/{deployment.name}"
            self._guarded(name, functools.partial(self._reconcile, deployment))

    def _guarded(self, what: str, action: Callable[[], None]) -> None:
        """Faults of the world end with the next look; each is said once."""
        try:
            action()
        except client.ApiException as error:
            self._fault(what, f"{error.status} {error.reason}: {error.body}")
        except (urllib3.exceptions.HTTPError, OSError, subprocess.SubprocessError) as error:
            self._fault(what, str(error))
        else:
            self._last_fault.pop(what, None)

    def _fault(self, what: str, text: str) -> None:
        if self._last_fault.get(what) != text:
            self._last_fault[what] = text
            self._say(f"{what}: {text}")

    def _list(self) -> list[Manifest]:
        if self._namespace is None:
            answer = asked(self._objects.list_custom_object_for_all_namespaces, GROUP, VERSION, PLURAL)
        else:
            answer = asked(self._objects.list_namespaced_custom_object, GROUP, VERSION, self._namespace, PLURAL)
        items: list[Manifest] = answer["items"]
        return items

    def _reconcile(self, deployment: Deployment) -> None:
        decision = decide(deployment, self._observe(deployment), dt.datetime.now(dt.UTC))
        if decision.make_genesis:
            self._create(deployment, manifests.genesis_config_map(deployment, self._make_genesis(deployment)))
        for body in decision.create:
            self._create(deployment, body)
        for node in decision.reimage:
            self._reimage(deployment, node)
        self._write_status(deployment, decision)

    def _observe(self, deployment: Deployment) -> World:
        own = {LABEL_DEPLOYMENT: deployment.name}
        space = deployment.namespace
        children = self._children(space, own)
        pods, services = self._all("pods", space, own), self._all("services", space, own)
        genesis, genesis_owner = self._genesis(deployment)
        return World(
            genesis=genesis,
            genesis_owner=genesis_owner,
            images={
                child["metadata"]["name"]: child["spec"]["template"]["spec"]["containers"][0]["image"]
                for child in children
            },
            services=frozenset(service["metadata"]["name"] for service in services),
            running=frozenset(pod["metadata"]["labels"][LABEL_NODE] for pod in pods if has_started(pod)),
            peers=self._peers(deployment),
        )

    def _children(self, namespace: str, labels: Mapping[str, str]) -> list[Manifest]:
        return [
            item for item in self._all("statefulsets", namespace, labels) if LABEL_NODE in item["metadata"]["labels"]
        ]

    def _all(self, kind: str, namespace: str, labels: Mapping[str, str]) -> list[Manifest]:
        """Those with these labels. Asked once in a look for all of them: twenty chains beside each other are no rare sight."""
        seen = self._seen
        if (kind, namespace) not in seen:
            listers: dict[str, Callable[..., Any]] = {
                "pods": self._core.list_namespaced_pod,
                "services": self._core.list_namespaced_service,
                "statefulsets": self._apps.list_namespaced_stateful_set,
            }
            seen[kind, namespace] = asked(listers[kind], namespace)["items"]
        return [one for one in seen[kind, namespace] if labels.items() <= (one["metadata"].get("labels") or {}).items()]

    def _genesis(self, deployment: Deployment) -> tuple[str, str]:
        with tolerated(HTTP_NOT_FOUND):
            name = manifests.genesis_name(deployment.chain_id)
            found = asked(self._core.read_namespaced_config_map, name, deployment.namespace)
            return found["data"][manifests.GENESIS_KEY], found["metadata"]["ownerReferences"][0]["uid"]
        return "", ""

    def _peers(self, deployment: Deployment) -> frozenset[Peer]:
        """Labels of the children decide, not those of pods, as with the real controller's nodes."""
        found: set[Peer] = set()
        for entry in deployment.peers:
            space = entry.namespace or deployment.namespace
            found |= {Peer(child["metadata"]["name"], space) for child in self._children(space, entry.selector)}
        return frozenset(found)

    def _make_genesis(self, deployment: Deployment) -> str:
        validators = [argument for node in deployment.nodes for argument in ("--validator", node)]
        command = [str(self._program), "genesis", "--chain-id", deployment.chain_id, *validators]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout

    def _create(self, deployment: Deployment, body: Manifest) -> None:
        creators: dict[str, Callable[..., object]] = {
            "ConfigMap": self._core.create_namespaced_config_map,
            "Service": self._core.create_namespaced_service,
            "StatefulSet": self._apps.create_namespaced_stateful_set,
        }
        with tolerated(HTTP_CONFLICT):
            creators[body["kind"]](deployment.namespace, body)
            self._seen = {}
            self._say(f"{deployment.namespace}/{deployment.name}: created {body['kind']} {body['metadata']['name']}")

    def _reimage(self, deployment: Deployment, node: str) -> None:
        containers = [{"name": manifests.CONTAINER, "image": deployment.image}]
        patch = {"spec": {"template": {"spec": {"containers": containers}}}}
        self._apps.patch_namespaced_stateful_set(
            node, deployment.namespace, patch, _content_type="application/strategic-merge-patch+json"
        )
        self._say(f"{deployment.namespace}/{deployment.name}: {node} runs {deployment.image}")

    def _write_status(self, deployment: Deployment, decision: Decision) -> None:
        if decision.status == deployment.status:
            return
        with tolerated(HTTP_NOT_FOUND):
            name = deployment.name
            # A JSON patch: a merge would keep fields that are gone.
            patch = [{"op": "add", "path": "/status", "value": decision.status}]
            self._objects.patch_namespaced_custom_object_status(
                GROUP, VERSION, deployment.namespace, PLURAL, name, patch, _content_type="application/json-patch+json"
            )
            phase, ready = decision.status["phase"], decision.status["readyReplicas"]
            self._say(f"{deployment.namespace}/{name}: {phase}, {ready} of {deployment.replicas} nodes")


def has_started(pod: Manifest) -> bool:
    """The container runs; whether it is ready or serves is not asked."""
    statuses = pod["status"].get("containerStatuses") or []
    return any(status["name"] == manifests.CONTAINER and "running" in status["state"] for status in statuses)
