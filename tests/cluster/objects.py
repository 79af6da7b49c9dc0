"""Objects of the cluster's own, put there by server-side apply."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import yaml
from kubernetes import config
from kubernetes.client import ApiClient, ApiException
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import ResourceNotFoundError
from tests.cluster.layout import KUBECONFIG

Object = dict[str, Any]
_MANAGER: Final = "validationrun-tests"


def client() -> DynamicClient:
    """As the cluster's administrator."""
    api: ApiClient = config.new_client_from_config(config_file=str(KUBECONFIG))
    return DynamicClient(api)


def apply(objects: Iterable[Object], within: float = 240) -> None:
    """Each in turn; a kind that was defined a moment ago may take a while to be served."""
    dynamic, until = client(), time.monotonic() + within
    for one in objects:
        while True:
            try:
                resource = dynamic.resources.get(api_version=one["apiVersion"], kind=one["kind"])
                dynamic.server_side_apply(
                    resource,
                    body=one,
                    namespace=one["metadata"].get("namespace"),
                    field_manager=_MANAGER,
                    force_conflicts=True,
                )
                break
            except (ResourceNotFoundError, ApiException) as error:
                if time.monotonic() > until or getattr(error, "status", 404) not in (404, 403, 500, 503):
                    raise
                time.sleep(0.3)
                dynamic.resources.invalidate_cache()


def wait(what: str, ready: Callable[[DynamicClient], bool], within: float = 240) -> None:
    """Raises TimeoutError."""
    dynamic, until = client(), time.monotonic() + within
    while not ready(dynamic):
        if time.monotonic() > until:
            raise TimeoutError(f"not within {within:g}s: {what}")
        time.sleep(0.3)


def established(dynamic: DynamicClient, names: Iterable[str]) -> bool:
    """Every one of these resource definitions is served."""
    definitions = dynamic.resources.get(api_version="apiextensions.k8s.io/v1", kind="CustomResourceDefinition")
    found = {one["metadata"]["name"]: one for one in definitions.get().to_dict()["items"]}
    return all(
        any(
            one["type"] == "Established" and one["status"] == "True"
            for one in found.get(name, {}).get("status", {}).get("conditions") or []
        )
        for name in names
    )


def load_all(path: Path) -> list[Object]:
    """The documents of a YAML file."""
    return [one for one in yaml.load_all(path.read_text(), Loader=yaml.CSafeLoader) if one]


def namespace(name: str, **labels: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def outside_service(namespace_: str, name: str, port: int, address: str) -> list[Object]:
    """A Service whose one endpoint is a process of the machine."""
    metadata = {"name": name, "namespace": namespace_}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"ports": [{"name": "web", "port": port}]},
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**metadata, "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
            "ports": [{"name": "web", "port": port, "protocol": "TCP"}],
        },
    ]
