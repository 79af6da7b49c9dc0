"""Rule type `counter`: what a counter added since the window's start, compared with a threshold."""

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from validationrun.oracle.counters import SampledSeries, SeriesFacts, added, added_by_samples
from validationrun.oracle.exchange import Answer, Exchange, Fault, Sample, Samples
from validationrun.oracle.outcome import RuleReason
from validationrun.oracle.placeholders import Place, escape, find_places, label_name, quoted
from validationrun.oracle.prometheus_response import Matrix, read_matrix, read_vector
from validationrun.oracle.rule_context import RuleContext, window_text
from validationrun.oracle.rules.rule_type import InstantQuery, Request
from validationrun.oracle.rules.value_rule import ValueRule
from validationrun.oracle.series import PART

if TYPE_CHECKING:
    from validationrun.spec.v1alpha1 import CounterRule, Rule

SAMPLES: Final = "samples"
"""The request for the samples of series that were reset or handed over."""

MOST_SAMPLES: Final = 200_000

_NAME: Final = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)")

Labels = frozenset[tuple[str, str]]


class Counter(ValueRule):
    """
    Failed when the comparison does not hold; an Error unless `alive` has a series.

    One query asks for all that is needed of every series, because then all parts are of one moment.
    """

    name = "counter"
    reads_labels = True

    def question(self, rule: "Rule") -> tuple[str, list[Place]]:
        body = self.own_body(rule)
        selector, window = body.selector.strip(), "${window}"
        parts = [
            ("last", f"last_over_time({selector}[{window}])"),
            ("lowest", f"min_over_time({selector}[{window}])"),
            ("resets", f"resets({selector}[{window}]) > 0"),
            ("samples", f"count_over_time({selector}[{window}])"),
            ("start", f"{selector} offset {window}"),
            ("before", f"last_over_time({selector}[1h] offset {window}) unless {selector} offset {window}"),
            ("alive", f"count({body.alive or selector}\n)"),
        ]
        query = "\nor ".join(f'label_replace({part}, "{PART}", "{name}", "", "")' for name, part in parts)
        places, _ = find_places(query)
        return query, places

    def further_promql(self, rule: "Rule") -> Mapping[tuple[str, ...], str]:
        alive = self.own_body(rule).alive
        return {**super().further_promql(rule), **({("alive",): alive} if alive is not None else {})}

    def own_selector(self, rule: "Rule") -> str:
        return self.own_body(rule).selector

    def asks_at_every_tick(self, rule: "Rule") -> bool:
        del rule
        return True

    def own_request(self, context: RuleContext, exchange: Exchange) -> Request | None:
        facts = self._facts(context, exchange)
        if isinstance(facts, Fault) or not (series := facts.in_doubt()) or SAMPLES in exchange.others:
            return None
        if facts.sample_count(series) > MOST_SAMPLES:
            return None
        name = _NAME.match(self.own_body(context.rule).selector)
        window = window_text(context.start, exchange.t)
        return InstantQuery(SAMPLES, f"{name[1] if name else ''}{_matchers(series)}[{window}]", exchange.t)

    def answer(self, context: RuleContext, exchange: Exchange) -> Answer:
        facts = self._facts(context, exchange)
        if isinstance(facts, Fault):
            return facts
        if not facts.alive:
            return Samples(())
        if not all(map(math.isfinite, facts.values())):
            return Samples((Sample({}, "NaN"),))
        in_doubt = facts.in_doubt()
        total = math.fsum(total for total in map(added, facts.counters.values()) if total is not None)
        if in_doubt:
            count = facts.sample_count(in_doubt)
            if count > MOST_SAMPLES:
                return _too_many(count)
            more = self._by_samples(facts, exchange)
            if isinstance(more, Fault):
                return more
            total += more
        return Samples((Sample({}, _text(total)),))

    def _by_samples(self, facts: "_Facts", exchange: Exchange) -> float | Fault:
        """What the counters added of which only samples can tell."""
        if SAMPLES not in exchange.others:
            return Fault(RuleReason.PROMETHEUS_UNAVAILABLE, "the samples of series that were reset are missing")
        matrix = read_matrix(exchange.others[SAMPLES])
        if isinstance(matrix, Fault):
            return Fault(matrix.reason, f"the samples of series that were reset: {matrix.message}")
        if (count := sum(len(series.points) for series in matrix.series)) > MOST_SAMPLES:
            return _too_many(count)
        return facts.added_by(matrix)

    def _facts(self, context: RuleContext, exchange: Exchange) -> "_Facts | Fault":
        answer = read_vector(exchange.reply, exchange.t)
        if isinstance(answer, Fault):
            return answer
        return _Facts(answer.samples, self.own_body(context.rule).without)

    def counted(self, context: RuleContext, exchange: Exchange) -> list[str]:
        series, body = self.series(context.rule), self.own_body(context.rule)
        own = body.selector if series is None or series.of is None else series.of
        return [context.filled(own, exchange.t)]

    def looked_at(self, context: RuleContext, exchange: Exchange) -> str:
        body = self.own_body(context.rule)
        text = body.selector if body.alive is None else f"{body.selector} or ({body.alive}\n)"
        return context.filled(text, exchange.t)

    def own_body(self, rule: "Rule") -> "CounterRule":
        if rule.counter is None:
            raise ValueError(f"rule {rule.name} has no counter")
        return rule.counter

    def passes_when(self, rule: "Rule") -> str:
        return f"added {self.comparison(rule)}"

    def condition(self, rule: "Rule", shown: Callable[[str], str] = str) -> str:
        return f"the increase of {shown(self.own_body(rule).selector)} {self.comparison(rule)}"


