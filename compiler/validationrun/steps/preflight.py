"""
Preflight: reports everything that makes a run hopeless, at once, before any object of its chain exists.

Checks that the cluster has the chain's API, that Prometheus answers, its clock is right and its samples come in time, that alert
references resolve, that accounts exist and the workload's is its own, and that the steps' account has its rights. Whether Prometheus has
loaded an alert is judged later, by the evaluator.
"""

import itertools
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from validationrun.base.truncate import MESSAGE_BYTES, cut
from validationrun.contract import parameters as values
from validationrun.contract.bundle import Bundle
from validationrun.contract.chain_entries import Finding
from validationrun.contract.plan_json import PlanDocument
from validationrun.judging.live.clock_skew import LARGEST_SKEW_SECONDS, check_clock
from validationrun.kube.cluster import (
    SERVICE_ACCOUNTS,
    ClusterError,
    ForbiddenError,
    InvalidError,
    Resource,
    UnreachableError,
)
from validationrun.kube.sei import CHAIN_RESOURCES
from validationrun.oracle.exchange import Fault
from validationrun.oracle.outcome import PreflightReason, RuleReason, RunReason
from validationrun.prometheus import Access, Prometheus
from validationrun.steps.alert_preflight import AlertEntry, alert_entries, hopeless_alerts, range_seconds, unresolved
from validationrun.steps.chain_objects import API_KINDS
from validationrun.steps.context import Context
from validationrun.steps.rule_references import References
from validationrun.steps.sample_lateness import late_samples

logger = logging.getLogger(__name__)

ACCESS_REVIEWS: Final = Resource("authorization.k8s.io", "v1", "selfsubjectaccessreviews", namespaced=False)
_ATTEMPTS: Final = 4
_PAUSE_SECONDS: Final = 3.0
"""Enough attempts and pauses for a Prometheus that restarts, and few enough for preflight to end within a minute."""

_RIGHTS_ASKED_AGAIN: Final = 2
_RIGHTS_PAUSE_SECONDS: Final = 3.0

_FINDING_BYTES: Final = 500
_REASON_BYTES: Final = 30
_TRIED: Final = frozenset({"serviceaccounts", "prometheusrules"})
"""Preflight itself uses the rights to these resources, so they need no access review."""
_DISPENSABLE: Final = frozenset({"persistentvolumeclaims"})
"""Access rules of an older installation lack them, and a chain comes up all the same."""

_RUNS: Final = {"steps": "it runs the steps", "finalize": "it runs finalize", "workload": "it runs the workload"}


def preflight(context: Context, bundle: Bundle, parameters: Mapping[str, str]) -> list[Finding]:
    """
    All findings, each with a bounded message; empty when the run may begin.

    Raises:
        UnreachableError: the API server is away, which says nothing about the run.
    """
    rules = bundle.rule_documents()
    chain_id = values.effective_chain_id(bundle.plan, parameters, context.identity.uid)
    run_values = values.run_values(bundle.plan, context.identity, chain_id, parameters)
    alerts, references = alert_entries(rules, run_values), References(context.cluster)
    findings = [
        *_chain_api(context, bundle.plan),
        *_shared_accounts(bundle.plan),
        *_accounts(context, bundle.plan),
        *_rights(context, bundle.plan),
        *unresolved(alerts, references),
    ]
    if rules:
        findings += _by_prometheus(context, bundle.plan, parameters, alerts, references)
    return [Finding(finding.reason, cut(finding.message, _FINDING_BYTES)) for finding in findings]


def told(findings: Sequence[Finding]) -> str:
    """All findings in one message, which contains every reason, however many there are."""
    room = MESSAGE_BYTES // max(1, len(findings)) - _REASON_BYTES
    return "; ".join(f"{finding.reason}: {cut(finding.message, max(room, _REASON_BYTES))}" for finding in findings)


def _chain_api(context: Context, plan: PlanDocument) -> Iterator[Finding]:
    """The kinds of `chain.api` that this cluster's controller does not have."""
    if not plan.chain.bring_up:
        return
    needed = API_KINDS[plan.chain.api]
    try:
        served = {resource for resource in CHAIN_RESOURCES if context.cluster.serves(resource)}
    except UnreachableError:
        raise
    except ClusterError as error:
        logger.warning("cannot ask which kinds of the chain's controller the cluster serves: %s", error)
        return
    if served.issuperset(needed):
        return
    missing = ", ".join(resource.full_name for resource in needed if resource not in served)
    others = [api for api, kinds in API_KINDS.items() if served.issuperset(kinds)]
    has = ", ".join(sorted(resource.full_name for resource in served)) or "no kind of sei-k8s-controller"
    way_out = f"compile with chain.api: {others[0]}" if others else "install sei-k8s-controller"
    message = f"chain.api: {plan.chain.api} needs {missing}, and the cluster serves {has}; {way_out}"
    yield Finding(PreflightReason.CHAIN_API_MISSING, message)


def _shared_accounts(plan: PlanDocument) -> Iterator[Finding]:
    """Lint finds the same; a bundle may come from another compiler."""
    accounts = plan.accounts
    for role, name in (("steps", accounts.steps), ("finalize", accounts.finalize)):
        if name == accounts.workload:
            message = (
                f"ServiceAccount {name} is the workload's, and {_RUNS[role]}: the workload could write its own verdict"
            )
            yield Finding(PreflightReason.SERVICE_ACCOUNT_SHARED, message)


