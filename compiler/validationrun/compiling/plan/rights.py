"""
The smallest set of rights that this run needs, derived from its spec.

It never includes `pods/exec`, writing Secrets, or RBAC objects.
"""

import dataclasses

from validationrun.base.conventions import ChainApi
from validationrun.compiling.plan.model import Right, SharedRules
from validationrun.oracle.rules import type_of
from validationrun.oracle.rules.rule_type import AlertReference
from validationrun.spec.v1alpha1 import LoadSpec, ValidationRunSpec

_TASK_RESULTS = Right(
    "argoproj.io", ("workflowtaskresults",), ("create", "patch"), "Argo's executor reports each step's outputs"
)
_READ_TASK_RESULTS = dataclasses.replace(
    _TASK_RESULTS,
    verbs=("create", "get", "patch"),
    why=f"{_TASK_RESULTS.why}; whether they were uploaded, where Argo offloads the nodes of a Workflow",
)


_ANY_CONFIG_MAP = "change every ConfigMap of the namespace that is not immutable, records of other runs among them"
_ANY_POD = "run any image as any account of the namespace, and read every Secret that a pod can mount"
_DELETE_PODS = "delete every pod of the namespace"
_ANY_JOB = "stop or suspend every Job of the namespace"
_ANY_WORKFLOW = "run as any account of the namespace, unless the policy of access-cluster.yaml is in force"


def step_rights(spec: ValidationRunSpec, namespace: str, *, in_suite: bool = False) -> tuple[Right, ...]:
    """For the account that runs ensure-chain, wait-chain-ready, load-job and rule-evaluator, of a run that a suite may start."""
    rights = [
        Right(
            "",
            ("configmaps",),
            ("create", "get", "patch"),
            "the run record, the run's copy of the bundle, the workload's config",
            amounts_to=_ANY_CONFIG_MAP,
        ),
        Right("", ("serviceaccounts",), ("get",), "preflight: the accounts exist"),
    ]
    if spec.chain.endpoints is None:
        rights += _follow_chain(spec.chain.api)
    if spec.load is not None:
        rights += [
            Right(
                "batch",
                ("jobs",),
                ("create", "get", "patch"),
                "create the load, follow it, stop it",
                amounts_to=_ANY_POD,
            ),
            _shard_pods(spec.load),
            Right("", ("events",), ("list",), "why a shard does not start"),
        ]
    own = sorted({reference.name for reference in _references(spec) if reference.namespace == namespace})
    if own:
        rights.append(
            Right("monitoring.coreos.com", ("prometheusrules",), ("get",), "alert references resolve", tuple(own))
        )
    if in_suite:
        rights.append(Right("argoproj.io", ("workflows",), ("get",), "end the run when its suite is stopped or gone"))
    return (*rights, _TASK_RESULTS)


def _follow_chain(api: ChainApi) -> list[Right]:
    why, nodes = "create the chain and follow it", "the cause when a node fails"
    claims = Right("", ("persistentvolumeclaims",), ("list",), "volumes of an earlier chain of the same id are gone")
    if api == "SeiNodeDeployment":
        return [
            Right("sei.io", ("seinodedeployments",), ("create", "get"), why),
            Right("sei.io", ("seinodes",), ("get", "list"), nodes),
            claims,
        ]
    return [
        Right("sei.io", ("seinetworks",), ("create", "get"), why),
        Right("sei.io", ("seinodes",), ("create", "get", "list"), f"create the full nodes; {nodes}"),
        claims,
    ]


def _clean_up_chain(api: ChainApi) -> list[Right]:
    if api == "SeiNodeDeployment":
        return [
            Right("sei.io", ("seinodedeployments",), ("delete", "list"), "clean up the chain"),
            Right("sei.io", ("seinodes",), ("list",), "states for the report; which nodes are left"),
        ]
    return [
        Right("sei.io", ("seinetworks",), ("delete", "list"), "clean up the validators"),
        Right("sei.io", ("seinodes",), ("delete", "list"), "clean up the full nodes; states for the report"),
    ]


def _shard_pods(load: LoadSpec) -> Right:
    why = "the shards' exit codes and times"
    if load.end_by == "Signal":
        verbs = ("delete", "list", "watch")
        return Right(
            "", ("pods",), verbs, f"{why}; SIGTERM to them when load.duration is over", amounts_to=_DELETE_PODS
        )
    return Right("", ("pods",), ("list", "watch"), why)


def finalize_rights(spec: ValidationRunSpec, *, labels_workflow: bool) -> tuple[Right, ...]:
    """For the account of the exit handler, the only account that may delete the chain or label the Workflow."""
    workflow_verbs = ("get", "patch") if labels_workflow else ("get",)
    why = "how the run ended" + (", and its verdict label" if labels_workflow else "")
    rights = [
        Right("argoproj.io", ("workflows",), workflow_verbs, why, amounts_to=_ANY_WORKFLOW if labels_workflow else ""),
        Right("", ("configmaps",), ("get", "patch"), "read the run record and seal it", amounts_to=_ANY_CONFIG_MAP),
        Right("", ("pods",), ("list",), "wait for the steps' pods; states for the report"),
        Right("", ("pods/log",), ("get",), "the last log lines, before clean-up"),
        Right("", ("events",), ("list",), "events for the report"),
    ]
    if spec.load is not None:
        why = "how the load ended; end it when nobody did"
        rights.append(Right("batch", ("jobs",), ("get", "patch"), why, amounts_to=_ANY_JOB))
    if spec.chain.endpoints is None:
        rights += _clean_up_chain(spec.chain.api)
    if spec.results is not None and spec.results.s3 is not None:
        return (*rights, _READ_TASK_RESULTS)
    return (*rights, _TASK_RESULTS)


def shared_rules(spec: ValidationRunSpec, namespace: str) -> tuple[SharedRules, ...]:
    """PrometheusRules of other namespaces, by namespace. Their owners grant the right to read them."""
    by_namespace: dict[str, set[str]] = {}
    for reference in _references(spec):
        if reference.namespace != namespace:
            by_namespace.setdefault(reference.namespace, set()).add(reference.name)
    return tuple(SharedRules(name, tuple(sorted(by_namespace[name]))) for name in sorted(by_namespace))


def _references(spec: ValidationRunSpec) -> list[AlertReference]:
    references = [type_of(rule).reference(rule) for rule in spec.rules]
    return [reference for reference in references if reference is not None]
