"""The evaluator's own `/metrics`. No label holds a chain id, an image or a run id, because their number is unbounded."""

import logging
import os
from collections.abc import Sequence
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest

from validationrun.base.conventions import METRICS_PORT
from validationrun.oracle.decision import Decision
from validationrun.oracle.outcome import RuleReason, Verdict
from validationrun.spec.v1alpha1 import Rule
from validationrun.steps.page_server import PageServer

logger = logging.getLogger(__name__)

_BUCKETS: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_NOTHING_WRONG_WITH_THE_QUESTION: Final = frozenset(
    {
        "",
        RuleReason.THRESHOLD_VIOLATED,
        RuleReason.ALERT_FIRED,
        RuleReason.NO_SAMPLES,
        RuleReason.NAN,
        RuleReason.NOT_FINITE,
    }
)


class Metrics:
    """Counts decisions, and serves the counts where it can listen."""

    def __init__(self, registry: CollectorRegistry, rules: Sequence[Rule]) -> None:
        self._types = {rule.name: rule.type for rule in rules}
        self._evaluations = Counter(
            "validation_rule_evaluations",
            "Answers to rules, by what they meant.",
            ["type", "verdict", "reason"],
            registry=registry,
        )
        self._seconds = Histogram(
            "validation_rule_evaluation_duration_seconds",
            "Time from asking a rule to its decision.",
            buckets=_BUCKETS,
            registry=registry,
        )
        self._errors = Counter(
            "validation_prometheus_query_errors", "Answers that were no usable answer.", registry=registry
        )

    @classmethod
    def serving(cls, rules: Sequence[Rule]) -> "Metrics":
        """Starts the server. If the port is taken, the run goes on without metrics."""
        registry = CollectorRegistry()
        metrics = cls(registry, rules)
        port = int(os.environ.get("VALIDATION_METRICS_PORT") or METRICS_PORT)
        try:
            PageServer(port, lambda: generate_latest(registry), CONTENT_TYPE_LATEST)
        except OSError as error:
            logger.warning("no metrics: cannot listen on port %s: %s", port, error.strerror)
        return metrics

    def count(self, decision: Decision) -> None:
        self._evaluations.labels(self._types[decision.rule], decision.verdict, decision.reason).inc()
        if decision.exchange is not None:
            self._seconds.observe(max(0.0, decision.exchange.answered - decision.exchange.asked))
        if decision.verdict == Verdict.ERROR and decision.reason not in _NOTHING_WRONG_WITH_THE_QUESTION:
            self._errors.inc()
