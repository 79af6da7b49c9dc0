"""What the rule types share whose answer is one value: the comparison, and the guards that see what a value hides."""

import abc
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from msgspec.structs import replace as changed

from validationrun.base.numbers import value_text
from validationrun.oracle.comparison import Comparison
from validationrun.oracle.decision import Decision, Observation
from validationrun.oracle.exchange import Answer, Exchange, Fault
from validationrun.oracle.fold import RuleState
from validationrun.oracle.memory import Memory
from validationrun.oracle.outcome import RuleReason, Verdict
from validationrun.oracle.rule_context import RuleContext
from validationrun.oracle.rules.rule_type import InstantQuery, Request, RuleType
from validationrun.oracle.series import (
    NEWEST,
    SERIES,
    expected_query,
    members_query,
    missing_members,
    newest_query,
    read_count,
    read_members,
    read_newest,
)

if TYPE_CHECKING:
    from validationrun.spec.v1alpha1 import CounterRule, QueryRule, Rule, Series


class ValueRule(RuleType):
    """Failed when the comparison does not hold; an Error unless there is one finite value of series that are there and fresh."""

    @abc.abstractmethod
    def own_body(self, rule: "Rule") -> "QueryRule | CounterRule":
        """The body of this type. Raises ValueError when the rule has another one."""

    @abc.abstractmethod
    def answer(self, context: RuleContext, exchange: Exchange) -> Answer:
        """One sample with the rule's value, or why there is none."""

    @abc.abstractmethod
    def counted(self, context: RuleContext, exchange: Exchange) -> list[str]:
        """The expressions under which `series` counts, as PromQL with run-time values."""

    @abc.abstractmethod
    def looked_at(self, context: RuleContext, exchange: Exchange) -> str:
        """PromQL whose selectors must have fresh samples."""

    def own_members(self, context: RuleContext, exchange: Exchange) -> list[str]:
        """The expressions whose series are counted without a word in the spec."""
        del context, exchange
        return []

    def own_request(self, context: RuleContext, exchange: Exchange) -> Request | None:
        """What the value itself needs besides the query."""
        del context, exchange
        return None

    def comparison(self, rule: "Rule") -> Comparison:
        body = self.own_body(rule)
        return Comparison(body.op, body.threshold)

    def series(self, rule: "Rule") -> "Series | None":
        return self.own_body(rule).series

    def max_age(self, rule: "Rule") -> int:
        return int(self.own_body(rule).max_age)

    def further_promql(self, rule: "Rule") -> Mapping[tuple[str, ...], str]:
        series = self.series(rule)
        return {("series", "of"): series.of} if series is not None and series.of is not None else {}

    def asks_at_every_tick(self, rule: "Rule") -> bool:
        return self._counts(rule)

    def _counts(self, rule: "Rule") -> bool:
        """Whether the spec says which series must be there."""
        series = self.series(rule)
        return series is not None and series.min != 0

    def asks_more(self, rule: "Rule", memory: Memory, *, final: bool) -> bool:
        return final or (self.series(rule) is None and memory.members is None)

    def next_request(
        self, context: RuleContext, exchange: Exchange, memory: Memory, asked: Collection[str]
    ) -> Request | None:
        del asked
        if (request := self.own_request(context, exchange)) is not None:
            return request
        answer = self.answer(context, exchange)
        if isinstance(answer, Fault):
            return None
        if SERIES not in exchange.others:
            query = self._series_query(context, exchange, memory, answer)
            if query:
                return InstantQuery(SERIES, query, exchange.t)
        max_age = self.max_age(context.rule)
        if exchange.final and max_age and answer.samples and NEWEST not in exchange.others:
            query = newest_query(self.looked_at(context, exchange), max_age)
            if query:
                return InstantQuery(NEWEST, query, exchange.t)
        return None

    def _series_query(self, context: RuleContext, exchange: Exchange, memory: Memory, answer: Answer) -> str | None:
        series = self.series(context.rule)
        if series is None:
            if _value(answer) is None or (memory.members is not None and not exchange.final):
                return None
            return members_query(self.own_members(context, exchange))
        if context.expected is None or not context.expected.count:
            return None
        parts = self.counted(context, exchange)
        return expected_query(context.expected, series.by, parts, context.values) if parts else None

    def observe(self, context: RuleContext, exchange: Exchange) -> Observation:
        answer = exchange.refused or self.answer(context, exchange)
        counted, newest = exchange.others.get(SERIES), exchange.others.get(NEWEST)
        explicit = self.series(context.rule) is not None
        return Observation(
            exchange.t,
            answer,
            exchange.final,
            why=exchange.why,
            members=read_members(counted, exchange.t) if counted is not None and not explicit else None,
            series=read_count(counted, exchange.t) if counted is not None and explicit else None,
            newest=read_newest(newest, exchange.t) if newest is not None else None,
        )

    def judge(self, context: RuleContext, observation: Observation, memory: Memory) -> Decision:
        decision = replace(self._compare(context.rule, observation), memory=memory)
        if isinstance(observation.answer, Fault):
            return decision
        if self._counts(context.rule):
            decision = self._with_expected(context, observation, decision)
        else:
            decision = _with_members(observation, decision)
        if decision.verdict == Verdict.PASSED and observation.newest is not None:
            decision = self._with_newest(context.rule, observation.newest, decision)
        return decision

    def _with_expected(self, context: RuleContext, observation: Observation, decision: Decision) -> Decision:
        """The decision after `series.min`, which goes before an empty answer and after a breach."""
        memory, expected = decision.memory, context.expected
        breach = decision.verdict == Verdict.FAILED and memory.reached
        if expected is None or observation.series is None:
            message = "nothing says which series are counted; `series.of` does"
            return decision if breach else _error(decision, RuleReason.BAD_QUERY, message)
        if isinstance(observation.series, Fault):
            fault = observation.series
            return decision if breach else _error(decision, fault.reason, f"the count of series: {fault.message}")
        series = self.series(context.rule)
        count, by = observation.series, series.by if series is not None else ""
        enough = count >= expected.count
        decision = replace(decision, memory=changed(memory, reached=memory.reached or enough))
        if enough or breach:
            return decision
        message = f"{count} of at least {expected.count} values of label {by} are there"
        if not memory.reached:
            message += ", and there never were more" if observation.final else ""
            if not observation.final:
                return replace(
                    decision, verdict=Verdict.AWAITED, reason=RuleReason.SERIES_MISSING, message=message, value=None
                )
        verdict = Verdict(series.on_missing) if series is not None else Verdict.ERROR
        return replace(decision, verdict=verdict, reason=RuleReason.SERIES_MISSING, message=message)

    def _with_newest(self, rule: "Rule", newest: float | Fault, decision: Decision) -> Decision:
        if isinstance(newest, Fault):
            return _error(decision, newest.reason, f"the age of the newest sample: {newest.message}")
        age, max_age = decision.t - newest, self.max_age(rule)
        # Asked this way round, so that an age that is no number is not fresh.
        if age <= max_age:
            return decision
        message = f"the newest sample of a selector is {age:.0f}s old; maxAge allows {max_age}s"
        return _error(decision, RuleReason.STALE_DATA, message)

    def _compare(self, rule: "Rule", observation: Observation) -> Decision:
        """The decision of the value alone."""
        answer, comparison = observation.answer, self.comparison(rule)
        decision = Decision(
            rule.name, observation.t, Verdict.PASSED, RuleReason.NONE, "", final=observation.final, why=observation.why
        )
        if isinstance(answer, Fault):
            return _error(decision, answer.reason, answer.message)
        if not answer.samples:
            return _error(decision, RuleReason.NO_SAMPLES, "the query gave no sample")
        if len(answer.samples) > 1:
            message = f"the query gave {len(answer.samples)} series; it must give one"
            return _error(decision, RuleReason.AMBIGUOUS_RESULT, message)
        text = answer.samples[0].value
        value, decision = float(text), replace(decision, value=text, why="")
        if math.isnan(value):
            return _error(decision, RuleReason.NAN, "the value is not a number")
        if math.isinf(value):
            return _error(decision, RuleReason.NOT_FINITE, f"the value is {text}")
        shown = value_text(text, comparison.limit)
        if comparison.holds(value):
            return replace(decision, message=f"{shown} {comparison}")
        return replace(
            decision,
            verdict=Verdict.FAILED,
            reason=RuleReason.THRESHOLD_VIOLATED,
            message=f"{shown}, not {comparison}",
        )

    def requirement(self, rule: "Rule") -> str:
        return str(self.comparison(rule))

    def passes_when(self, rule: "Rule") -> str:
        return f"value {self.comparison(rule)}"

    def last_answer(self, state: RuleState, shown: Callable[[str], str] = str) -> str:
        return shown(state.value) if state.value is not None else "no value"


def _value(answer: Answer) -> float | None:
    """The one finite value; None without one."""
    if isinstance(answer, Fault) or len(answer.samples) != 1:
        return None
    value = float(answer.samples[0].value)
    return value if math.isfinite(value) else None


def _with_members(observation: Observation, decision: Decision) -> Decision:
    """The decision after the guard that counts without a word in the spec. A breach stays a breach."""
    members, memory = observation.members, decision.memory
    if members is None or decision.verdict not in (Verdict.PASSED, Verdict.FAILED):
        return decision
    failed = decision.verdict == Verdict.FAILED
    if isinstance(members, Fault):
        message = f"the count of series, which `series: {{min: 0}}` lifts: {members.message}"
        return decision if failed else _error(decision, members.reason, message)
    if memory.members is None:
        return replace(decision, memory=changed(memory, members=members))
    missing = missing_members(memory.members, members) if observation.final else ""
    if failed or not missing:
        return decision
    return _error(decision, RuleReason.SERIES_MISSING, f"{missing}; `series` says what must be there")


def _error(decision: Decision, reason: RuleReason, message: str) -> Decision:
    return replace(decision, verdict=Verdict.ERROR, reason=reason, message=message)