def _accounts(context: Context, plan: PlanDocument) -> Iterator[Finding]:
    accounts = plan.accounts
    for role, name in (("steps", accounts.steps), ("finalize", accounts.finalize), ("workload", accounts.workload)):
        if name is None:
            continue
        try:
            account = context.cluster.get(SERVICE_ACCOUNTS, name)
        except ForbiddenError as error:
            yield Finding(RuleReason.RBAC_DENIED, str(error))
            return
        if account is None:
            where = f"namespace {context.identity.namespace}"
            message = f"ServiceAccount {name} does not exist in {where}; {_RUNS[role]}, and its tenant creates it"
            yield Finding(RunReason.SERVICE_ACCOUNT_MISSING, message)


def _rights(context: Context, plan: PlanDocument) -> Iterator[Finding]:
    """The rights in access.yaml that the steps' account lacks, by Kubernetes' own access reviews."""
    account = plan.accounts.steps
    asked = [
        (right.group, resource, verb)
        for right in plan.rights
        for resource in right.resources
        if resource not in _TRIED | _DISPENSABLE
        for verb in right.verbs
    ]
    try:
        missing = _missing(context, asked)
    except UnreachableError:
        raise
    except ClusterError as error:
        logger.warning("cannot ask which rights %s has: %s", account, error)
        return
    for (group, resource), denied in itertools.groupby(missing, key=lambda access: access[:2]):
        full = f"{resource}.{group}" if group else resource
        message = (
            f"ServiceAccount {account} may not {', '.join(verb for *_, verb in denied)} {full} in namespace "
            f"{context.identity.namespace}; apply access.yaml"
        )
        yield Finding(RuleReason.RBAC_DENIED, message)


def _missing(context: Context, asked: Sequence[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """
    Group, resource and verb of each missing right.

    Asked more than once, because an API server that has just started answers before it has read all roles.
    """
    missing = [right for right in asked if not _allowed(context, *right)]
    for _ in range(_RIGHTS_ASKED_AGAIN):
        if missing:
            context.sleep(_RIGHTS_PAUSE_SECONDS)
            missing = [right for right in missing if not _allowed(context, *right)]
    return missing


def _allowed(context: Context, group: str, resource: str, verb: str) -> bool:
    plural, _, subresource = resource.partition("/")
    attributes = {"namespace": context.identity.namespace, "verb": verb, "group": group, "resource": plural}
    if subresource:
        attributes["subresource"] = subresource
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer = context.cluster.create(ACCESS_REVIEWS, review)
    allowed = (answer.get("status") or {}).get("allowed")
    if not isinstance(allowed, bool):
        raise InvalidError("a SelfSubjectAccessReview came back without an answer")
    return allowed


def _by_prometheus(
    context: Context,
    plan: PlanDocument,
    parameters: Mapping[str, str],
    alerts: Sequence[AlertEntry],
    references: References,
) -> list[Finding]:
    """What Prometheus shows: that it is usable, and then which alerts prove nothing."""
    url, access = values.prometheus_url(plan, parameters), Access.from_environment().only_for(plan.prometheus_url)
    if refusal := access.refusal(url):
        message = f"{refusal}; leave out the parameter prometheus-url, or compile with --prometheus-url"
        return [Finding(PreflightReason.CREDENTIALS_ELSEWHERE, message)]
    prometheus = Prometheus(url, access)
    findings = _prometheus(context, prometheus)
    if not findings:
        seconds = range_seconds(plan, parameters)
        findings = list(hopeless_alerts(alerts, references, prometheus, seconds, context.sleep))
        if late := late_samples(prometheus, context.settle_s, context.sleep):
            findings.append(late)
    prometheus.close()
    return findings


def _prometheus(context: Context, prometheus: Prometheus) -> list[Finding]:
    """Asks a few times before a fault counts, because Prometheus may be restarting."""
    findings: list[Finding] = []
    for attempt in range(_ATTEMPTS):
        if attempt:
            context.sleep(_PAUSE_SECONDS)
        findings = _look_at_clock(context, prometheus)
        if not findings:
            break
        logger.warning("%s", told(findings))
    return findings


def _look_at_clock(context: Context, prometheus: Prometheus) -> list[Finding]:
    faults: list[Fault] = []

    def read(timeout_s: float, t: float | None = None) -> float | Fault:
        answer = prometheus.clock(timeout_s, t)
        if isinstance(answer, Fault):
            faults.append(answer)
        return answer

    check = check_clock(read, context.now)
    if check.skew_seconds is None:
        return [Finding(faults[-1].reason if faults else RuleReason.PROMETHEUS_UNAVAILABLE, check.message)]
    if check.skew_seconds > LARGEST_SKEW_SECONDS:
        limit = f"at most {LARGEST_SKEW_SECONDS:.0f}s can be judged by"
        wrong = f"the clock of {prometheus.url} differs by {check.skew_seconds:.0f}s; {limit}"
        return [Finding(RuleReason.CLOCK_SKEW, check.message or wrong)]
    return []
