"""
The further requests that tell what the silence of an alert proves, and how their replies are read.

At every tick `/api/v1/rules`; at the final sweep also the ALERTS that are pending, those that lack a label, and whether the
series exist that the alert looks at. The last two requests come one after the other: which labels do its series have, and are
there any of this run by these labels?
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from validationrun.oracle.alert_expression import MOST_PARTS, Look, look_of, shown, told
from validationrun.oracle.alerting_rules import (
    AlertingRule,
    Instance,
    counting,
    never_matching,
    not_loaded,
    read_alerting_rules,
)
from validationrun.oracle.decision import Silence
from validationrun.oracle.exchange import Exchange, Fault, Sample, Samples
from validationrun.oracle.label_matcher import LabelMatcher, is_meant, missing_labels
from validationrun.oracle.outcome import RuleReason, Verdict
from validationrun.oracle.placeholders import label_name, quoted
from validationrun.oracle.prometheus_response import plain, read_vector
from validationrun.oracle.silence import needs_seconds

if TYPE_CHECKING:
    from validationrun.spec.promql import Selection

PROOF: Final = "proof"
"""The request for the rules of Prometheus."""

PENDING: Final = "pending"
"""The request for the instances that are pending at T."""

UNSCOPED: Final = "unscoped"
"""The request for what fired, or is pending at T, without a label that a matcher names."""

LABELS: Final = "labels"
"""The request that tells which of the alert's selectors have series, and with which of the matchers' labels."""

SERIES: Final = "series"
"""The request that tells which of the alert's selectors have series of this run."""

_FOUND: Final = "found"
_PENDING_STATE: Final = "pending"
"""The value of label `alertstate`."""


