"""Starts runs: applies a compiled run's objects, or takes a template on the cluster, and creates a Workflow."""

import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from validationrun.base import conventions
from validationrun.base.hashing import bundle_hash
from validationrun.compiling.emit.bundle import plan_document
from validationrun.contract.bundle import BundleError, read_plan
from validationrun.contract.new_workflow import new_workflow
from validationrun.contract.override import Override
from validationrun.contract.parameters import ParameterError, overrides, submitted_parameters
from validationrun.contract.plan_json import PlanDocument
from validationrun.kube.cluster import (
    CONFIG_MAPS,
    WORKFLOW_TEMPLATES,
    WORKFLOWS,
    AlreadyExistsError,
    Cluster,
    ClusterError,
    ConflictError,
    ForbiddenError,
    Resource,
    UnreachableError,
)
from validationrun.kube.objects import KubeObject, Workflow, WorkflowTemplate
from validationrun.runs.template_change import change_of, taken_from_suite
from validationrun.spec.source import read_compiled

if TYPE_CHECKING:
    from validationrun.compiling.kinds import AnyPlan
    from validationrun.compiling.pipeline import Compiled
    from validationrun.compiling.plan import Plan

OURS: Final = f"{conventions.LABEL_MANAGED_BY}={conventions.MANAGED_BY}"
"""Label selector of our objects."""

ANNOTATION_SUBMISSION: Final = "validation.sei.io/submission"
"""On a Workflow: the request that created it, to find the Workflow when the answer was lost."""

_COMMITTED_BUNDLE: Final = "committed-bundle"
_SUITE_BUNDLE: Final = "bundle"
_MOST_NAMED: Final = 10
_TRIES: Final = 5
_LOOKS: Final = 25
_LOOK_SECONDS: Final = 0.2
_CREATE_TRIES: Final = 10
_CREATE_PAUSE_SECONDS: Final = 1.0

Sleep = Callable[[float], None]


