"""
What a running Prometheus has of what the rules of a spec ask: for `lint --prometheus`.

The run does not exist yet, so a matcher on its chain or its id selects nothing now. Such a matcher is looked up by its label
alone; all others by their values.
"""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from validationrun.base.durations import format_duration
from validationrun.base.text import counted
from validationrun.oracle.alerting_rules import AlertingRule, counting, never_matching, not_loaded, read_alerting_rules
from validationrun.oracle.exchange import Fault
from validationrun.oracle.label_matcher import LabelMatcher, matchers_of
from validationrun.oracle.outcome import Verdict
from validationrun.oracle.question import Question, expected_in
from validationrun.oracle.rules import type_of
from validationrun.oracle.rules.rule_type import AlertReference
from validationrun.oracle.silence import cannot_fire, needs_seconds
from validationrun.oracle.ticks import range_seconds
from validationrun.prometheus.client import Prometheus
from validationrun.prometheus.missing_series import Selector, satisfies, why_no_series
from validationrun.prometheus.query_budget import BACK_SECONDS, Inquiry, NoAnswerError
from validationrun.spec import promql
from validationrun.spec.findings import Finding, Loc, Severity, format_path, quote
from validationrun.spec.v1alpha1 import ValidationRun

_LONGEST_SECONDS: Final = 60.0
_LONGEST_RULE_SECONDS: Final = 10.0
_MOST_SELECTORS: Final = 8
_MOST_LABELS: Final = 8
_LATER: Final = "0a1b2c3d-later"
"""Stands for a value that is known only once the run exists."""


@dataclass
class Inventory:
    """
    One look at one Prometheus, bounded in time and in the number of its queries.

    Attributes:
        now: Prometheus' own time, Unix seconds.
        lines: what was found, a line for each rule, for people.
    """

    prometheus: Prometheus
    now: float
    lines: list[str] = field(default_factory=list)
    _until: float = field(default_factory=lambda: time.monotonic() + _LONGEST_SECONDS)

    def look(self, run: ValidationRun) -> Iterator[Finding]:
        """What a run's rules would miss there. Adds the lines of the run."""
        self.lines.append(f"{run.metadata.name}:")
        values = _values(run)
        for index, rule in enumerate(run.spec.rules):
            loc: Loc = ("spec", "rules", index)
            looking = _Looking(self.prometheus, self.now, min(self._until, time.monotonic() + _LONGEST_RULE_SECONDS))
            try:
                if (reference := type_of(rule).reference(rule)) is not None:
                    field_ = (*loc, rule.type, "ruleRef", "alertname")
                    matchers = matchers_of(values, type_of(rule).matchers(rule))
                    known = [matcher for matcher in matchers if _LATER not in matcher.value]
                    looking.alert(reference, known, field_, range_seconds(run.spec, rule))
                else:
                    looking.query(Question.of(rule, values, expected_in(rule, run.spec.chain)), loc)
            except NoAnswerError:
                looking.unanswered(loc)
            yield from looking.findings
            self.lines.append(f"  {rule.name}: {'; '.join(looking.parts)}")


def _values(run: ValidationRun) -> dict[str, str]:
    """What is known of the run-time values before the run: chain and namespace of a chain that exists."""
    if run.spec.chain.endpoints is None:
        return dict.fromkeys(("chainId", "namespace", "runId"), _LATER)
    return {"chainId": run.spec.chain.chain_id, "namespace": run.metadata.namespace or _LATER, "runId": _LATER}


