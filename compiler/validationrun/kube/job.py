"""A view of a Job of Kubernetes, as of the other objects in `objects.py`."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

from msgspec import Struct

from validationrun.kube.objects import KubeObject


class Variable(Struct, frozen=True):
    """
    A variable of a container's `env`.

    Attributes:
        value: empty when a source gives it.
    """

    name: str
    value: str
    has_source: bool


class Container(Struct, frozen=True):
    """
    The container of a Job's pods.

    Attributes:
        command: None for the image's own entrypoint.
        has_variables_from: it takes all variables of a ConfigMap or Secret.
        read_only: it may write to its volumes only.
    """

    image: str
    command: Sequence[str] | None
    args: Sequence[str]
    variables: Sequence[Variable]
    has_variables_from: bool
    read_only: bool

    @classmethod
    def of(cls, container: Mapping[str, Any]) -> Self:
        return cls(
            image=container["image"],
            command=container.get("command"),
            args=container.get("args") or [],
            variables=[
                Variable(entry["name"], str(entry.get("value") or ""), "valueFrom" in entry)
                for entry in container.get("env") or []
            ],
            has_variables_from=bool(container.get("envFrom")),
            read_only=bool((container.get("securityContext") or {}).get("readOnlyRootFilesystem")),
        )


class Job(KubeObject, frozen=True):
    """A Job of Kubernetes."""

    @property
    def condition(self) -> str:
        """`Complete`, `Failed`, or empty while the Job is not over."""
        for condition in self.status.get("conditions") or []:
            if condition.get("type") in ("Complete", "Failed") and condition.get("status") == "True":
                return str(condition["type"])
        return ""

    @property
    def ends(self) -> list[str]:
        """When it completed or failed, RFC 3339; more than one time when its status names several."""
        times = [self.status.get("completionTime")]
        times += [
            condition.get("lastTransitionTime")
            for condition in self.status.get("conditions") or []
            if condition.get("type") == "Failed"
        ]
        return [str(time) for time in times if time]

    @property
    def grace_seconds(self) -> float | None:
        """How long its pods may take to terminate; None when it leaves that to Kubernetes."""
        seconds = self.pod_spec.get("terminationGracePeriodSeconds")
        return None if seconds is None else float(seconds)

    @property
    def pod_spec(self) -> Mapping[str, Any]:
        spec: Mapping[str, Any] = self.spec["template"]["spec"]
        return spec

    @property
    def container(self) -> Container:
        """The first container of its pods."""
        return Container.of(self.pod_spec["containers"][0])

    @property
    def user(self) -> str:
        """`uid` or `uid:gid` by its container's security context, or else its pods'; empty when neither says it."""
        own = self.pod_spec["containers"][0].get("securityContext") or {}
        context = {**(self.pod_spec.get("securityContext") or {}), **own}
        if "runAsUser" not in context:
            return ""
        group = context.get("runAsGroup")
        return str(context["runAsUser"]) + ("" if group is None else f":{group}")

    def all_indexes_complete(self, replicas: int) -> bool:
        """
        Confirms exit code 0: the Job is Complete with every index, and nobody lowered its completions.

        A Job whose completions were lowered becomes Complete without a single success.
        """
        indexes = f"0-{replicas - 1}" if replicas > 2 else ",".join(map(str, range(replicas)))  # noqa: PLR2004 - Kubernetes writes two as "0,1"
        return bool(
            self.condition == "Complete"
            and self.spec.get("completions") == replicas
            and self.status.get("succeeded") == replicas
            and self.status.get("completedIndexes") == indexes
        )