class Refused(Exception):  # noqa: N818 - a fact about the request, not a fault
    """The cluster, or a parameter, does not allow this run; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Template:
    """
    A WorkflowTemplate of ours as the cluster holds it.

    Attributes:
        digest: hash of the bundle that it was compiled with.
        parameters: names of its parameters.
        bundle: the ConfigMap that its first step mounts; empty when it names none.
        instance_id: instance id of the Argo controller that it was compiled for; empty for a controller without.
        suite: it is a suite's.
    """

    name: str
    digest: str
    parameters: tuple[str, ...]
    bundle: str
    instance_id: str
    suite: bool = False


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """The outcome of a dry run for one object: `created`, `changed` or `unchanged`."""

    resource: Resource
    name: str
    outcome: str


def objects(compiled: "Compiled[AnyPlan]", file: str) -> list[KubeObject]:
    """The objects of one compiled file, as they are sent to the API server."""
    text = next(compiled_file.text for compiled_file in compiled.files if compiled_file.name == file)
    return KubeObject.all(read_compiled(text))


def submit(
    cluster: Cluster,
    compiled: "Compiled[Plan]",
    parameters: Mapping[str, str],
    instance_id: str = "",
    sleep: Sleep = time.sleep,
) -> str:
    """
    Creates the bundle, applies the template, creates a Workflow; returns the Workflow's name.

    Raises:
        Refused: a parameter does not fit, or another manager owns fields of the template.
        ClusterError: the API server refused, or did not answer.
    """
    body = thin_workflow(compiled, parameters, instance_id)
    require_argo(cluster)
    apply_compiled(cluster, compiled)
    return start(cluster, body, sleep)


def apply_compiled(cluster: Cluster, compiled: "Compiled[AnyPlan]") -> None:
    """Creates the bundle and applies the template of a compiled document. Raises Refused before both, ClusterError."""
    (bundle,), (template,) = objects(compiled, "bundle.yaml"), objects(compiled, "workflowtemplate.yaml")
    _refuse_taken(cluster, template)
    _create_bundle(cluster, bundle)
    _apply_template(cluster, template)


def rehearse(
    cluster: Cluster, compiled: "Compiled[Plan]", parameters: Mapping[str, str], instance_id: str = ""
) -> list[Rehearsed]:
    """
    `submit` as a server-side dry run: the API server checks every object and keeps none.

    Raises:
        Refused, ClusterError: as `submit` would.
    """
    body = thin_workflow(compiled, parameters, instance_id)
    require_argo(cluster)
    return [*rehearse_compiled(cluster, compiled), rehearse_workflow(cluster, body)]


def rehearse_compiled(cluster: Cluster, compiled: "Compiled[AnyPlan]") -> list[Rehearsed]:
    """`apply_compiled` as a server-side dry run."""
    (bundle,), (template,) = objects(compiled, "bundle.yaml"), objects(compiled, "workflowtemplate.yaml")
    _refuse_taken(cluster, template)
    created = _create_bundle(cluster, bundle, dry_run=True)
    found = cluster.get(WORKFLOW_TEMPLATES, template.name)
    before = KubeObject(found) if found is not None else None
    after = _apply_template(cluster, template, dry_run=True)
    return [
        Rehearsed(CONFIG_MAPS, bundle.name, "created" if created else "unchanged"),
        Rehearsed(WORKFLOW_TEMPLATES, template.name, change_of(before, after)),
    ]


def rehearse_workflow(cluster: Cluster, body: Workflow) -> Rehearsed:
    """A server-side dry run of the Workflow alone."""
    cluster.create(WORKFLOWS, body.object, dry_run=True)
    return Rehearsed(WORKFLOWS, f"{body.template}-*", "created")


def thin_workflow(compiled: "Compiled[Plan]", parameters: Mapping[str, str], instance_id: str = "") -> Workflow:
    """The Workflow that `submit` creates. Raises Refused for a parameter that does not fit."""
    plan, document = compiled.plan, plan_document(compiled.plan)
    try:
        given = submitted_parameters(document, parameters)
    except ParameterError as error:
        raise Refused(f"--set {error}") from None
    (bundle,) = objects(compiled, "bundle.yaml")
    digest = bundle.annotations[conventions.ANNOTATION_BUNDLE_HASH]
    return new_workflow(plan.name, plan.namespace, digest, given, instance_id, overrides(document, given))


def held_workflow(cluster: Cluster, template: Template, parameters: Mapping[str, str]) -> Workflow:
    """
    A Workflow of a run, from a template on the cluster, such as one that a GitOps controller applied.

    Raises:
        Refused: its bundle is missing, or has another hash.
        ParameterError: a parameter does not fit; without a readable plan only names are checked.
    """
    plan = _held_plan(cluster, template)
    if plan is not None:
        given = submitted_parameters(plan, parameters)
        changed = overrides(plan, given)
    else:
        given = {name: value for name, value in parameters.items() if value}
        unknown = next((name for name in given if name not in template.parameters), None)
        if unknown is not None:
            known = f"there are {', '.join(sorted(template.parameters))}" if template.parameters else "there is none"
            raise ParameterError(f"there is no parameter {unknown}; {known}")
        changed = [Override(name, value) for name, value in given.items()]
    return new_workflow(template.name, cluster.namespace, template.digest, given, template.instance_id, changed)


def read_template(cluster: Cluster, name: str) -> Template:
    """Raises Refused when there is no such template of ours."""
    found = cluster.get(WORKFLOW_TEMPLATES, name)
    if found is None:
        require_argo(cluster)
        raise Refused(f"there is no WorkflowTemplate {name} in namespace {cluster.namespace}{_there_are(cluster)}")
    template = WorkflowTemplate(found)
    digest = template.annotations.get(conventions.ANNOTATION_BUNDLE_HASH)
    if not digest:
        raise Refused(f"WorkflowTemplate {name} in namespace {cluster.namespace} was not compiled by validationrun")
    suite = conventions.LABEL_SUITE in template.labels
    mounted = template.mounted_config_maps(_SUITE_BUNDLE if suite else _COMMITTED_BUNDLE)
    return Template(
        name=name,
        digest=digest,
        parameters=template.parameters,
        bundle=mounted[0] if mounted else "",
        instance_id=template.labels.get(conventions.LABEL_INSTANCE_ID, ""),
        suite=suite,
    )


def require_argo(cluster: Cluster) -> None:
    """Raises Refused without Argo or without the namespace. Call it before anything is created."""
    if not cluster.serves(WORKFLOWS):
        raise Refused(no_argo(cluster))
    if not cluster.has_namespace():
        raise Refused(no_namespace(cluster))


def no_argo(cluster: Cluster) -> str:
    """The message of a cluster without Argo."""
    return f"Argo Workflows is not installed on {cluster.server}: it serves no {WORKFLOWS.full_name}"


def no_namespace(cluster: Cluster) -> str:
    """The message of a missing namespace."""
    return f"there is no namespace {cluster.namespace} on {cluster.server}"


def _there_are(cluster: Cluster) -> str:
    try:
        names = sorted(found.name for found in KubeObject.all(cluster.list(WORKFLOW_TEMPLATES, labels=OURS)))
    except ForbiddenError:
        return ""
    shown = ", ".join(names[:_MOST_NAMED]) + (", ..." if len(names) > _MOST_NAMED else "")
    return f"; there are {shown}" if names else "; none of validationrun's is there"


def _held_plan(cluster: Cluster, template: Template) -> PlanDocument | None:
    """The plan in the template's bundle; None when this version, or this account, cannot read it."""
    if not template.bundle:
        return None
    try:
        config_map = cluster.get(CONFIG_MAPS, template.bundle)
    except ForbiddenError:
        return None
    if config_map is None:
        raise Refused(
            f"bundle missing: WorkflowTemplate {template.name} needs ConfigMap {template.bundle}, which is not in "
            f"namespace {cluster.namespace}; apply the bundle.yaml that was compiled with it"
        )
    if bundle_hash(config_map.get("data") or {}) != template.digest:
        raise Refused(f"ConfigMap {template.bundle} is not the bundle that WorkflowTemplate {template.name} names")
    try:
        return read_plan(config_map["data"])
    except BundleError:
        return None


