"""Whether Argo ran the bundle that was submitted, by the annotation that `submit` and CronWorkflows write on a Workflow."""

from validationrun.base import conventions
from validationrun.kube.objects import Workflow


def other_bundle(workflow: Workflow, bundle_hash: str) -> str:
    """
    Why what ran is not what was submitted; empty when it is, or when nobody wrote what was submitted.

    Args:
        bundle_hash: of the template that Argo ran.
    """
    submitted = workflow.annotations.get(conventions.ANNOTATION_BUNDLE_HASH)
    if submitted is None or submitted == bundle_hash:
        return ""
    return f"submitted with bundle {submitted[:8]}, but Argo ran the template of {bundle_hash[:8]}"
