"""CronWorkflow of Argo, as the verbs read it."""

from collections.abc import Sequence

from validationrun.kube.objects import Condition, KubeObject


class CronWorkflow(KubeObject, frozen=True):
    """A CronWorkflow; its text may have been edited by hand."""

    @property
    def schedules(self) -> tuple[str, ...]:
        """The cron expressions."""
        return tuple(str(text) for text in self.spec.get("schedules") or [])

    @property
    def timezone(self) -> str:
        return str(self.spec.get("timezone") or "UTC")

    @property
    def suspended(self) -> bool:
        return self.spec.get("suspend") is True

    @property
    def template(self) -> str:
        """The name of the WorkflowTemplate that its Workflows run; empty for none."""
        return str(((self.spec.get("workflowSpec") or {}).get("workflowTemplateRef") or {}).get("name") or "")

    @property
    def last_scheduled(self) -> str | None:
        """When it last started a Workflow, RFC 3339."""
        time: str | None = self.status.get("lastScheduledTime")
        return time

    @property
    def stopped(self) -> bool:
        """Argo stopped it by its `stopStrategy`."""
        return self.status.get("phase") == "Stopped"

    @property
    def faults(self) -> Sequence[str]:
        """What Argo says that keeps it from starting Workflows."""
        return [condition.message for condition in Condition.all_of(self.status) if condition.status == "True"]
