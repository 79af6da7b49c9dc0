"""Looks up the references of alert rules in Kubernetes, until each rule's reference has resolved once."""

from typing import TYPE_CHECKING, Final

from validationrun.kube.cluster import NAMESPACES, PROMETHEUS_RULES, Cluster, ClusterError, ForbiddenError
from validationrun.oracle.exchange import Fault
from validationrun.oracle.outcome import RuleReason
from validationrun.oracle.rules import type_of

if TYPE_CHECKING:
    from validationrun.spec.v1alpha1 import Rule

LABEL_SHARED: Final = "sei.io/validation-shared-rules"


class References:
    """Remembers resolved references; looks up the others again, because somebody may grant the right meanwhile."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._resolved: set[str] = set()

    def fault(self, rule: "Rule") -> Fault | None:
        """Why the rule's reference does not resolve; None when it does, or when it has none."""
        reference = type_of(rule).reference(rule)
        if reference is None:
            return None
        return self.fault_of(rule.name, reference.namespace, reference.name, reference.alertname)

    def fault_of(self, rule: str, namespace: str, name: str, alertname: str) -> Fault | None:
        """Why a reference does not resolve, by the parts of the reference; None when it does."""
        if rule in self._resolved:
            return None
        try:
            fault = self._look_up(namespace, name, alertname)
        except ClusterError:
            # A fault of the API server says nothing about the reference, so Prometheus is queried anyway.
            return None
        if fault is None:
            self._resolved.add(rule)
        return fault

    def _look_up(self, namespace: str, name: str, alertname: str) -> Fault | None:
        where = f"PrometheusRule {namespace}/{name}"
        shared = namespace != self._cluster.namespace
        cluster = self._cluster.within(namespace)
        try:
            if shared and not _is_shared(cluster, namespace):
                message = f"namespace {namespace} does not carry the label {LABEL_SHARED}=true"
                return Fault(RuleReason.CROSS_NAMESPACE_FORBIDDEN, message)
            prometheus_rule = cluster.get(PROMETHEUS_RULES, name)
        except ForbiddenError as error:
            return Fault(RuleReason.CROSS_NAMESPACE_FORBIDDEN if shared else RuleReason.RBAC_DENIED, str(error))
        if prometheus_rule is None:
            return Fault(RuleReason.PROMETHEUS_RULE_NOT_FOUND, f"{where} does not exist")
        alerts = {
            rule.get("alert")
            for group in prometheus_rule.get("spec", {}).get("groups") or []
            for rule in group.get("rules") or []
        }
        if alertname not in alerts:
            return Fault(RuleReason.PROMETHEUS_RULE_NOT_FOUND, f"{where} has no alert {alertname}")
        return None


def _is_shared(cluster: Cluster, namespace: str) -> bool:
    namespace_object = cluster.get(NAMESPACES, namespace)
    labels = ((namespace_object or {}).get("metadata") or {}).get("labels") or {}
    return labels.get(LABEL_SHARED) == "true"
