"""The Workflow object of a new run or suite."""

from collections.abc import Mapping, Sequence
from typing import Any

from validationrun.base import conventions
from validationrun.contract.override import Override, overrides_text
from validationrun.kube.objects import Workflow


def new_workflow(
    name: str,
    namespace: str,
    digest: str,
    parameters: Mapping[str, str],
    instance_id: str,
    overridden: Sequence[Override] = (),
    *,
    suite: bool = False,
) -> Workflow:
    """
    The thin Workflow of one run, or of one suite; its template holds everything else.

    Args:
        digest: hash of this run's bundle; finalize refuses to judge another bundle.
        overridden: the parameters that differ from the compiled values.
        suite: it is a suite's own Workflow, and `name` is the suite's.
    """
    metadata: dict[str, Any] = {
        "generateName": f"{name}-",
        "namespace": namespace,
        # Argo adds this label too, but only once it has seen the Workflow.
        "labels": {conventions.LABEL_MANAGED_BY: conventions.MANAGED_BY},
        "annotations": {conventions.ANNOTATION_BUNDLE_HASH: digest},
    }
    if suite:
        metadata["labels"][conventions.LABEL_SUITE] = name
    if overridden:
        metadata["labels"][conventions.LABEL_OVERRIDDEN] = "true"
        metadata["annotations"][conventions.ANNOTATION_OVERRIDDEN] = overrides_text(overridden)
    if instance_id:
        metadata["labels"][conventions.LABEL_INSTANCE_ID] = instance_id
    spec: dict[str, Any] = {"workflowTemplateRef": {"name": name}}
    if parameters:
        values = [{"name": key, "value": value} for key, value in parameters.items()]
        spec["arguments"] = {"parameters": values}
    head = {"apiVersion": conventions.ARGO_API_VERSION, "kind": "Workflow"}
    return Workflow({**head, "metadata": metadata, "spec": spec})