class _Facts:
    """The answer to a counter's query, by counter and series."""

    def __init__(self, samples: Iterable[Sample], without: Sequence[str]) -> None:
        self.alive = False
        self._without = {"__name__", *without}
        self._counts: dict[Labels, float] = {}
        parts: dict[Labels, dict[str, float]] = defaultdict(dict)
        for sample in samples:
            part, value = sample.labels.get(PART, ""), float(sample.value)
            if part == "alive":
                self.alive = value > 0
            else:
                parts[_labels(sample.labels)][part] = value
        self._series: dict[Labels, list[Labels]] = defaultdict(list)
        self.counters: dict[Labels, list[SeriesFacts]] = defaultdict(list)
        for labels, values in parts.items():
            key = self._counter(labels)
            self._series[key].append(labels)
            self._counts[labels] = values.pop("samples", 0.0)
            self.counters[key].append(
                SeriesFacts(
                    values.get("start"), values.get("before"), values.get("lowest"), values.get("last"),
                    values.get("resets", 0.0),
                )
            )  # fmt: skip

    def _counter(self, labels: Labels) -> Labels:
        return frozenset(pair for pair in labels if pair[0] not in self._without)

    def values(self) -> Iterable[float]:
        for series in self.counters.values():
            for member in series:
                facts = (member.at_start, member.before, member.lowest, member.last)
                yield from (value for value in facts if value is not None)

    def in_doubt(self) -> list[Labels]:
        """The series of counters of which only samples can tell."""
        doubtful = [key for key, series in self.counters.items() if added(series) is None]
        return [labels for key in doubtful for labels in self._series[key]]

    def sample_count(self, series: Iterable[Labels]) -> int:
        return int(sum(self._counts[labels] for labels in series))

    def added_by(self, matrix: Matrix) -> float:
        points = {_labels(series.labels): [(t, float(value)) for t, value in series.points] for series in matrix.series}
        total = 0.0
        for key, facts in self.counters.items():
            if added(facts) is None:
                labels = self._series[key]
                total += added_by_samples(
                    [SampledSeries(member, points.get(at, ())) for member, at in zip(facts, labels, strict=True)]
                )
        return total


def _labels(labels: Mapping[str, str]) -> Labels:
    return frozenset((name, value) for name, value in labels.items() if name not in ("__name__", PART))


def _matchers(series: Sequence[Labels]) -> str:
    """Matchers that select these series and few others."""
    names = sorted({name for labels in series for name, _ in labels})
    matchers = []
    for name in names:
        values = sorted({dict(labels).get(name, "") for labels in series})
        pattern = "|".join(escape(value, "regex", "`") if "`" not in value else re.escape(value) for value in values)
        label = label_name(name)
        matchers.append(f"{label}=~{quoted(pattern)}" if len(values) > 1 else f"{label}={quoted(values[0])}")
    return "{" + ",".join(matchers) + "}"


def _too_many(count: int) -> Fault:
    message = f"{count} samples are needed to add up series that were reset; at most {MOST_SAMPLES} are read"
    return Fault(RuleReason.SERVER_LIMIT, message)


def _text(value: float) -> str:
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else repr(value)  # noqa: PLR2004 - exact digits
