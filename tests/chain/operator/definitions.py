"""The kinds of sei.io on a cluster, as `definitions.yaml` has them."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client, config

from .objects import PLURALS, Manifest

FILE = Path(__file__).with_name("definitions.yaml")
GROUP, VERSION = "sei.io", "v1alpha1"
ESTABLISH_SECONDS = 30
HTTP_NOT_FOUND, HTTP_CONFLICT = 404, 409
SUM = "stand-in/sha256"
"""Annotation: of what the definition was made from."""
GENERATED = "controller-gen.kubebuilder.io/version"
"""Annotation of the real ones, which stay as they are."""


def connect(kubeconfig: str | None, context: str | None) -> client.ApiClient:
    """The cluster of that file; without one as kubectl finds it."""
    made: client.ApiClient = config.new_client_from_config(config_file=kubeconfig, context=context)  # type: ignore[no-untyped-call]
    return made


def definitions() -> list[Manifest]:
    """A CustomResourceDefinition for each kind."""
    return [_definition(entry) for entry in yaml.safe_load(FILE.read_text())["definitions"]]


def _definition(entry: Manifest) -> Manifest:
    kind, plural = entry["kind"], PLURALS[entry["kind"]]
    schema = {"type": "object", "required": ["spec"], "properties": {"spec": entry["spec"], "status": entry["status"]}}
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": entry["columns"],
        "schema": {"openAPIV3Schema": schema},
    }
    names = {
        "kind": kind,
        "listKind": f"{kind}List",
        "plural": plural,
        "singular": kind.lower(),
        "shortNames": [entry["short"]],
    }
    digest = hashlib.sha256(json.dumps(entry, sort_keys=True).encode()).hexdigest()
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}", "annotations": {SUM: digest}},
        "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]},
    }


def install_crds(api: client.ApiClient) -> None:
    """Create the definitions, or replace those of another day, and wait until they are served; real ones stay as they are."""
    extensions = client.ApiextensionsV1Api(api)
    for body in definitions():
        with tolerated(HTTP_CONFLICT):
            _install(extensions, body)
    for body in definitions():
        _await_established(extensions, body["metadata"]["name"])


def _install(extensions: client.ApiextensionsV1Api, body: Manifest) -> None:
    name = body["metadata"]["name"]
    try:
        found = asked(extensions.read_custom_resource_definition, name)
    except client.ApiException as error:
        if error.status != HTTP_NOT_FOUND:
            raise
        extensions.create_custom_resource_definition(body)
        return
    annotations = found["metadata"].get("annotations") or {}
    if GENERATED not in annotations and annotations.get(SUM) != body["metadata"]["annotations"][SUM]:
        version = found["metadata"]["resourceVersion"]
        extensions.replace_custom_resource_definition(
            name, {**body, "metadata": {**body["metadata"], "resourceVersion": version}}
        )


def _await_established(extensions: client.ApiextensionsV1Api, name: str) -> None:
    deadline = time.monotonic() + ESTABLISH_SECONDS
    while time.monotonic() < deadline:
        found = asked(extensions.read_custom_resource_definition, name)
        # Another process may have made it this moment: then nobody has looked at it yet.
        seen = (found.get("status") or {}).get("conditions") or []
        if any(entry["type"] == "Established" and entry["status"] == "True" for entry in seen):
            return
        time.sleep(0.2)
    raise TimeoutError(f"{name} was not established in {ESTABLISH_SECONDS} s")


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
