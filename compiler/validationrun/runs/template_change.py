"""What an apply changes of an object that the cluster has, and the one change that a suite does not survive."""

from validationrun.base import conventions
from validationrun.kube.cluster import WORKFLOW_TEMPLATES, Cluster, ForbiddenError
from validationrun.kube.objects import KubeObject, WorkflowTemplate


def change_of(before: KubeObject | None, after: KubeObject) -> str:
    """`created`, `changed` or `unchanged`."""
    if before is None:
        return "created"
    old, new = ((found.object.get("spec"), found.labels, found.annotations) for found in (before, after))
    return "unchanged" if old == new else "changed"


def taken_from_suite(cluster: Cluster, template: KubeObject) -> str:
    """
    Why the template must not be applied: a suite starts the one of its name, and the run was compiled without that suite.

    Empty when it may be, and when this account may not read templates, so that nobody can tell.
    """
    name, suite = template.name, conventions.PARAM_SUITE
    try:
        found = cluster.get(WORKFLOW_TEMPLATES, name)
    except ForbiddenError:
        return ""
    if found is None or suite not in WorkflowTemplate(found).parameters:
        return ""
    if suite in WorkflowTemplate(template.object).parameters:
        return ""
    return (
        f"a suite starts runs of WorkflowTemplate {name} in namespace {cluster.namespace}, and the run of this file was compiled "
        f"without the suite: applied, it would lose the parameter `{suite}`, and the suite could not start it any more. Submit the "
        "file of the suite, with this run in it, or give the run another name; to start one run of what is there: "
        f"`validationrun submit --from {name} -n {cluster.namespace}`. If no suite starts it any more, delete the WorkflowTemplate first"
    )
