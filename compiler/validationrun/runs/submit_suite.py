"""Starts suites: applies what was compiled of a suite and of its members, and creates its Workflow."""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from validationrun.base import conventions
from validationrun.base.hashing import bundle_hash
from validationrun.contract.bundle import BundleError
from validationrun.contract.new_workflow import new_workflow
from validationrun.contract.parameters import ParameterError
from validationrun.contract.suite_choice import ChoiceError, choice_override, chosen_members
from validationrun.contract.suite_json import SuiteDocument, read_suite
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


def held_suite(cluster: Cluster, template: Template, parameters: Mapping[str, str]) -> Workflow:
    """
    A Workflow of a suite, from a template on the cluster whose members' templates are there too.

    Args:
        parameters: none, or `only` with the names of the members that run.

    Raises:
        Refused: the bundle, or a template of a member, is missing, or was compiled at another time.
        ParameterError: there is no such parameter, or it does not name members.
    """
    suite = _held_document(cluster, template)
    given = {name: value for name, value in parameters.items() if value}
    unknown = next((name for name in given if name not in template.parameters or name != conventions.PARAM_ONLY), None)
    if unknown is not None:
        known = (
            f"there is {conventions.PARAM_ONLY}" if conventions.PARAM_ONLY in template.parameters else "there is none"
        )
        raise ParameterError(f"there is no parameter {unknown} of a suite; {known}")
    try:
        chosen = chosen_members(suite, given.get(conventions.PARAM_ONLY, ""))
    except ChoiceError as error:
        raise ParameterError(str(error).removeprefix("the parameter ")) from None
    _refuse_incomplete(cluster, template, suite)
    values = {conventions.PARAM_ONLY: ",".join(chosen)} if chosen else {}
    identity = (template.name, cluster.namespace, template.digest)
    return new_workflow(*identity, values, template.instance_id, choice_override(chosen), suite=True)


def _held_document(cluster: Cluster, template: Template) -> SuiteDocument:
    """The suite in the template's bundle. Raises Refused."""
    found = cluster.get(CONFIG_MAPS, template.bundle)
    named = f"ConfigMap {template.bundle} of suite {template.name}"
    if found is None:
        raise Refused(
            f"bundle missing: {named} is not in namespace {cluster.namespace}; apply the bundle.yaml that was compiled with it"
        )
    data = found.get("data") or {}
    if bundle_hash(data) != template.digest:
        raise Refused(f"{named} is not the bundle that its WorkflowTemplate names")
    try:
        return read_suite(data)
    except BundleError as error:
        raise Refused(f"{named}: {error}") from None


def _refuse_incomplete(cluster: Cluster, template: Template, suite: SuiteDocument) -> None:
    """
    Looks at the templates of the members of a suite that the cluster holds.

    Raises:
        Refused: one is missing, or was compiled at another time.
    """
    for run, digest in {member.run: member.bundle_hash for member in suite.members}.items():
        held = cluster.get(WORKFLOW_TEMPLATES, run)
        if held is None:
            raise Refused(f"suite {template.name} needs WorkflowTemplate {run}, which is not in {cluster.namespace}")
        if WorkflowTemplate(held).annotations.get(conventions.ANNOTATION_BUNDLE_HASH) != digest:
            raise Refused(
                f"WorkflowTemplate {run} has another bundle than suite {template.name} expects: compile both together"
            )
