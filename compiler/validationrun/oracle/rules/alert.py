"""Rule type `alert`: an alert that must not fire for this run."""

from validationrun.oracle.decision import Decision
from validationrun.oracle.exchange import Answer, Exchange, Fault, Samples
from validationrun.oracle.outcome import RuleReason, Verdict
from validationrun.oracle.placeholders import Place, find_places, quoted
from validationrun.oracle.prometheus_response import read_loaded, read_vector
from validationrun.spec.v1alpha1 import AlertRule, Rule


def question(rule: Rule) -> tuple[str, list[Place]]:
    """The query, and the places in it that are replaced."""
    return alert_query(_body(rule))


def alert_query(rule: AlertRule) -> tuple[str, list[Place]]:
    """
    What is asked of an alert: did it fire for this run at any moment of the window?

    Returns the query and the places in it that are replaced: the window, and placeholders in the matchers' values.
    The alert's name is taken as it is, whatever it holds.
    """
    head = f"max_over_time(ALERTS{{alertname={quoted(rule.rule_ref.alertname)}"
    matchers = ['alertstate="firing"', *(f"{m.name}{m.op}{quoted(m.value)}" for m in rule.matchers)]
    query = f"{head},{','.join(matchers)}}}[${{window}}])"
    places, _ = find_places(query)
    return query, [place for place in places if place.offset >= len(head)]


def firing_selector(query: str) -> str:
    """The series inside an alert's query as it is asked: which alerts fire at one moment."""
    return query[query.index("(") + 1 : query.rindex("[")]


def decide(rule: Rule, exchange: Exchange) -> Decision:
    """What one exchange means for a rule of this type. Silence passes only with the proof that came with it."""
    answer = exchange.refused or read_vector(exchange.reply)
    loaded = None
    if isinstance(answer, Samples) and not answer.samples:
        loaded = _loaded(rule, exchange)
    before = False
    if exchange.opening is not None:
        opening = read_vector(exchange.opening)
        before = isinstance(opening, Samples) and bool(opening.samples)
    return decide_alert(rule.name, exchange.t, answer, loaded, final=exchange.final, before=before)


def _loaded(rule: Rule, exchange: Exchange) -> Fault | None:
    if exchange.proof is None:
        return Fault(RuleReason.ALERT_NOT_LOADED, "nothing proves that this Prometheus runs the alert")
    return read_loaded(exchange.proof, _body(rule).rule_ref.alertname, exchange.answered)


def decide_alert(
    rule: str, t: float, answer: Answer, loaded: Fault | None, *, final: bool = False, before: bool = False
) -> Decision:
    """
    Any sample: it fired.

    Args:
        loaded: why this Prometheus cannot be said to run the alert; None with proof that it does. Silence passes with proof only.
        before: it fired already when the window opened.
    """
    if isinstance(answer, Fault):
        return Decision(rule, t, Verdict.ERROR, answer.reason, answer.message, final=final)
    if answer.samples:
        count = len(answer.samples)
        message = "the alert fired" if count == 1 else f"the alert fired for {count} series"
        message += "; already firing at start" if before else ""
        return Decision(rule, t, Verdict.FAILED, RuleReason.ALERT_FIRED, message, count=count, final=final)
    if loaded is not None:
        return Decision(rule, t, Verdict.ERROR, loaded.reason, loaded.message, final=final)
    return Decision(rule, t, Verdict.PASSED, RuleReason.NONE, "the alert did not fire", final=final)


def _body(rule: Rule) -> AlertRule:
    if rule.alert is None:
        raise ValueError(f"rule {rule.name} has no alert")
    return rule.alert
