"""
Views of the API server's objects: the fields that the steps and the verbs read, with their types.

A view keeps the whole object, because what is written back must lose no field. It copes with every field that may be absent.
A view is a struct: to define a dataclass takes a step more than a millisecond, and every step has these.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from msgspec import Struct

from validationrun.kube.api_server import Object


class Owner(Struct, frozen=True):
    """An owner reference."""

    kind: str
    name: str
    uid: str


class KubeObject(Struct, frozen=True):
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
        """Empty for an object that the API server has not created."""
        return str(self.object["metadata"].get("uid") or "")

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
    def deleted(self) -> str:
        """Since when it is being deleted, RFC 3339; empty while it is not."""
        return str(self.object["metadata"].get("deletionTimestamp") or "")

    @property
    def finalizers(self) -> Sequence[str]:
        return self.object["metadata"].get("finalizers") or []

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


class Node(Struct, frozen=True):
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
            started=_moment(node.get("startedAt")),
            finished=_moment(node.get("finishedAt")),
            parameters={str(entry.get("name")): str(entry.get("value") or "") for entry in outputs},
        )


def _moment(written: object) -> str | None:
    """A time with its zone; None for what is none, because whoever may write a Workflow's status can write anything there."""
    try:
        moment = dt.datetime.fromisoformat(str(written))
    except ValueError:
        return None
    return str(written) if moment.tzinfo is not None else None


class Workflow(KubeObject, frozen=True):
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
        """RFC 3339; None also for what is no time."""
        return _moment(self.status.get("startedAt"))

    @property
    def finished(self) -> str | None:
        """RFC 3339; None also for what is no time."""
        return _moment(self.status.get("finishedAt"))

    @property
    def deadline_seconds(self) -> float:
        """Its own, or that of Argo's copy of the WorkflowTemplate; 0 for none."""
        stored = self.status.get("storedWorkflowTemplateSpec") or {}
        return float(self.spec.get("activeDeadlineSeconds") or stored.get("activeDeadlineSeconds") or 0)

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


class WorkflowTemplate(KubeObject, frozen=True):
    """A WorkflowTemplate of Argo."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of its parameters."""
        return tuple(entry["name"] for entry in (self.spec.get("arguments") or {}).get("parameters") or [])

    def mounted_config_maps(self, volume: str) -> list[str]:
        """The ConfigMaps that it, or its templates, mount by a volume of this name."""
        return [
            entry["configMap"]["name"]
            for holder in (self.spec, *(self.spec.get("templates") or []))
            for entry in holder.get("volumes") or []
            if entry.get("name") == volume
        ]


class Condition(Struct, frozen=True):
    """A condition of an object's status."""

    type: str
    status: str
    reason: str
    message: str

    @classmethod
    def all_of(cls, status: Mapping[str, Any]) -> list[Self]:
        return [
            cls(
                type=str(entry.get("type")),
                status=str(entry.get("status")),
                reason=str(entry.get("reason") or ""),
                message=str(entry.get("message") or ""),
            )
            for entry in status.get("conditions") or []
        ]


class ContainerStatus(Struct, frozen=True):
    """
    The status of one container.

    Attributes:
        state: `waiting`, `running`, `terminated` or `unknown`.
        reason, message, exit_code, started, finished: of that state, as far as it has them; times in RFC 3339.
        image_id: the resolved image, as the container runtime writes it; empty before it is known.
        last_exit_code, last_reason: of the container that this one replaced, None when it is the first one.
    """

    name: str
    state: str
    reason: str | None
    message: str | None
    exit_code: int | None
    started: str | None
    finished: str | None
    restarts: int
    image_id: str = ""
    last_exit_code: int | None = None
    last_reason: str | None = None

    @classmethod
    def of(cls, status: Mapping[str, Any]) -> Self:
        states = status.get("state") or {}
        last = (status.get("lastState") or {}).get("terminated") or {}
        state = next(iter(states), "unknown")
        details = states.get(state) or {}
        return cls(
            name=str(status.get("name")),
            state=state,
            reason=details.get("reason"),
            message=details.get("message"),
            exit_code=details.get("exitCode"),
            started=details.get("startedAt"),
            finished=details.get("finishedAt"),
            restarts=status.get("restartCount") or 0,
            image_id=str(status.get("imageID") or ""),
            last_exit_code=last.get("exitCode"),
            last_reason=last.get("reason"),
        )


class Pod(KubeObject, frozen=True):
    """A pod."""

    @property
    def phase(self) -> str:
        return str(self.status.get("phase") or "")

    @property
    def reason(self) -> str | None:
        reason: str | None = self.status.get("reason")
        return reason

    @property
    def message(self) -> str | None:
        message: str | None = self.status.get("message")
        return message

    @property
    def node(self) -> str | None:
        node: str | None = self.spec.get("nodeName")
        return node

    @property
    def conditions(self) -> list[Condition]:
        return Condition.all_of(self.status)

    @property
    def init_containers(self) -> list[ContainerStatus]:
        return [ContainerStatus.of(entry) for entry in self.status.get("initContainerStatuses") or []]

    @property
    def containers(self) -> list[ContainerStatus]:
        """Without the init containers."""
        return [ContainerStatus.of(entry) for entry in self.status.get("containerStatuses") or []]

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


class Event(Struct, frozen=True):
    """
    An event about an object.

    Attributes:
        at: when it happened last, RFC 3339; empty when it is unknown.
        count: how often it happened.
    """

    at: str
    type: str
    reason: str
    message: str
    count: int

    @classmethod
    def all(cls, events: Iterable[Object]) -> list[Self]:
        return [
            cls(
                at=str(
                    event.get("lastTimestamp")
                    or event.get("eventTime")
                    or (event.get("metadata") or {}).get("creationTimestamp")
                    or ""
                ),
                type=str(event.get("type") or ""),
                reason=str(event.get("reason") or ""),
                message=str(event.get("message") or ""),
                count=event.get("count") or 1,
            )
            for event in events
        ]