class _Looking:
    """What is found about one rule."""

    def __init__(self, prometheus: Prometheus, now: float, until: float) -> None:
        self.findings: list[Finding] = []
        self.parts: list[str] = []
        self._prometheus, self._now, self._until = prometheus, now, until

    def query(self, question: Question, loc: Loc) -> None:
        """
        The series under each selector of a query.

        Raises:
            NoAnswerError
        """
        has_promql = type_of(question.rule).promql(question.rule) is not None
        field_ = (*loc, question.rule.type, "promql") if has_promql else (*loc, "name")
        try:
            tree = promql.parse(question.at(self._now - BACK_SECONDS, self._now))
        except promql.SyntaxFault:
            self.parts.append("not looked up, because the query could not be read")
            return
        selectors = [selector for node in promql.selectors(tree) if (selector := Selector.of(node, self._now))]
        unique = list({(selector.name, selector.matchers): selector for selector in selectors}.values())
        for selector in unique[:_MOST_SELECTORS]:
            self._selector(selector, field_)
        if not unique:
            self.parts.append("asks for no series")
        if len(unique) > _MOST_SELECTORS:
            self.parts.append(f"{counted(len(unique) - _MOST_SELECTORS, 'more selector')} not looked up")

    def _selector(self, selector: Selector, loc: Loc) -> None:
        later = [matcher for matcher in selector.matchers if _LATER in matcher[2]]
        others = tuple(matcher for matcher in selector.matchers if matcher not in later)
        present = Selector(selector.name, others, None, self._now)
        ask = Inquiry(self._prometheus, self._now, self._until)
        number = ask.number(f"count({present.text})", self._now)
        if number is None:
            why = why_no_series(ask, present)
            self.parts.append(f"{present.called}: no series")
            help_ = "correct the name or the matcher; or leave it, if the run itself brings this metric"
            self._warn("VR590", loc, f"{format_path(loc)}: {why}", help_, selector.name)
            return
        labels = ask.label_names(present.text, self._now)
        self.parts.append(f"{present.called}: {number:g} series with {_listed(labels)}")
        for label, op, value in later:
            if label not in labels and not satisfies(op, value, ""):
                message = f"{format_path(loc)}: no series of {present.called} has the label {quote(label)}: the rule would see none"
                self._warn("VR591", loc, message, f"its labels are {', '.join(labels)}", label)

    def alert(self, reference: AlertReference, matchers: Sequence[LabelMatcher], loc: Loc, range_s: float) -> None:
        """
        Whether the alert of a rule is loaded, and can fire within the rule's range and for its run.

        Args:
            matchers: those whose values are known before the run.

        Raises:
            NoAnswerError
        """
        name, left = reference.alertname, self._until - time.monotonic()
        if left <= 0:
            raise NoAnswerError
        rules = read_alerting_rules(self._prometheus.rules(name, left), name)
        if isinstance(rules, Fault):
            raise NoAnswerError
        if not rules:
            self.parts.append(f"alert {name}: not loaded")
            message = f"{format_path(loc)}: this Prometheus has no alert {quote(name)}: the rule would be Error AlertNotLoaded"
            help_ = "correct the name, or have the PrometheusRule loaded: its labels must fit the ruleSelector"
            self.findings.append(Finding("VR592", loc, message, help_))
        counts = counting(rules, (), matchers)
        if (fault := never_matching(counts, matchers)) is not None:
            message = f"{format_path(loc)}: {fault.message}: the rule would be Error AlertNotScoped"
            self.findings.append(Finding("VR592", loc, message, "correct the matcher, or refer to another alert"))
        for rule in counts:
            self._alerting_rule(rule, reference, loc, range_s)

    def _alerting_rule(self, rule: AlertingRule, reference: AlertReference, loc: Loc, range_s: float) -> None:
        name = reference.alertname
        needs = f"for {_duration(rule.for_s)}, evaluated every {_duration(rule.interval_s)}"
        self.parts.append(f"alert {name}: loaded in group {rule.group}, {needs}, health {rule.health}")
        if (fault := not_loaded([rule], name)) is not None:
            message = f"{format_path(loc)}: {fault.message}: the rule would be Error AlertNotLoaded"
            self.findings.append(Finding("VR592", loc, message, "mend the alert: it is not evaluated"))
        # A pending alert fails such a rule, so that the alert need not fire.
        elif reference.pending != Verdict.FAILED and cannot_fire(needs_seconds([rule]), range_s) is not None:
            message = (
                f"{format_path(loc)}: alert {quote(name)} can't fire within the {_duration(range_s)} that the rule judges "
                f"({needs}): its silence proves nothing"
            )
            help_ = (
                "make the run longer, or `startAfter` shorter; or refer to an alert with a shorter `for` and a group with a "
                "shorter interval; or write `pending: Failed`, if a pending alert is to fail the run"
            )
            self.findings.append(Finding("VR593", loc, message, help_))

    def unanswered(self, loc: Loc) -> None:
        """Notes that the rule was not, or not wholly, looked up."""
        self.parts.append("not looked up, because Prometheus gave no answer")
        message = f"{format_path((*loc, 'name'))}: the rule was not looked up, because Prometheus gave no usable answer in time"
        self._warn("VR594", (*loc, "name"), message, "try again, or a narrower matcher")

    def _warn(self, code: str, loc: Loc, message: str, help_: str, token: str | None = None) -> None:
        self.findings.append(Finding(code, loc, message, help_, Severity.WARNING, token=token or None))


def _duration(seconds: float) -> str:
    """For people; as it is where it is no duration."""
    return format_duration(seconds) if math.isfinite(seconds) else f"{seconds:g}s"


def _listed(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - _MOST_LABELS} more" if len(labels) > _MOST_LABELS else ""
    return f"{', '.join(labels[:_MOST_LABELS]) or 'no labels'}{more}"
