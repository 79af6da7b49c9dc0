"""
Views of the API server's objects: the fields that the steps and the verbs read, with their types.

A view keeps the whole object, because what is written back must lose no field. It copes with every field that may be absent.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from validationrun.kube.api_server import Object


@dataclass(frozen=True, slots=True)
class Owner:
    """An owner reference."""

    kind: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class KubeObject:
    """Any object; `object` is all of it."""

    object: Object

    @classmethod
    def all(cls, objects: Iterable[Object]) -> list[Self]:
        return [cls(found) for found in objects]

    @property
    def name(self) -> str:
        return str(self.object["metadata"]["name"])

    @property
    def namespace(self) -> str:
        return str(self.object["metadata"]["namespace"])

    @property
    def uid(self) -> str:
        return str(self.object["metadata"]["uid"])

    @property
    def labels(self) -> Mapping[str, str]:
        return self.object["metadata"].get("labels") or {}

    @property
    def annotations(self) -> Mapping[str, str]:
        return self.object["metadata"].get("annotations") or {}

    @property
    def created(self) -> str:
        """RFC 3339; empty when it is unknown."""
        return str(self.object["metadata"].get("creationTimestamp") or "")

    @property
    def owners(self) -> list[Owner]:
        references = self.object["metadata"].get("ownerReferences") or []
        return [Owner(str(owner.get("kind")), str(owner.get("name")), str(owner.get("uid"))) for owner in references]

    def is_owned_by(self, uid: str) -> bool:
        """Whether it has an owner reference to this UID. Names do not count."""
        return any(owner.uid == uid for owner in self.owners)

    @property
    def spec(self) -> Mapping[str, Any]:
        return self.object.get("spec") or {}

    @property
    def status(self) -> Mapping[str, Any]:
        return self.object.get("status") or {}


@dataclass(frozen=True, slots=True)
class Node:
    """A node of a Workflow in Argo's status: an attempt of a step, or what stands for all of its attempts."""

    template: str
    type: str
    phase: str
    message: str
    started: str | None
    finished: str | None
    parameters: Mapping[str, str]
    """Output parameters."""

    @classmethod
    def of(cls, node: Mapping[str, Any]) -> Self:
        outputs = (node.get("outputs") or {}).get("parameters") or []
        return cls(
            template=str(node.get("templateName") or ""),
            type=str(node.get("type") or ""),
            phase=str(node.get("phase") or ""),
            message=str(node.get("message") or ""),
            started=node.get("startedAt"),
            finished=node.get("finishedAt"),
            parameters={str(entry.get("name")): str(entry.get("value") or "") for entry in outputs},
        )


@dataclass(frozen=True, slots=True)
class Workflow(KubeObject):
    """A Workflow of Argo."""

    @property
    def template(self) -> str:
        """The name of the WorkflowTemplate that it runs; empty for none."""
        return str((self.spec.get("workflowTemplateRef") or {}).get("name") or "")

    @property
    def parameters(self) -> Mapping[str, str]:
        """The arguments that have a value."""
        arguments = (self.spec.get("arguments") or {}).get("parameters") or []
        return {entry["name"]: entry["value"] for entry in arguments if "value" in entry}

    @property
    def phase(self) -> str:
        """Argo's phase; empty before the controller has seen it."""
        return str(self.status.get("phase") or "")

    @property
    def message(self) -> str:
        return str(self.status.get("message") or "")

    @property
    def started(self) -> str | None:
        """RFC 3339."""
        started: str | None = self.status.get("startedAt")
        return started

    @property
    def finished(self) -> str | None:
        """RFC 3339."""
        finished: str | None = self.status.get("finishedAt")
        return finished

    @property
    def waits_for_lock(self) -> bool:
        synchronization = self.status.get("synchronization") or {}
        return any((synchronization.get(kind) or {}).get("waiting") for kind in ("mutex", "semaphore"))

    @property
    def nodes(self) -> list[Node]:
        """The nodes that stand in the object itself, neither compressed nor in Argo's database."""
        return [Node.of(node) for node in (self.status.get("nodes") or {}).values()]

    @property
    def stored_templates(self) -> list[str]:
        """The names of the templates that Argo runs, by its copy of the WorkflowTemplate; empty before it has one."""
        stored = (self.status.get("storedWorkflowTemplateSpec") or {}).get("templates") or []
        return [str(entry.get("name")) for entry in stored]


@dataclass(frozen=True, slots=True)
class WorkflowTemplate(KubeObject):
    """A WorkflowTemplate of Argo."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of its parameters."""
        return tuple(entry["name"] for entry in (self.spec.get("arguments") or {}).get("parameters") or [])

    def mounted_config_maps(self, volume: str) -> list[str]:
        """The ConfigMaps that its templates mount by a volume of this name."""
        return [
            entry["configMap"]["name"]
            for template in self.spec.get("templates") or []
            for entry in template.get("volumes") or []
            if entry.get("name") == volume
        ]


@dataclass(frozen=True, slots=True)
class Pod(KubeObject):
    """A pod."""

    def arguments(self, container: str) -> Sequence[str]:
        """The arguments of one of its containers; empty when it has no such container."""
        for entry in self.spec.get("containers") or []:
            if entry.get("name") == container:
                return entry.get("args") or []
        return []

    def number(self, annotation: str) -> int:
        """A number in an annotation; -1 for none."""
        text = self.annotations.get(annotation, "")
        return int(text) if text.isdigit() else -1
