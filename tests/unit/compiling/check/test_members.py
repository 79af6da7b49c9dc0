"""A node that was never scraped: which rules of a run would not miss it, and which rules of the run miss it for them."""

import pytest

from emit_helpers import full_run, rules_only
from validationrun.compiling.check.members import members
from validationrun.spec.findings import Finding, Severity
from validationrun.spec.v1alpha1 import ValidationRun

OURS = '{chain_id="${chainId}"}'
"""Matches the chain of the run, which has 4 validators and 2 full nodes; {ours} in a query stands for it."""


def query(promql: str, condition: str, **fields: object) -> dict[str, object]:
    op, threshold = condition.split()
    body = {"promql": promql.replace("{ours}", OURS), "op": op, "threshold": threshold, **fields}
    return {"type": "query", "query": body}


def counter(selector: str, condition: str, **fields: object) -> dict[str, object]:
    op, threshold = condition.split()
    body = {"selector": selector.replace("{ours}", OURS), "op": op, "threshold": threshold, **fields}
    return {"type": "counter", "counter": body}


def findings(*rules: dict[str, object], base=full_run) -> list[Finding]:
    run = base()
    run["spec"]["rules"] = [{"name": f"r{number}", **rule} for number, rule in enumerate(rules)]
    return list(members(ValidationRun.model_validate(run)))


def told(*rules: dict[str, object]) -> list[int]:
    """The positions of the rules that are told."""
    return [int(finding.loc[2]) for finding in findings(*rules)]


HEIGHT = query("min(increase(height{ours}[2m]))", "> 0")

HIDING = {
    "slowest": HEIGHT,
    "fewest peers": query("min(peers{ours})", ">= 3"),
    "largest lag": query("max(lag{ours})", "<= 5"),
    "none at fault": query("max(byzantine{ours})", "== 0"),
    "average": query("avg(peers{ours})", ">= 3"),
    "falls": query("10 - max(lag{ours})", "> 3"),
    "faults together": query("sum(increase(faults{ours}[2m]))", "<= 1"),
    "no fault": query("sum(faults{ours})", "== 0"),
    "few are down": query("count(up{ours} == 0)", "<= 1"),
    "spread": query("max(height{ours}) - min(height{ours})", "<= 5"),
    "share of faults": query("sum(rate(bad{ours}[2m])) / sum(rate(all{ours}[2m]))", "<= 0.05"),
    "quantile of a histogram": query("histogram_quantile(0.99, sum by (le) (rate(s_bucket{ours}[2m])))", "< 2"),
    "true or false": query("min(peers{ours}) >= bool 3", "== 1"),
    "over time": query("max_over_time(max(lag{ours})[2m:15s])", "< 10"),
    "with a fallback": query("max(lag{ours}) or 0 * sum(up{ours} == 1)", "< 10"),
    "counter": counter("crashes_total{ours}", "== 0"),
    "a few by counter": counter("crashes_total{ours}", "<= 3"),
    "a guard that stands elsewhere": query("min(height{ours}) and on () sum(up{ours})", "> 5"),
}


@pytest.mark.parametrize("rule", HIDING.values(), ids=HIDING.keys())
def test_a_rule_that_does_not_miss_a_node_is_told(rule: dict[str, object]):
    (finding,) = findings(rule)
    assert (finding.code, finding.severity) == ("VR581", Severity.WARNING)
    assert "a node that was never scraped is not missed" in finding.message


SHOWING = {
    "highest": query("max(height{ours})", "> 5"),
    "all together": query("sum(sent{ours})", ">= 6"),
    "number": query("count(up{ours} == 1)", "== 6"),
    "of the load": query('min(sent{pod=~"${runId}-.*"})', "> 0"),
    "of any chain": query('min(sent{namespace="${namespace}"})', "> 0"),
    "counter that must rise": counter("txs_total{ours}", "> 100"),
    "one series": query("height{ours}", "> 5"),
    "age of the newest": query("time() - max(made_at{ours})", "< 30"),
    "not zero": query("sum(txs{ours})", "!= 0"),
}


@pytest.mark.parametrize("rule", SHOWING.values(), ids=SHOWING.keys())
def test_a_rule_that_is_no_better_without_a_node_is_not(rule: dict[str, object]):
    assert findings(rule) == []


