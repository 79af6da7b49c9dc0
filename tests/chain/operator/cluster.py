"""What the operator asks of the API server and tells it; lists are asked once for all objects of a look."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from kubernetes import client

from . import manifests
from .definitions import GROUP, HTTP_CONFLICT, HTTP_NOT_FOUND, VERSION, asked, tolerated
from .objects import API_VERSION, PLURALS, VOLUME_FINALIZER, Manifest, Meta

JSON_PATCH, MERGE_PATCH = "application/json-patch+json", "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"


class ClusterView:
    """`fresh()` begins a look; between two of them a list is asked once and then remembered."""

    def __init__(self, api: client.ApiClient, say: Callable[[str], None]) -> None:
        self._objects = client.CustomObjectsApi(api)
        self._core = client.CoreV1Api(api)
        self._apps = client.AppsV1Api(api)
        self._say = say
        self._seen: dict[tuple[str, str], list[Manifest]] = {}
        self._asking = threading.Lock()
        self.created = 0
        """How many objects since this look began."""

    def fresh(self) -> None:
        self._seen = {}
        self.created = 0

    def of_kind(self, kind: str, namespace: str | None) -> list[Manifest]:
        """Objects of sei.io; namespace None is all."""
        if namespace is None:
            answer = asked(self._objects.list_custom_object_for_all_namespaces, GROUP, VERSION, PLURALS[kind])
        else:
            answer = asked(self._objects.list_namespaced_custom_object, GROUP, VERSION, namespace, PLURALS[kind])
        items: list[Manifest] = answer["items"]
        return items

    def all(self, plural: str, namespace: str) -> list[Manifest]:
        """Pods, Services, claims or StatefulSets. Twenty chains beside each other are no rare sight."""
        listers: dict[str, Callable[..., Any]] = {
            "pods": self._core.list_namespaced_pod,
            "services": self._core.list_namespaced_service,
            "persistentvolumeclaims": self._core.list_namespaced_persistent_volume_claim,
            "statefulsets": self._apps.list_namespaced_stateful_set,
        }
        with self._asking:
            if (plural, namespace) not in self._seen:
                self._seen[plural, namespace] = asked(listers[plural], namespace)["items"]
            return self._seen[plural, namespace]

    def genesis(self, namespace: str, chain_id: str) -> tuple[str, str]:
        """The text and the uid of its owner, both empty where there is none, or none any more."""
        with tolerated(HTTP_NOT_FOUND):
            found = asked(self._core.read_namespaced_config_map, manifests.genesis_name(chain_id), namespace)
            owners = found["metadata"].get("ownerReferences") or [{"uid": ""}]
            return found["data"][manifests.GENESIS_KEY], owners[0]["uid"]
        return "", ""

    def create(self, meta: Meta, body: Manifest) -> None:
        """For the object with this metadata. What is there already stays as it is."""
        creators: dict[str, Callable[..., object]] = {
            "ConfigMap": self._core.create_namespaced_config_map,
            "PersistentVolumeClaim": self._core.create_namespaced_persistent_volume_claim,
            "Service": self._core.create_namespaced_service,
            "StatefulSet": self._apps.create_namespaced_stateful_set,
        }
        with tolerated(HTTP_CONFLICT):
            if body["apiVersion"] == API_VERSION:
                self._objects.create_namespaced_custom_object(
                    GROUP, VERSION, meta.namespace, PLURALS[body["kind"]], body, field_validation="Strict"
                )
            else:
                creators[body["kind"]](meta.namespace, body)
            self.created += 1
            self._say(f"{meta.where}: created {body['kind']} {body['metadata']['name']}")

    def patch(self, meta: Meta, patch: Mapping[str, Any]) -> None:
        """A merge patch of an object of sei.io."""
        with tolerated(HTTP_NOT_FOUND):
            self._objects.patch_namespaced_custom_object(
                GROUP, VERSION, meta.namespace, PLURALS[meta.kind], meta.name, patch, _content_type=MERGE_PATCH
            )

    def set_finalizers(self, meta: Meta, finalizers: list[str]) -> None:
        self.patch(meta, {"metadata": {"finalizers": finalizers}})

    def delete_claim(self, meta: Meta, name: str) -> None:
        """By its name, whoever owns it, as the real one does."""
        with tolerated(HTTP_NOT_FOUND):
            self._core.delete_namespaced_persistent_volume_claim(name, meta.namespace)

    def leaving_claims(self, namespace: str | None) -> list[Manifest]:
        """The claims of ours that were deleted; namespace None is all."""
        if namespace is None:
            items = asked(self._core.list_persistent_volume_claim_for_all_namespaces)["items"]
        else:
            items = self.all("persistentvolumeclaims", namespace)
        return [
            item
            for item in items
            if item["metadata"].get("deletionTimestamp") and VOLUME_FINALIZER in item["metadata"].get("finalizers", [])
        ]

    def release_claim(self, claim: Manifest) -> None:
        metadata = claim["metadata"]
        left = [one for one in metadata["finalizers"] if one != VOLUME_FINALIZER]
        with tolerated(HTTP_NOT_FOUND):
            self._core.patch_namespaced_persistent_volume_claim(
                metadata["name"], metadata["namespace"], {"metadata": {"finalizers": left}}, _content_type=MERGE_PATCH
            )
            self._say(f"{metadata['namespace']}/{metadata['name']}: gone")

    def set_owners(self, meta: Meta, owners: list[Mapping[str, Any]]) -> None:
        self.patch(meta, {"metadata": {"ownerReferences": owners}})

    def orphan_core(self, meta: Meta, kind: str, name: str) -> None:
        """A Service or ConfigMap of nobody's any more."""
        patchers: dict[str, Callable[..., object]] = {
            "ConfigMap": self._core.patch_namespaced_config_map,
            "Service": self._core.patch_namespaced_service,
        }
        with tolerated(HTTP_NOT_FOUND):
            patch = {"metadata": {"ownerReferences": None}}
            patchers[kind](name, meta.namespace, patch, _content_type=MERGE_PATCH)

    def reimage_pods(self, meta: Meta, image: str) -> None:
        """Of a node's StatefulSet."""
        containers = [{"name": manifests.CONTAINER, "image": image}]
        patch = {"spec": {"template": {"spec": {"containers": containers}}}}
        self._apps.patch_namespaced_stateful_set(meta.name, meta.namespace, patch, _content_type=STRATEGIC_PATCH)
        self._say(f"{meta.where} runs {image}")

    def write_status(self, meta: Meta, before: Mapping[str, Any], status: Mapping[str, Any]) -> None:
        if status == before:
            return
        with tolerated(HTTP_NOT_FOUND):
            # A JSON patch: a merge would keep fields that are gone.
            patch = [{"op": "add", "path": "/status", "value": status}]
            self._objects.patch_namespaced_custom_object_status(
                GROUP, VERSION, meta.namespace, PLURALS[meta.kind], meta.name, patch, _content_type=JSON_PATCH
            )
            if status.get("phase") != before.get("phase"):
                self._say(f"{meta.kind} {meta.where}: {status.get('phase')}")


def owned(items: list[Manifest], uid: str) -> dict[str, Manifest]:
    """By name, those that this uid owns."""
    return {
        item["metadata"]["name"]: item
        for item in items
        if any(owner["uid"] == uid for owner in item["metadata"].get("ownerReferences") or [])
    }


def has_started(pod: Manifest) -> bool:
    """The container runs; whether it is ready or serves is not asked."""
    if "deletionTimestamp" in pod["metadata"]:
        return False
    statuses = (pod.get("status") or {}).get("containerStatuses") or []
    return any(status["name"] == manifests.CONTAINER and "running" in status["state"] for status in statuses)