def start(cluster: Cluster, body: Workflow, sleep: Sleep = time.sleep) -> str:
    """
    Creates a Workflow, makes sure that Argo runs its current template, and returns its name.

    Raises:
        Refused: Argo keeps reading an older template.
    """
    digest = body.annotations[conventions.ANNOTATION_BUNDLE_HASH]
    for _ in range(_TRIES):
        name = _create_once(cluster, body, sleep).name
        if not _began_with_another_template(cluster, name, digest, sleep):
            return name
        cluster.delete(WORKFLOWS, name)
    raise Refused(f"Argo keeps reading an older WorkflowTemplate {body.template}; is its controller healthy?")


def _create_once(cluster: Cluster, body: Workflow, sleep: Sleep) -> Workflow:
    """Creates exactly one Workflow: because of `generateName`, a retry after a lost answer would create a second."""
    mark = secrets.token_hex(8)
    annotations = {**body.annotations, ANNOTATION_SUBMISSION: mark}
    marked = {**body.object, "metadata": {**body.object["metadata"], "annotations": annotations}}
    for attempt in range(_CREATE_TRIES):
        try:
            return Workflow(cluster.patient(0).create(WORKFLOWS, marked))
        except UnreachableError:
            if attempt == _CREATE_TRIES - 1:
                raise
        sleep(_CREATE_PAUSE_SECONDS)
        for candidate in Workflow.all(cluster.list(WORKFLOWS, labels=OURS)):
            if candidate.annotations.get(ANNOTATION_SUBMISSION) == mark:
                return candidate
    raise AssertionError("the last attempt returns or raises")


def _began_with_another_template(cluster: Cluster, name: str, digest: str, sleep: Sleep) -> bool:
    """
    Argo reads templates from a cache, so a new Workflow may begin with the previous template, or find none.

    A run that has not begun within five seconds begins later, when the cache is fresh; finalize compares again.
    """
    for _ in range(_LOOKS):
        try:
            status = (cluster.get(WORKFLOWS, name) or {}).get("status") or {}
        except ClusterError:
            # The Workflow exists, so the caller must learn its name.
            return False
        stored = status.get("storedWorkflowTemplateSpec")
        if stored is not None:
            return digest not in json.dumps(stored)
        if status.get("phase") == "Error" and "not found" in str(status.get("message")):
            return True
        sleep(_LOOK_SECONDS)
    return False


def _refuse_taken(cluster: Cluster, template: KubeObject) -> None:
    if why := taken_from_suite(cluster, template):
        raise Refused(why)


def _create_bundle(cluster: Cluster, bundle: KubeObject, *, dry_run: bool = False) -> bool:
    """
    Creates the bundle, or keeps an existing one with the same content: its name holds a hash of its content.

    False when the bundle existed.
    """
    try:
        cluster.create(CONFIG_MAPS, bundle.object, dry_run=dry_run)
    except AlreadyExistsError:
        existing = cluster.get(CONFIG_MAPS, bundle.name) or {}
        if bundle_hash(existing.get("data") or {}) != bundle.annotations[conventions.ANNOTATION_BUNDLE_HASH]:
            raise Refused(f"ConfigMap {bundle.name} exists with other content; delete it and submit again") from None
        return False
    return True


def _apply_template(cluster: Cluster, template: KubeObject, *, dry_run: bool = False) -> KubeObject:
    try:
        return KubeObject(cluster.apply(WORKFLOW_TEMPLATES, template.object, dry_run=dry_run))
    except ConflictError as error:
        name = template.name
        message = (
            f"WorkflowTemplate {name} is managed by somebody else, such as a GitOps controller ({error}); "
            f"start a run of what it applied with `validationrun submit --from {name} -n {cluster.namespace}`"
        )
        raise Refused(message) from None
