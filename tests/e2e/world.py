"""A namespace of its own for one end-to-end case, on whatever cluster the tests were given."""

import contextlib
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from tests.e2e.places import place

from validationrun.contract.owned_record import Identity
from validationrun.contract.record import Record
from validationrun.kube.cluster import (
    CONFIG_MAPS,
    JOBS,
    NAMESPACES,
    PERSISTENT_VOLUME_CLAIMS,
    PODS,
    PROMETHEUS_RULES,
    SEI_NETWORKS,
    SEI_NODE_DEPLOYMENTS,
    SEI_NODES,
    SERVICE_ACCOUNTS,
    WORKFLOW_TEMPLATES,
    WORKFLOWS,
    Cluster,
    Object,
    Resource,
)
from validationrun.kube.sei import CHAIN_RESOURCES
from validationrun.spec.source import read_compiled

REPOSITORY: Final = Path(__file__).resolve().parents[2]
KUBECONFIG: Final = REPOSITORY / "build" / "cluster" / "kubeconfig"
CLI: Final = Path(sys.executable).with_name("validationrun")

SERVICES: Final = Resource("", "v1", "services")
ENDPOINT_SLICES: Final = Resource("discovery.k8s.io", "v1", "endpointslices")
KINDS: Final = {
    "ConfigMap": CONFIG_MAPS,
    "CronWorkflow": Resource("argoproj.io", "v1alpha1", "cronworkflows"),
    "Job": JOBS,
    "Role": Resource("rbac.authorization.k8s.io", "v1", "roles"),
    "PrometheusRule": PROMETHEUS_RULES,
    "ResourceQuota": Resource("", "v1", "resourcequotas"),
    "RoleBinding": Resource("rbac.authorization.k8s.io", "v1", "rolebindings"),
    "SeiNetwork": SEI_NETWORKS,
    "SeiNode": SEI_NODES,
    "SeiNodeDeployment": SEI_NODE_DEPLOYMENTS,
    "ServiceAccount": SERVICE_ACCOUNTS,
    "StatefulSet": Resource("apps", "v1", "statefulsets"),
    "ValidatingAdmissionPolicy": Resource(
        "admissionregistration.k8s.io", "v1", "validatingadmissionpolicies", namespaced=False
    ),
    "ValidatingAdmissionPolicyBinding": Resource(
        "admissionregistration.k8s.io", "v1", "validatingadmissionpolicybindings", namespaced=False
    ),
    "Workflow": WORKFLOWS,
    "WorkflowTemplate": WORKFLOW_TEMPLATES,
}

FORWARDER: Final = "front-prometheus"
"""The pod and the Service of tests/e2e/front_prometheus.py, which no run made."""

OF_CHAINS: Final = CHAIN_RESOURCES

_HELD: Final = (
    *OF_CHAINS,
    CONFIG_MAPS,
    JOBS,
    PODS,
    SERVICES,
    ENDPOINT_SLICES,
    WORKFLOWS,
    WORKFLOW_TEMPLATES,
    SERVICE_ACCOUNTS,
    Resource("", "v1", "secrets"),
    PERSISTENT_VOLUME_CLAIMS,
    Resource("apps", "v1", "statefulsets"),
    Resource("apps", "v1", "controllerrevisions"),
    Resource("argoproj.io", "v1alpha1", "workflowtaskresults"),
    KINDS["Role"],
    KINDS["RoleBinding"],
)
_OF_EVERY_NAMESPACE: Final = "kube-root-ca.crt"

T = TypeVar("T")


def open_cluster(namespace: str) -> Cluster:
    """E2E_CONTEXT names a context of the kubeconfig; without it the cluster of `make cluster`."""
    context = os.environ.get("E2E_CONTEXT")
    if context is None:
        if not KUBECONFIG.exists():
            raise RuntimeError("no cluster: run `make cluster`, or set E2E_CONTEXT to a context of your kubeconfig")
        os.environ["KUBECONFIG"] = str(KUBECONFIG)
    return Cluster.outside(context, namespace)


