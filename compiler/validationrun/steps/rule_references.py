"""Looks up the references of alert rules in Kubernetes, until each rule's reference has resolved once."""

from collections.abc import Sequence
from typing import Final

from validationrun.kube.cluster import NAMESPACES, PROMETHEUS_RULES, Cluster, ClusterError, ForbiddenError
from validationrun.oracle.exchange import DefinedAlert, Fault
from validationrun.oracle.outcome import RuleReason
from validationrun.spec.promql_text import duration_seconds

LABEL_SHARED: Final = "sei.io/validation-shared-rules"

_NEVER: Final = -1.0
"""Stands for a `for` that no Prometheus takes, so that no rule of Prometheus has the same."""

Defined = Sequence[DefinedAlert]
"""An alert as its PrometheusRule defines it, once for each place there; empty when nobody could look."""


class References:
    """Remembers resolved references; looks up the others again, because somebody may grant the right meanwhile."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._resolved: dict[str, Defined] = {}

    def resolve(self, rule: str, namespace: str, name: str, alertname: str) -> Fault | Defined:
        """
        Why the rule's reference does not resolve, or the alert that it names.

        Args:
            rule: the rule's name.
            namespace, name: of the PrometheusRule.
        """
        if rule in self._resolved:
            return self._resolved[rule]
        try:
            found = self._look_up(namespace, name, alertname)
        except ClusterError:
            # A fault of the API server says nothing about the reference, so Prometheus is queried anyway.
            return ()
        if not isinstance(found, Fault):
            self._resolved[rule] = found
        return found

    def _look_up(self, namespace: str, name: str, alertname: str) -> Fault | Defined:
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
        defined = [
            DefinedAlert(
                str(group.get("name", "")), _seconds(rule.get("for"), _NEVER), _seconds(group.get("query_offset"), 0.0)
            )
            for group in prometheus_rule.get("spec", {}).get("groups") or []
            for rule in group.get("rules") or []
            if rule.get("alert") == alertname
        ]
        if not defined:
            return Fault(RuleReason.PROMETHEUS_RULE_NOT_FOUND, f"{where} has no alert {alertname}")
        return tuple(defined)


def _seconds(text: object, unreadable: float) -> float:
    """Seconds of a duration of a PrometheusRule; 0 where none is given."""
    seconds = duration_seconds(str(text or "0"))
    return unreadable if seconds is None else seconds


def _is_shared(cluster: Cluster, namespace: str) -> bool:
    namespace_object = cluster.get(NAMESPACES, namespace)
    labels = ((namespace_object or {}).get("metadata") or {}).get("labels") or {}
    return labels.get(LABEL_SHARED) == "true"