@pytest.mark.parametrize("least", ["nodes", "validators", "rpc", 1, 0])
def test_a_rule_that_says_what_must_be_there_is_not(least: object):
    assert findings(query("min(peers{ours})", ">= 3", series={"min": least})) == []


def test_every_rule_that_does_not_miss_a_node_is_told():
    assert told(HEIGHT, query("max(height{ours})", "> 5"), query("min(peers{ours})", ">= 3")) == [0, 2]


COUNTING = {
    "guarded": query("min(peers{ours})", ">= 3", series={"min": "nodes"}),
    "guarded by number": query("min(peers{ours})", ">= 3", series={"min": 6}),
    "guarded by something else": query("max(x)", ">= 3", series={"min": "nodes", "of": f"up{OURS} == 1"}),
    "smallest of all": query("min(up{ours})", "== 1", series={"min": "nodes"}),
    "scraped of all": query("max(x)", ">= 3", series={"min": "nodes", "of": f"min by (pod) (up{OURS}) > 0"}),
    "sum of all": query("sum(up{ours})", ">= 6", series={"min": "nodes"}),
    "counter": counter("crashes_total{ours}", "== 0", series={"min": "nodes"}),
    "count": query("count(up{ours} == 1)", "== 6"),
    "count by pod": query("count(count by (pod) (up{ours} == 1))", ">= 6"),
    "more than five": query("count(up{ours} > 0)", "> 5"),
    "sum": query("sum(up{ours})", "== 6"),
}


@pytest.mark.parametrize("rule", COUNTING.values(), ids=COUNTING.keys())
def test_one_rule_that_demands_every_node_is_enough(rule: dict[str, object]):
    assert told(HEIGHT, rule) == []


TOO_LITTLE = {
    "some": query("min(peers{ours})", ">= 3", series={"min": "validators"}),
    "one": query("min(peers{ours})", ">= 3", series={"min": 1}),
    "any": query("min(peers{ours})", ">= 3", series={"min": 0}),
    "of five": query("count(up{ours} == 1)", ">= 5"),
    "four": query("count(up{ours} == 1)", "== 4"),
    "at most": query("count(up{ours} == 1)", "<= 6"),
    "of another chain": query('count(up{job="x"} == 1)', "== 6"),
    "discovered": query("count(up{ours})", "== 6"),
    "discovered by pod": query("count(count by (pod) (up{ours}))", ">= 6"),
    "down": query("count(up{ours} == 0)", "== 6"),
    "not up": query("sum(up{ours} == bool 0)", "== 6"),
    "guarded by what is discovered": query("max(x)", ">= 3", series={"min": "nodes", "of": f"up{OURS}"}),
    "the best of what is discovered": query("max(up{ours})", "== 1", series={"min": "nodes"}),
    "all down": query("min(up{ours})", "== 0", series={"min": "nodes"}),
    "a fallback to what is discovered": query("max(x{ours}) or 0 * sum(up{ours})", "< 1", series={"min": "nodes"}),
    "alive and discovered": counter("crashes_total{ours}", "== 0", series={"min": "nodes", "of": f"up{OURS}"}),
    "sum of anything": query("sum(peers{ours})", ">= 6"),
    "pods that Kubernetes knows": query("count(kube_pod_info{ours})", "== 6"),
    "restarts": counter("kube_pod_container_status_restarts_total{ours}", "== 0", series={"min": "nodes"}),
}


@pytest.mark.parametrize("rule", TOO_LITTLE.values(), ids=TOO_LITTLE.keys())
def test_a_rule_that_demands_less_is_not_enough(rule: dict[str, object]):
    assert 0 in told(HEIGHT, rule)


def test_pods_that_kubernetes_knows_are_enough_for_their_restarts():
    restarts = counter("kube_pod_container_status_restarts_total{ours}", "== 0")
    assert told(restarts) == [0]
    assert told(restarts, query("count(kube_pod_info{ours})", "== 6")) == []


def test_of_an_existing_chain_nobody_knows_the_number_of_nodes():
    assert findings(HEIGHT, base=rules_only) == []


def test_the_way_out_of_a_counter_counts_something_else():
    (finding,) = findings(counter("crashes_total{ours}", "== 0"))
    assert "series: {min: nodes, of: 'up{chain_id=\"${chainId}\"} == 1'}" in finding.help