def until(what: str, look: Callable[[], T | None], seconds: float = 60) -> T:
    """What `look` gives as soon as it gives something. Raises AssertionError after so many seconds."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        if found is not None and found is not False:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds:g}s: {what}")
        time.sleep(0.2)


def documents(text: str) -> list[Object]:
    """The objects of a compiled file."""
    return read_compiled(text)


@dataclass
class World:
    """
    One namespace, and what was put into others for it.

    Attributes:
        node_failed_at: when the fault `note-failed-node` saw the first node fail, in seconds since 1970.
    """

    cluster: Cluster
    elsewhere: list[tuple[Cluster, Resource, str]] = field(default_factory=list)
    node_failed_at: float | None = None

    @property
    def namespace(self) -> str:
        return self.cluster.namespace

    def ask(
        self,
        method: str,
        resource: Resource,
        name: str,
        body: Mapping[str, Any],
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Object:
        """A request that the product never makes, such as a deletion without a grace period."""
        return self.cluster._api.ask(method, self.cluster._path(resource, name), query, body, content_type)

    @classmethod
    @contextlib.contextmanager
    def open(cls, case: str) -> Iterator["World"]:
        """A fresh namespace with the accounts of a tenant; all of it is removed afterwards."""
        with place():
            yield from cls._open(f"e2e-{case}-{secrets.token_hex(2)}")

    @classmethod
    def _open(cls, name: str) -> Iterator["World"]:
        world = cls(open_cluster(name))
        world.cluster.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        try:
            for suffix in ("validation", "validation-finalize", "validation-suite", "runner"):
                account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": f"{name}-{suffix}"}}
                world.cluster.create(SERVICE_ACCOUNTS, account)
            yield world
        finally:
            if not os.environ.get("E2E_KEEP"):
                world.close()

    def close(self) -> None:
        """Removes the namespace, and what was put elsewhere for it."""
        for there, resource, other in self.elsewhere:
            there.delete(resource, other)
        self.cluster.delete(NAMESPACES, self.namespace)
        # The operator has ended: nobody else lets these go, and the namespace with them.
        for resource in (*OF_CHAINS, PERSISTENT_VOLUME_CLAIMS):
            for one in self.cluster.list(resource):
                self.cluster.patch(resource, one["metadata"]["name"], {"metadata": {"finalizers": None}})

    def grant(self, folder: Path) -> None:
        """Applies the access files of a compiled run, as the owner of each namespace would."""
        for path in sorted(folder.glob("access*.yaml")):
            for document in documents(path.read_text()):
                resource = KINDS[document["kind"]]
                there = self.cluster.within(document["metadata"].get("namespace", self.namespace))
                there.apply(resource, document, force=True)
                if not resource.namespaced or there.namespace != self.namespace:
                    self.elsewhere.append((there, resource, document["metadata"]["name"]))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The CLI as its users call it."""
        return subprocess.run(_command(CLI, arguments), capture_output=True, text=True, check=False, timeout=600)

    def run_beside(self, log: Path, *arguments: str) -> subprocess.Popen[str]:
        """The same, while the test goes on; all that it says goes to `log`."""
        with log.open("w") as stream:
            return subprocess.Popen(_command(CLI, arguments), stdout=stream, stderr=subprocess.STDOUT, text=True)

    def argo(self, *arguments: str) -> str:
        """Argo's own CLI; what it printed."""
        built = REPOSITORY / "build" / "cluster" / "bin" / "argo"
        command = _command(built if built.exists() else "argo", [*arguments, "-n", self.namespace])
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def run_offline(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A verb that needs no cluster."""
        return subprocess.run([str(CLI), *arguments], capture_output=True, text=True, check=False, timeout=120)

    def record(self, workflow: Mapping[str, Any]) -> Record | None:
        """The run record of a Workflow."""
        name, uid = workflow["metadata"]["name"], workflow["metadata"]["uid"]
        return Record.read(self.cluster, Identity(name, uid, self.namespace))

    def only_workflow(self) -> Object | None:
        found = self.cluster.list(WORKFLOWS)
        return found[0] if found else None

    def left_running(self, before: Collection[str] = ()) -> list[str]:
        """
        What a finished run must not leave: the chain, and pods that still run.

        Args:
            before: holdings that were there before the run, with whatever belongs to them.
        """
        plurals = {resource.plural for resource in OF_CHAINS}
        kept = {one.partition("/")[2] for one in before if one.partition("/")[0] in plurals} | {FORWARDER}
        chain = [one["metadata"]["name"] for resource in OF_CHAINS for one in self.cluster.list(resource)]
        pods = [
            one["metadata"]["name"]
            for one in self.cluster.list(PODS)
            if (one.get("status") or {}).get("phase") not in ("Succeeded", "Failed")
        ]
        return [name for name in chain + pods if not any(name.startswith(one) for one in kept)]

    def holdings(self) -> set[str]:
        """Everything in the namespace that a run or its chain could have made."""
        return {
            f"{resource.plural}/{one['metadata']['name']}"
            for resource in _HELD
            for one in self.cluster.list(resource)
            if one["metadata"]["name"] != _OF_EVERY_NAMESPACE
        }


def _command(program: Path | str, arguments: Sequence[str]) -> list[str]:
    context = os.environ.get("E2E_CONTEXT")
    return [str(program), *arguments, *(["--context", context] if context else [])]


def merge(target: Any, patch: Any) -> Any:
    """JSON merge patch (RFC 7396)."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def as_json(text: str) -> Object:
    """The document on a verb's standard output."""
    document = json.loads(text)
    assert isinstance(document, dict), text
    return document
