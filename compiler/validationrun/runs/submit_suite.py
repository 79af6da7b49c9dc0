"""Starts suites: applies what was compiled of a suite and of its members, and creates its Workflow."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from validationrun.base import conventions
from validationrun.contract.bundle import BundleError
from validationrun.contract.new_workflow import new_workflow
from validationrun.contract.suite_json import read_suite
from validationrun.kube.cluster import CONFIG_MAPS, WORKFLOW_TEMPLATES, Cluster
from validationrun.kube.objects import Workflow, WorkflowTemplate
from validationrun.runs.submit import (
    Refused,
    Rehearsed,
    Sleep,
    Template,
    apply_compiled,
    objects,
    rehearse_compiled,
    rehearse_workflow,
    require_argo,
    start,
)

if TYPE_CHECKING:
    from validationrun.compiling.pipeline import Compiled


def submit_suite(
    cluster: Cluster,
    suite: "Compiled[Any]",
    runs: "Sequence[Compiled[Any]]",
    instance_id: str = "",
    sleep: Sleep = time.sleep,
) -> str:
    """
    Applies the members' bundles and templates, then the suite's, and creates its Workflow; returns the Workflow's name.

    Args:
        runs: every run of the suite, compiled together with it.

    Raises:
        Refused: another manager owns fields of a template.
        ClusterError: the API server refused, or did not answer.
    """
    body = suite_workflow(suite, instance_id)
    require_argo(cluster)
    for compiled in (*runs, suite):
        apply_compiled(cluster, compiled)
    return start(cluster, body, sleep)


def rehearse_suite(
    cluster: Cluster, suite: "Compiled[Any]", runs: "Sequence[Compiled[Any]]", instance_id: str = ""
) -> list[Rehearsed]:
    """`submit_suite` as a server-side dry run: the API server checks every object and keeps none."""
    body = suite_workflow(suite, instance_id)
    require_argo(cluster)
    found = [rehearsed for compiled in (*runs, suite) for rehearsed in rehearse_compiled(cluster, compiled)]
    return [*found, rehearse_workflow(cluster, body)]


def suite_workflow(suite: "Compiled[Any]", instance_id: str = "") -> Workflow:
    """The Workflow that `submit_suite` creates."""
    (bundle,) = objects(suite, "bundle.yaml")
    digest = bundle.annotations[conventions.ANNOTATION_BUNDLE_HASH]
    return new_workflow(suite.plan.name, suite.plan.namespace, digest, {}, instance_id, suite=True)


def refuse_incomplete(cluster: Cluster, template: Template) -> None:
    """
    Looks at the templates of the members of a suite that the cluster holds.

    Raises:
        Refused: one is missing, or was compiled at another time.
    """
    found = cluster.get(CONFIG_MAPS, template.bundle) or {}
    try:
        suite = read_suite(found.get("data") or {})
    except BundleError as error:
        raise Refused(f"ConfigMap {template.bundle} of suite {template.name}: {error}") from None
    for run, digest in {member.run: member.bundle_hash for member in suite.members}.items():
        held = cluster.get(WORKFLOW_TEMPLATES, run)
        if held is None:
            raise Refused(f"suite {template.name} needs WorkflowTemplate {run}, which is not in {cluster.namespace}")
        if WorkflowTemplate(held).annotations.get(conventions.ANNOTATION_BUNDLE_HASH) != digest:
            raise Refused(
                f"WorkflowTemplate {run} has another bundle than suite {template.name} expects: compile both together"
            )