class AlertProof(Struct, frozen=True, dict=True):
    """
    The proof in one exchange.

    Attributes:
        matchers: of the rule, with the run's values.
        opens: when the rule's range opens, Unix seconds.
        start: the window's start, Unix seconds.
        pending: what a pending instance means, as the spec says.
        require_series: as the spec says.
        assumed: that the alert is loaded, evaluated and able to fire is taken for granted, because the exchange is made of history.
    """

    exchange: Exchange
    alertname: str
    matchers: Sequence[LabelMatcher]
    opens: float
    start: float
    pending: str
    require_series: bool
    assumed: bool = False

    def next_query(self) -> tuple[str, str] | None:
        """The role and the PromQL of what has to be asked next at T, once the rules are there; None when nothing has to be."""
        if not self.exchange.final or self._fault is not None:
            return None
        for role, query in (
            (PENDING, self._pending_query),
            (UNSCOPED, self._unscoped_query),
            (LABELS, self._labels_query),
            (SERIES, self._series_query),
        ):
            if role not in self.exchange.others and (promql := query()):
                return role, promql
        return None

    def silence(self) -> Silence:
        """What the replies show."""
        asked, answered = self.exchange.asked, self.exchange.answered
        rules = self._rules if not isinstance(self._rules, Fault) and not self.assumed else []
        firing = [instance for rule in rules for instance in rule.instances if self._fires(rule, instance)]
        meant = sum(is_meant(self.matchers, instance.labels) for instance in firing)
        facts = Silence(
            self._fault,
            self.assumed,
            min((rule.evaluated for rule in self._counted), default=float("-inf")),
            max((rule.interval_s for rule in self._counted), default=0.0),
            needs_seconds(self._counted),
            asked,
            answered,
            firing=meant,
            unscoped=self._unscoped("fires", [instance.labels for instance in firing]),
        )
        return self._at_the_end(facts, rules) if self.exchange.final and facts.fault is None else facts

    @cached_property
    def _rules(self) -> list[AlertingRule] | Fault:
        return read_alerting_rules(self.exchange.others[PROOF], self.alertname, self.exchange.defined)

    @cached_property
    def _counted(self) -> list[AlertingRule]:
        return [] if isinstance(self._rules, Fault) else counting(self._rules, self.exchange.defined, self.matchers)

    @cached_property
    def _fault(self) -> Fault | None:
        if isinstance(self._rules, Fault):
            return None if self.assumed else self._rules
        return None if self.assumed else not_loaded(self._rules, self.alertname, self.exchange.defined, self.matchers)

    def _fires(self, rule: AlertingRule, instance: Instance) -> bool:
        return instance.firing and instance.active_at + rule.for_s <= self.exchange.t

    def _at_the_end(self, facts: Silence, rules: Sequence[AlertingRule]) -> Silence:
        waiting = [
            instance.labels
            for rule in rules
            for instance in rule.instances
            if not self._fires(rule, instance) and instance.active_at <= self.exchange.t
        ]
        pending = sum(is_meant(self.matchers, labels) for labels in waiting)
        found, unscoped = self._series(), facts.unscoped or self._unscoped_pending(waiting)
        series, note = (None, found) if isinstance(found, str) else (found, "")
        for role in (PENDING, UNSCOPED):
            answer = self._answer(role)
            if isinstance(answer, Fault):
                series = answer
            elif role == PENDING:
                pending = max(pending, len(answer))
            else:
                unscoped = unscoped or self._unscoped_alerts([sample.labels for sample in answer])
        return replace(facts, pending=pending, unscoped=unscoped, series=series, note=note)

    def _answer(self, role: str) -> Sequence[Sample] | Fault:
        """The samples of a further request; none when it was not needed."""
        if role not in self.exchange.others:
            return ()
        answer = read_vector(self.exchange.others[role], self.exchange.t)
        return answer.samples if isinstance(answer, Samples) else answer

    def _unscoped(self, does: str, instances: Sequence[Mapping[str, str]]) -> str:
        """What people read about the first instance that lacks a label."""
        for labels in instances:
            if missing := missing_labels(self.matchers, labels):
                names = ", ".join(missing)
                return plain(
                    f"the alert {does} without the label {names} that a matcher names, so that it may be this run's"
                )
        return ""

    def _unscoped_pending(self, instances: Sequence[Mapping[str, str]]) -> str:
        """What people read about the first instance pending at T that lacks a label; empty if pending instances may pass."""
        return self._unscoped("is pending", instances) if self.pending != Verdict.PASSED else ""

    def _unscoped_alerts(self, alerts: Sequence[Mapping[str, str]]) -> str:
        """What people read about the first sample of ALERTS that lacks a label: of those that fire, else of those that are pending."""
        fires = [labels for labels in alerts if labels.get("alertstate") != _PENDING_STATE]
        pending = [labels for labels in alerts if labels.get("alertstate") == _PENDING_STATE]
        return self._unscoped("fires", fires) or self._unscoped_pending(pending)

    # The queries of the final sweep.

    def _alerts(self, state: str, matchers: Sequence[str]) -> str:
        own = [f"alertname={quoted(self.alertname)}", f'alertstate="{state}"']
        return f"ALERTS{{{','.join([*own, *filter(None, matchers)])}}}"

    def _pending_query(self) -> str:
        return self._alerts(_PENDING_STATE, [matcher.promql() for matcher in self.matchers])

    def _unscoped_query(self) -> str:
        if not any(matcher.needs_label for matcher in self.matchers):
            return ""
        matchers = [matcher.or_missing() for matcher in self.matchers]
        fired = f"max_over_time({self._alerts('firing', matchers)}[{_seconds(self.exchange.t - self.opens)}])"
        return fired if self.pending == Verdict.PASSED else f"{fired} or {self._alerts(_PENDING_STATE, matchers)}"

    @cached_property
    def _looks(self) -> list[tuple[AlertingRule, Look | None]]:
        return [(rule, look_of(rule.expression)) for rule in self._counted]

    @cached_property
    def _selections(self) -> list["Selection"]:
        """The selectors of all rules that count, each once."""
        return list(
            dict.fromkeys(selection for _, look in self._looks if look is not None for selection in look.selections)
        )

    @cached_property
    def _label_names(self) -> list[str]:
        return list(dict.fromkeys(matcher.name for matcher in self.matchers))

    def _labels_query(self) -> str:
        if len(self._selections) * (len(self._label_names) + 1) > MOST_PARTS:
            return ""
        return " or ".join(
            part
            for index, selection in enumerate(self._selections)
            for part in (
                self._part(str(index), selection, []),
                *(
                    self._part(f"{index}.{position}", selection, [f'{name}!=""'])
                    for position, name in enumerate(self._label_names)
                ),
            )
        )

    def _series_query(self) -> str:
        found = self._found(LABELS)
        if LABELS not in self.exchange.others or isinstance(found, Fault) or not self.matchers:
            return ""
        return " or ".join(
            self._part(
                str(index),
                selection,
                [
                    matcher.promql()
                    for matcher in self.matchers
                    if f"{index}.{self._label_names.index(matcher.name)}" in found
                ],
            )
            for index, selection in enumerate(self._selections)
            if str(index) in found
        )

    def _part(self, mark: str, selection: "Selection", more: Sequence[str]) -> str:
        """A series with the label `found` when a selector had a series in the window."""
        matchers = [f"{label_name(name)}{op}{quoted(value)}" for name, op, value in selection.matchers]
        series = f"{{{','.join([*matchers, *more])}}}[{_seconds(self.exchange.t - self.start)}]"
        selected = f"{series} {selection.modifiers}".strip()
        return f'label_replace(group(last_over_time({selected})),"{_FOUND}","{mark}","","")'

    def _found(self, role: str) -> set[str] | Fault:
        answer = self._answer(role)
        return answer if isinstance(answer, Fault) else {sample.labels.get(_FOUND, "") for sample in answer}

    # What they say.

    def _series(self) -> Fault | str | None:
        """Why the alert's series cannot be this run's, or are not there; a text when the spec takes that for a note."""
        found, seen = self._found(LABELS), self._found(SERIES if self.matchers else LABELS)
        if isinstance(found, Fault):
            return found
        if isinstance(seen, Fault):
            return seen
        if (fault := never_matching(self._counted, self.matchers)) is not None:
            return fault
        blind = self._blind(seen)
        if blind and self.require_series:
            return Fault(RuleReason.ALERT_BLIND, plain(f"{blind}; `requireSeries: false` takes that for a note"))
        for rule, look in self._looks:
            if look is None:
                continue
            for label in self._unscoped_labels(rule, look, found):
                message = f"no series that the alert looks at has the label {label} that a matcher names"
                return Fault(RuleReason.ALERT_NOT_SCOPED, plain(f"{message}: {shown(rule.expression)}"))
        return f"; {plain(blind)}" if blind else None

    def _blind(self, seen: set[str]) -> str:
        """What the alert looks at and does not see; empty when it sees enough."""
        from validationrun.spec.promql import is_sighted  # noqa: PLC0415

        existing = {selection for index, selection in enumerate(self._selections) if str(index) in seen}
        for rule, look in self._looks:
            if look is None:
                return f"the alert's expression cannot be read here, so nothing shows that it sees a series: {shown(rule.expression)}"
            if not is_sighted(look.sight, existing):
                missing = next(selection for selection in look.selections if selection not in existing)
                return f"in the window the alert saw no series of this run for {told(missing)}"
        return ""

    def _unscoped_labels(self, rule: AlertingRule, look: Look, found: set[str]) -> list[str]:
        """The labels that no instance of the rule can have."""
        indexes = [self._selections.index(selection) for selection in look.selections]
        if not self.require_series and not all(str(index) in found for index in indexes):
            # What has no series yet may bring the label.
            return []
        return [
            matcher.name
            for matcher in self.matchers
            if matcher.needs_label
            and not rule.labels.get(matcher.name)
            and matcher.name not in look.written
            and not any(f"{index}.{self._label_names.index(matcher.name)}" in found for index in indexes)
        ]


def _seconds(seconds: float) -> str:
    # Times have milliseconds: what lies a hair below a whole second is that second.
    return f"{max(1, int(round(seconds, 3)))}s"
