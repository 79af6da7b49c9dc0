"""A view of a Job of Kubernetes, as of the other objects in `objects.py`."""

from dataclasses import dataclass

from validationrun.kube.objects import KubeObject


@dataclass(frozen=True, slots=True)
class Job(KubeObject):
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
        seconds = self.spec["template"]["spec"].get("terminationGracePeriodSeconds")
        return None if seconds is None else float(seconds)

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
