"""Run -> Plan."""

import hashlib
from dataclasses import dataclass
from typing import Final

from validationrun.base import conventions
from validationrun.base.durations import format_duration
from validationrun.base.hashing import canonical_json
from validationrun.compiling.plan.chain import plan_deployments
from validationrun.compiling.plan.endpoints import plan_endpoints
from validationrun.compiling.plan.load import plan_load
from validationrun.compiling.plan.model import ChainObject, Parameter, Plan, PlannedLoad, PlannedRule, Timings
from validationrun.compiling.plan.rights import finalize_rights, shared_rules, step_rights
from validationrun.compiling.plan.steps import plan_steps, timings
from validationrun.contract.accounts import accounts_of
from validationrun.contract.plan_json import ResultsTarget
from validationrun.oracle.question import expected_in
from validationrun.oracle.rules import type_of
from validationrun.oracle.ticks import query_timeout_seconds, run_seconds
from validationrun.spec.v1alpha1 import ChainSpec, Rule, ValidationRun, ValidationRunSpec

_SUITE: Final = (
    Parameter(conventions.PARAM_SUITE, "The suite that this run is a member of; only a suite gives it", ""),
)


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """
    What the plan needs of the options of `compile`.

    Attributes:
        runner_image: default of the parameter runner-image.
        labels_workflow: finalize may label the Workflow with the verdict.
        cluster_domain: appended to host names; empty: they end in `.svc`, which every resolver completes.
        prometheus_url: of the Prometheus that the steps ask.
        lock: names of parameters that the template does not take, or `all`. A name that the run has not is passed over.
    """

    runner_image: str = ""
    labels_workflow: bool = True
    cluster_domain: str = ""
    prometheus_url: str = conventions.DEFAULT_PROMETHEUS_URL
    lock: tuple[str, ...] = ()


def build_plan(run: ValidationRun, options: PlanOptions = PlanOptions(), *, in_suite: bool = False) -> Plan:
    """
    The plan of a run that passed every check.

    Args:
        run: its namespace is set.
        in_suite: a suite starts the run, which then has the parameter `suite` and ends when its suite does.
    """
    spec, namespace = run.spec, _namespace(run)
    times = timings(spec, _grace_seconds(spec))
    deployments = plan_deployments(spec.chain, namespace)
    results = _results(spec, namespace)
    load = _load(spec, namespace, times, results)
    steps, finalize = plan_steps(times, has_load=load is not None, rule_count=len(spec.rules))
    parameters = _parameters(spec, deployments, load, options) + (_SUITE if in_suite else ())
    locked = tuple(entry.name for entry in parameters if _is_locked(entry, options))
    return Plan(
        name=run.metadata.name,
        namespace=namespace,
        spec_hash=spec_hash(run),
        chain_id=spec.chain.chain_id,
        chain_api=spec.chain.api,
        deployments=deployments,
        endpoints=plan_endpoints(spec.chain, namespace, options.cluster_domain),
        load=load,
        rules=tuple(_rule(rule, spec.chain) for rule in spec.rules),
        timings=times,
        accounts=accounts_of(spec, namespace),
        results=results,
        cleanup=spec.cleanup,
        steps=steps,
        finalize=finalize,
        parameters=tuple(entry for entry in parameters if entry.name not in locked),
        locked=locked,
        prometheus_url=options.prometheus_url,
        step_rights=step_rights(spec, namespace, in_suite=in_suite),
        finalize_rights=finalize_rights(spec, labels_workflow=options.labels_workflow),
        shared_rules=shared_rules(spec, namespace),
        brings_chain_up=spec.chain.endpoints is None,
    )


def _is_locked(parameter: Parameter, options: PlanOptions) -> bool:
    """Whether a run always has the compiled value. `suite` is never locked: suite-member gives it, and a submitter cannot."""
    return parameter.name != conventions.PARAM_SUITE and bool(
        {parameter.name, conventions.LOCK_ALL} & set(options.lock)
    )


def _namespace(run: ValidationRun) -> str:
    if run.metadata.namespace is None:
        raise ValueError(f"run {run.metadata.name} reached the plan without a namespace")
    return run.metadata.namespace


def spec_hash(run: ValidationRun) -> str:
    """sha256, in hex, of the canonical, defaulted spec: equal for two files that mean the same."""
    canonical = run.spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    return hashlib.sha256(canonical_json(canonical).encode()).hexdigest()


def _grace_seconds(spec: ValidationRunSpec) -> int:
    if spec.load is None:
        return 0
    return spec.load.workload.pod_template.termination_grace_period_seconds or conventions.DEFAULT_GRACE_SECONDS


def _load(spec: ValidationRunSpec, namespace: str, times: Timings, results: ResultsTarget | None) -> PlannedLoad | None:
    if spec.load is None:
        return None
    return plan_load(spec.load, namespace, times.load_start_s + times.run_s, results.uri if results else "")


def _results(spec: ValidationRunSpec, namespace: str) -> ResultsTarget | None:
    s3 = spec.results.s3 if spec.results else None
    if s3 is None:
        return None
    job = spec.load.workload.name if spec.load else "rules-only"
    prefix = f"{namespace}/{job}/${{runId}}/"
    uri = f"s3://{s3.bucket}/{prefix}"
    return ResultsTarget(bucket=s3.bucket, endpoint=s3.endpoint, prefix=prefix, region=s3.region, uri=uri)


def _rule(rule: Rule, chain: ChainSpec) -> PlannedRule:
    timeout = query_timeout_seconds(rule)
    query, places = type_of(rule).question(rule)
    return PlannedRule(rule, query, timeout, tuple(places), expected_in(rule, chain))


def _parameters(
    spec: ValidationRunSpec, deployments: tuple[ChainObject, ...], load: PlannedLoad | None, options: PlanOptions
) -> tuple[Parameter, ...]:
    """Every parameter that the run could have, the locked ones too."""
    duration = format_duration(load.duration_s if load is not None else run_seconds(spec))
    given_chain = spec.chain.endpoints is not None
    chain_id = spec.chain.chain_id if given_chain else f"{spec.chain.chain_id}-<uid8>"
    parameters = [
        Parameter(
            conventions.PARAM_CHAIN_ID, "Effective chain id; empty: the base id and 8 hex digits of this run", chain_id
        ),
        Parameter(conventions.PARAM_DURATION, "Shorten the run, such as 5m; empty: as compiled", duration),
    ]
    if load is not None:
        path = "/spec/template/spec/containers/0/image"
        description = "Image of the workload; empty: as compiled"
        parameters.append(
            Parameter(conventions.PARAM_IMAGE_WORKLOAD, description, load.image, manifest=load.job.key, path=path)
        )
    parameters += [
        Parameter(
            f"{conventions.PARAM_IMAGE_PREFIX}{entry.name}",
            f"Image of deployment {entry.name}; empty: as compiled",
            entry.image,
            manifest=entry.manifest.key,
            path=entry.image_path,
        )
        for entry in deployments
    ]
    url, runner = options.prometheus_url, options.runner_image
    return (
        *parameters,
        Parameter(conventions.PARAM_PROMETHEUS_URL, f"Prometheus; empty: {url}", url),
        Parameter(conventions.PARAM_RUNNER_IMAGE, "Image of the steps", runner, default=runner),
    )
