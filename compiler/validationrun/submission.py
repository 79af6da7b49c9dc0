"""A compiled run -> objects on a cluster, and a Workflow that runs them."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from validationrun import conventions
from validationrun.canonical import bundle_hash
from validationrun.cluster import (
    CONFIG_MAPS,
    WORKFLOW_TEMPLATES,
    WORKFLOWS,
    AlreadyExistsError,
    Cluster,
    ConflictError,
    Object,
)
from validationrun.emit.bundle import plan_document
from validationrun.load.plain import read_plain
from validationrun.pipeline import Compiled
from validationrun.runner.values import ParameterError, effective_parameters

_MOST_NODES: Final = 1_000_000
_DEEPEST: Final = 200
_TRIES: Final = 5
_LOOKS: Final = 25
_LOOK_SECONDS: Final = 0.2


class Refused(Exception):  # noqa: N818 - a fact about the request, not a fault
    """The cluster, or a parameter, does not allow this run; the message says what to do."""


def objects(compiled: Compiled, file: str) -> list[Object]:
    """The objects of one compiled file, as the API server gets them."""
    text = next(one.text for one in compiled.files if one.name == file)
    documents = read_plain(text, _MOST_NODES, _DEEPEST)
    if documents is None:
        raise ValueError(f"{file} is not what the compiler writes")
    return documents


def submit(
    cluster: Cluster,
    compiled: Compiled,
    parameters: Mapping[str, str],
    instance_id: str = "",
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """
    Creates the bundle, applies the template, creates a Workflow; returns the Workflow's name.

    Raises:
        Refused: a parameter does not fit, or somebody else owns the template's fields.
        ClusterError: the API server said no.
    """
    try:
        given = effective_parameters(plan_document(compiled.plan), parameters)
    except ParameterError as error:
        raise Refused(f"--set {error}") from None
    (bundle,) = objects(compiled, "bundle.yaml")
    (template,) = objects(compiled, "workflowtemplate.yaml")
    _create_bundle(cluster, bundle)
    _apply_template(cluster, template)
    digest = bundle["metadata"]["annotations"][conventions.ANNOTATION_BUNDLE_HASH]
    body = workflow(compiled.plan.name, cluster.namespace, digest, given, instance_id)
    for _ in range(_TRIES):
        name = str(cluster.create(WORKFLOWS, body)["metadata"]["name"])
        if not _began_with_another_template(cluster, name, digest, sleep):
            return name
        cluster.delete(WORKFLOWS, name)
    raise Refused(f"Argo keeps reading an older WorkflowTemplate {compiled.plan.name}; is its controller healthy?")


def _began_with_another_template(cluster: Cluster, name: str, digest: str, sleep: Callable[[float], None]) -> bool:
    """
    Argo reads templates from a cache: a Workflow made at once may begin with the template of before, or find none.

    A run that has not begun within some seconds is left to begin later, when the cache is fresh; finalize compares again.
    """
    for _ in range(_LOOKS):
        status = (cluster.get(WORKFLOWS, name) or {}).get("status") or {}
        stored = status.get("storedWorkflowTemplateSpec")
        if stored is not None:
            return digest not in json.dumps(stored)
        if status.get("phase") == "Error" and "not found" in str(status.get("message")):
            return True
        sleep(_LOOK_SECONDS)
    return False


def workflow(name: str, namespace: str, digest: str, parameters: Mapping[str, str], instance_id: str) -> Object:
    """
    The thin Workflow of one run; all else stands in its template.

    Args:
        digest: of the bundle that this run is about; finalize refuses to judge another.
    """
    metadata: Object = {
        "generateName": f"{name}-",
        "namespace": namespace,
        # Argo puts it on too, but only once it has seen the Workflow.
        "labels": {conventions.LABEL_MANAGED_BY: conventions.MANAGED_BY},
        "annotations": {conventions.ANNOTATION_BUNDLE_HASH: digest},
    }
    if instance_id:
        metadata["labels"][conventions.LABEL_INSTANCE_ID] = instance_id
    spec: dict[str, Any] = {"workflowTemplateRef": {"name": name}}
    if parameters:
        values = [{"name": key, "value": value} for key, value in parameters.items()]
        spec["arguments"] = {"parameters": values}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": metadata, "spec": spec}


def _create_bundle(cluster: Cluster, bundle: Object) -> None:
    """Named by its content, so one that is there already is as good as a new one, if it really holds that."""
    name = bundle["metadata"]["name"]
    try:
        cluster.create(CONFIG_MAPS, bundle)
    except AlreadyExistsError:
        found = cluster.get(CONFIG_MAPS, name) or {}
        if (
            bundle_hash(found.get("data") or {})
            != bundle["metadata"]["annotations"][conventions.ANNOTATION_BUNDLE_HASH]
        ):
            raise Refused(f"ConfigMap {name} exists with other content; delete it and submit again") from None


def _apply_template(cluster: Cluster, template: Object) -> None:
    try:
        cluster.apply(WORKFLOW_TEMPLATES, template)
    except ConflictError as error:
        name = template["metadata"]["name"]
        message = (
            f"WorkflowTemplate {name} is managed by somebody else, such as a GitOps controller ({error}); "
            f"run what it applied with `kubectl create`: generateName {name}-, workflowTemplateRef {name}"
        )
        raise Refused(message) from None
