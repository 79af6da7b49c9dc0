"""Which series are asked for, and what their counts mean."""

import pytest

import replies
from validationrun.oracle.exchange import Fault
from validationrun.oracle.series import (
    expected_query,
    members_query,
    missing_members,
    newest_query,
    query_aggregations,
    read_count,
    read_members,
    read_newest,
    run_aggregations,
)
from validationrun.oracle.series_count import Expected, expected_of
from validationrun.spec import promql
from validationrun.spec.v1alpha1 import ChainSpec, Series

VALUES = {"chainId": "net-0a1b", "namespace": "eng", "runId": "nightly-x7"}


def chain(**replicas):
    deployments = [
        {
            "name": name.replace("_", "-"),
            "role": "validator" if name == "validators" else "fullNode",
            "spec": {"replicas": count, "template": {"spec": {"image": "registry.example.com/seid:v1"}}},
        }
        for name, count in replicas.items()
    ]
    return ChainSpec.model_validate({"chainId": "net", "deployments": deployments})


@pytest.mark.parametrize(
    ("least", "count", "objects"),
    [
        (3, 3, ()),
        ("validators", 4, ("${chainId}-validators",)),
        ("fullNodes", 5, ("${chainId}-rpc", "${chainId}-rpc-2")),
        ("nodes", 9, ("${chainId}-validators", "${chainId}-rpc", "${chainId}-rpc-2")),
        ("rpc-2", 3, ("${chainId}-rpc-2",)),
    ],
)
def test_a_name_stands_for_replicas(least, count, objects):
    found = expected_of(Series.model_validate({"min": least}), chain(validators=4, rpc=2, rpc_2=3))
    assert (found.count, found.objects) == (count, objects)


def test_the_pods_of_another_deployment_of_like_name_are_not_counted():
    found = expected_of(Series.model_validate({"min": "rpc"}), chain(validators=4, rpc=2, rpc_2=3))
    assert found == Expected(2, ("${chainId}-rpc",), ("${chainId}-rpc-2",))


def test_a_name_that_names_nothing_is_refused():
    with pytest.raises(ValueError, match="names no deployment"):
        expected_of(Series.model_validate({"min": "validator"}), chain(validators=4, rpc=2))
    with pytest.raises(ValueError, match="names no deployment"):
        expected_of(Series.model_validate({"min": "validators"}), None)
    assert expected_of(None, None) is None


OWN = 'height{chain_id="${chainId}"}'


@pytest.mark.parametrize(
    ("query", "under"),
    [
        (f"min({OWN})", [OWN]),
        (f"min(increase({OWN}[2m]))", [f"increase({OWN}[2m])"]),
        (f"count({OWN} > 5)", [OWN]),
        (f"count(5 < {OWN})", [OWN]),
        (f"count({OWN} > bool 5)", [f"{OWN} > bool 5"]),
        (f"count({OWN} unless up)", [OWN]),
        (f"sum(({OWN} and up))", [OWN]),
        (f"min(sum by (pod) ({OWN}))", [f"sum by (pod) ({OWN})"]),
        (f"max({OWN}) - min({OWN})", [OWN]),
        (f"sum({OWN}) / sum(rate(node_cpu[1m]))", [OWN]),
        (f"scalar(sum({OWN})) > bool 1", [OWN]),
        (f"quantile(0.9, {OWN})", [OWN]),
        ('sum(x{pod=~"${runId}-.*"})', ['x{pod=~"${runId}-.*"}']),
        ('sum(x{namespace="${namespace}"})', []),
        (OWN, []),
        ("sum(x)", []),
        (f"histogram_quantile(0.9, sum by (le) ({OWN}))", [OWN]),
    ],
)
def test_what_counts_by_itself(query, under):
    def filled(text):
        return text.replace("${chainId}", VALUES["chainId"]).replace("${runId}", VALUES["runId"])

    assert run_aggregations(query, VALUES, filled(query)) == list(map(filled, under))


def test_a_query_that_only_a_newer_parser_reads_counts_nothing():
    newer = f"sum(increase({OWN}[1m * 2]))"
    assert run_aggregations(newer, VALUES, newer.replace("${chainId}", "a")) == []
    assert query_aggregations(newer) == []
    assert newest_query(newer, 150) is None


def test_a_literal_series_count_keeps_its_filters():
    assert query_aggregations("count(up == 1)") == ["up == 1"]


ASKED = [
    members_query(["up", 'rate(x{a="b"}[1m])']),
    expected_query(Expected(3), "pod", ["up", "x # a comment"], VALUES),
    expected_query(Expected(4, ("${chainId}-validators",)), "pod", ["up"], VALUES),
    expected_query(Expected(4, ("${chainId}-rpc",), ("${chainId}-rpc-2",)), "node", ["up"], VALUES),
    newest_query("min(increase(x[10m])) / max_over_time(sum(y)[5m:1m]) - z offset 5m", 150),
]


@pytest.mark.parametrize("query", ASKED)
def test_what_is_asked_is_promql_that_gives_few_series(query):
    tree = promql.parse(query)
    assert promql.value_type(tree) == "vector"


def test_only_selectors_without_offset_are_looked_at():
    asked = newest_query(
        "min(x) + sum(y offset 1m) + max(z @ 100) + sum(rate(x[10m])) + max_over_time(w[5m:1m] offset 1m)", 150
    )
    assert asked == (
        'label_replace(max(timestamp(x)) or max(max_over_time(timestamp(x)[600s:1m])), "validationrun", "selector0", "", "")'
    )


def counts(**parts):
    result = [{"metric": {"validationrun": part}, "value": [10, str(count)]} for part, count in parts.items()]
    return replies.success("vector", result)


def test_counts_are_read_by_aggregation():
    assert read_members(counts(pods0=4, series0=8, series1=2), 10) == (4, 8, 0, 2)
    assert read_members(counts(series1=2), 10) == (0, 0, 0, 2)
    assert read_members(counts(), 10) == ()
    assert isinstance(read_members(replies.http(503), 10), Fault)
    assert read_count(replies.vector("3", t=10), 10) == 3
    assert read_count(replies.vector(), 10) == 0
    assert isinstance(read_count(replies.vector("3", t=99), 10), Fault)
    assert read_newest(replies.vector("90", "80.5", t=10), 10) == 80.5
    assert read_newest(replies.vector(), 10) is None


@pytest.mark.parametrize(
    ("first", "now", "missing"),
    [
        ((4, 8), (4, 8), False),
        ((4, 8), (5, 8), False),
        ((4, 8), (4, 4), False),
        ((4, 8), (3, 8), True),
        ((0, 8), (0, 7), True),
        ((0, 8), (1, 8), False),
        ((0, 0), (), False),
        ((), (4, 8), False),
        ((4, 8), (), True),
        ((4, 4, 2, 2), (4, 4), True),
    ],
)
def test_pods_go_before_series(first, now, missing):
    assert bool(missing_members(first, now)) is missing
