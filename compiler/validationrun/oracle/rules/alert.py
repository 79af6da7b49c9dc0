"""Rule type `alert`: an alert that must not fire for this run."""

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Final

from validationrun.oracle.alert_proof import PROOF, AlertProof
from validationrun.oracle.decision import Decision, Observation, Silence
from validationrun.oracle.exchange import Exchange, Fault, Samples
from validationrun.oracle.fold import RuleState
from validationrun.oracle.label_matcher import matchers_of
from validationrun.oracle.memory import Memory
from validationrun.oracle.outcome import RuleReason, Verdict
from validationrun.oracle.placeholders import Place, find_places, quoted
from validationrun.oracle.prometheus_response import read_vector
from validationrun.oracle.rule_context import RuleContext
from validationrun.oracle.rules.rule_type import AlertReference, AlertRules, InstantQuery, Request, RuleType
from validationrun.oracle.silence import SilentTick

if TYPE_CHECKING:
    from validationrun.spec.v1alpha1 import AlertRule, Matcher, Rule

OPENING: Final = "opening"
"""The request that tells which alerts fired already when the rule's range opened."""


_NOTHING_KNOWN: Final = Silence(
    Fault(RuleReason.ALERT_NOT_LOADED, "nothing proves that this Prometheus runs the alert")
)


class Alert(RuleType):
    """Failed once the alert fired at any moment of the window; its silence passes only with the proof of `oracle/silence.py`."""

    name = "alert"
    own_labels = frozenset({"__name__", "alertname", "alertstate"})
    failed_word = "fired"
    passed_word = "did not fire"

    def matchers(self, rule: "Rule") -> "Sequence[Matcher]":
        return _body(rule).matchers

    def reference(self, rule: "Rule") -> AlertReference:
        body = _body(rule)
        reference = body.rule_ref
        return AlertReference(reference.namespace, reference.name, reference.alertname, body.pending)

    def question(self, rule: "Rule") -> tuple[str, list[Place]]:
        """
        Did it fire for this run at any moment of the window?

        Replaced are the window, and placeholders in the values of the matchers; the alert's name is taken as it is.
        """
        body = _body(rule)
        head = f"max_over_time(ALERTS{{alertname={quoted(body.rule_ref.alertname)}"
        matchers = ['alertstate="firing"', *(f"{m.name}{m.op}{quoted(m.value)}" for m in body.matchers)]
        query = f"{head},{','.join(matchers)}}}[${{window}}])"
        places, _ = find_places(query)
        return query, [place for place in places if place.offset >= len(head)]

    def opens(self, rule: "Rule", start: float, t: float) -> float:
        """After `startAfter`: an alert that fired before does not count."""
        return min(start + int(rule.run_properties.start_after), t)

    def next_request(
        self, context: RuleContext, exchange: Exchange, memory: Memory, asked: Collection[str]
    ) -> Request | None:
        del memory
        if OPENING in exchange.others:
            return None
        answer = read_vector(exchange.reply, exchange.t)
        if isinstance(answer, Fault):
            return None
        if not answer.samples:
            if PROOF not in exchange.others:
                return AlertRules(PROOF, self.reference(context.rule).alertname)
            further = self._proof(context, exchange).next_query()
            return InstantQuery(*further, exchange.t) if further is not None else None
        # Did it fire before the run began? For people, and said once; the verdict does not depend on it.
        if OPENING in asked:
            return None
        return InstantQuery(
            OPENING, _firing_series(exchange.query), self.opens(context.rule, context.start, exchange.t)
        )

    def latching_series(self, query: str) -> str:
        return _firing_series(query)

    def observe(self, context: RuleContext, exchange: Exchange) -> Observation:
        answer = exchange.refused or read_vector(exchange.reply, exchange.t)
        silence = self.silence(context, exchange) if isinstance(answer, Samples) and not answer.samples else None
        before = False
        if OPENING in exchange.others:
            opening = read_vector(exchange.others[OPENING], self.opens(context.rule, context.start, exchange.t))
            before = isinstance(opening, Samples) and bool(opening.samples)
        return Observation(exchange.t, answer, exchange.final, silence, before)

    def silence(self, context: RuleContext, exchange: Exchange, *, assumed: bool = False) -> Silence:
        if PROOF not in exchange.others:
            return _NOTHING_KNOWN
        return self._proof(context, exchange, assumed=assumed).silence()

    def _proof(self, context: RuleContext, exchange: Exchange, *, assumed: bool = False) -> AlertProof:
        body = _body(context.rule)
        return AlertProof(
            exchange,
            body.rule_ref.alertname,
            matchers_of(context.values, body.matchers),
            self.opens(context.rule, context.start, exchange.t),
            context.start,
            body.pending,
            body.require_series,
            assumed,
        )

    def judge(self, context: RuleContext, observation: Observation, memory: Memory) -> Decision:
        rule, t, answer, final = context.rule, observation.t, observation.answer, observation.final
        if isinstance(answer, Fault):
            return Decision(rule.name, t, Verdict.ERROR, answer.reason, answer.message, final=final, memory=memory)
        if not answer.samples:
            silence = observation.silence or _NOTHING_KNOWN
            return SilentTick(rule, context.start, t, final, _body(rule).pending).decide(silence, memory)
        count = len(answer.samples)
        message = "the alert fired" if count == 1 else f"the alert fired for {count} series"
        message += "; already firing at start" if observation.before else ""
        return Decision(
            rule.name, t, Verdict.FAILED, RuleReason.ALERT_FIRED, message, count=count, final=final, memory=memory
        )

    def requirement(self, rule: "Rule") -> str:
        del rule
        return "must not fire"

    def passes_when(self, rule: "Rule") -> str:
        del rule
        return "the alert does not fire"

    def condition(self, rule: "Rule", shown: Callable[[str], str] = str) -> str:
        body = _body(rule)
        reference = body.rule_ref
        scope = ", ".join(f'{m.name}{m.op}"{shown(m.value)}"' for m in body.matchers)
        alert = f"alert {shown(reference.alertname)} of {reference.namespace}/{reference.name}"
        return f"{alert} does not fire" + (f" for {{{scope}}}" if scope else "")

    def last_answer(self, state: RuleState, shown: Callable[[str], str] = str) -> str:
        del shown
        if state.fired:
            return f"fired for {state.fired} series"
        return "did not fire" if state.answered else "no answer"

    def fired_count(self, state: RuleState) -> int:
        return state.fired


def _firing_series(query: str) -> str:
    """The series inside an alert's query as it is asked: the alerts that fire at one moment."""
    return query[query.index("(") + 1 : query.rindex("[")]


def _body(rule: "Rule") -> "AlertRule":
    if rule.alert is None:
        raise ValueError(f"rule {rule.name} has no alert")
    return rule.alert
