"""The query of an alert rule."""

from validationrun.api.v1alpha1 import AlertRule
from validationrun.oracle.placeholders import Place, find_places, quoted


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
