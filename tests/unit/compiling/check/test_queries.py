"""The PromQL of rules: what lint says of each fault, by its kind, and that it leaves ordinary queries alone."""

import pytest

from emit_helpers import full_run, rules_only
from validationrun.compiling.check import check
from validationrun.spec.findings import Finding, Severity
from validationrun.spec.v1alpha1 import ValidationRun

OURS = '{chain_id="${chainId}"}'
"""Matches the chain of the run; ours in a query stands for it."""


def findings(promql: str, condition: str = "> 0", base=rules_only, **properties) -> list[Finding]:
    op, threshold = condition.split()
    run = base()
    query = {"promql": promql.replace("{ours}", OURS), "op": op, "threshold": threshold}
    run["spec"]["rules"] = [{"name": "r", "type": "query", "query": query, "runProperties": properties}]
    run["spec"].setdefault("timeouts", {})["runDuration"] = "10m"
    return check(ValidationRun.model_validate(run))


def codes(promql: str, condition: str = "> 0", **properties) -> list[str]:
    return [finding.code for finding in findings(promql, condition, **properties)]


SILENCE = {
    "known": ("sum(faults{ours}) or vector(0)", "== 0"),
    "times one": ("sum(faults{ours}) or (vector(0) * 1)", "== 0"),
    "on the left": ("vector(0) or sum(faults{ours})", "== 0"),
    "labelled": ('max(sum by (kind) (faults{ours}) or label_replace(vector(0), "kind", "any", "", ""))', "<= 0"),
    "negative": ("max(sum(faults{ours}) or -vector(1))", "<= 0"),
    "clamped": ("max(sum(faults{ours}) or clamp_max(vector(1), 0))", "== 0"),
    "summed": ("sum(sum(faults{ours}) or sum(vector(0)))", "== 0"),
    "of the clock": ("sum(faults{ours}) or vector(time()) * 0", "== 0"),
    "unless": ("vector(1) unless on () (sum(faults{ours}) > 5)", "== 1"),
    "unless an hour": ("hour() * 0 unless on () faults{ours}", "== 0"),
    "missing": ("sum(absent(faults{ours}) or sum(faults{ours}))", "<= 1"),
    "a scalar": ("scalar(sum(faults{ours})) > bool 5", "== 0"),
    "a share": ("(sum(faults{ours}) or vector(0)) / (sum(calls{ours}) or vector(1))", "<= 0.05"),
    "counted": ("count(faults{ours} > 5) or vector(0)", "<= 1"),
}


@pytest.mark.parametrize(("promql", "condition"), SILENCE.values(), ids=SILENCE.keys())
def test_silence_that_passes_is_told(promql: str, condition: str):
    (finding,) = findings(promql, condition)
    assert finding.code == "VR555"
    assert f"`{condition}` holds: a run without data could pass" in finding.message


def test_silence_that_fails_a_run_before_its_first_scrape_is_told():
    (finding,) = findings("sum(height{ours}) or vector(0)", "> 0")
    assert finding.code == "VR555"
    assert "does not hold: the rule is Failed before the first sample is there" in finding.message


NO_VALUE = {
    "a count of what is bad": ("count(up{ours} == 0)", "== 0", "VR572"),
    "a count of what is left": ("count(up{ours} unless up{ours} == 1)", "== 0", "VR571"),
    "what is absent": ("absent(up{ours}) * 0 + 2", "== 0", "VR571"),
}


@pytest.mark.parametrize(("promql", "condition", "code"), NO_VALUE.values(), ids=NO_VALUE.keys())
def test_a_rule_that_has_no_value_on_a_healthy_run_is_told(promql: str, condition: str, code: str):
    (finding,) = findings(promql, condition)
    assert finding.code == code
    assert "a run without data could pass" not in finding.message


def test_bool_between_a_vector_and_a_number_has_no_value_in_silence():
    assert codes("sum(faults{ours}) > bool 0", "== 0") == []


ALWAYS = {
    "increase": ("min(increase(height{ours}[2m]))", ">= 0"),
    "rate": ("sum(rate(txs{ours}[2m]))", ">= 0"),
    "absolute": ("abs(min(delta(height{ours}[1m])))", ">= 0"),
    "clamped": ("clamp_min(min(increase(height{ours}[2m])), 1)", "> 0"),
    "boolean": ("max(height{ours} >= bool 0)", ">= 0"),
    "square": ("sum(drift{ours}) ^ 2", "> -1"),
    "count": ("count(height{ours})", ">= 0"),
    "unequal": ("sum(rate(faults{ours}[2m]))", "!= -1"),
    "counter": ("sum(faults_total{ours})", ">= 0"),
    "share": ("sum(rate(a{ours}[2m])) / sum(rate(b{ours}[2m]))", "> -0.5"),
}


@pytest.mark.parametrize(("promql", "condition"), ALWAYS.values(), ids=ALWAYS.keys())
def test_a_rule_that_cannot_fail_is_told(promql: str, condition: str):
    assert codes(promql, condition) == ["VR570"]


@pytest.mark.parametrize(
    ("promql", "condition"),
    [
        ("min(increase(height{ours}[2m]))", "< 0"),
        ("max(up{ours})", "> 1"),
        ("count(up{ours})", "< 1"),
        ("absent(up{ours})", "== 0"),
    ],
)
def test_a_rule_that_cannot_pass_is_told(promql: str, condition: str):
    assert codes(promql, condition) == ["VR571"]


def test_a_count_that_must_be_there_proves_something():
    assert codes("count(height{ours})", "> 0") == []


FILTERS = {
    "memory": ("max(memory_bytes{ours}) > 8e9", "> 0", 'promql: `max(memory_bytes{ours})`, threshold: "8e9"'),
    "height": ("min(increase(height{ours}[2m])) > 0", "> 0", 'promql: `min(increase(height{ours}[2m]))`, threshold: "0"'),
    "lag": ("max(lag_seconds{ours}) < 10", ">= 0", 'op: "<" when the comparison names what must hold, op: ">="'),
    "none down": ("min(up{ours}) == 0", "!= 0", 'op: "!=" when it is an alert\'s and names what is bad'),
    "worst lag": ("max(lag_seconds{ours} > 10)", "<= 60", "take the comparison out of promql"),
    "share": ("100 * sum(rate(a{ours}[2m])) / sum(rate(b{ours}[2m])) > 5", "<= 5", "promql: `100 * sum(rate(a{ours}[2m])) / sum(rate(b{ours}[2m]))`"),
    "two metrics": ("max(height{ours}) > min(final{ours})", "> 0", 'promql: `(max(height{ours})) - (min(final{ours}))`, threshold: "0"'),
    "bound of several digits": ("max(a{ours}) > 1 / 4", "> 0", 'threshold: "0.25"'),
    "bound of the time": ("max(a{ours}) > time() - 60", "> 0", 'promql: `(max(a{ours})) - (time() - 60)`, threshold: "0"'),
}  # fmt: skip


@pytest.mark.parametrize(("promql", "condition", "way_out"), FILTERS.values(), ids=FILTERS.keys())
def test_a_comparison_that_filters_is_told_with_its_split(promql: str, condition: str, way_out: str):
    (finding,) = findings(promql, condition)
    assert finding.code == "VR572"
    assert way_out.replace("{ours}", OURS) in finding.help


@pytest.mark.parametrize("condition", ["== 5", "!= 3"])
@pytest.mark.parametrize("promql", ["sum(increase(height{ours}[2m]))", "sum(delta(height{ours}[2m]))"])
def test_equality_of_what_is_extrapolated_is_told(promql: str, condition: str):
    (finding,) = findings(promql, condition)
    assert finding.code == "VR573"
    assert "use rule type `counter`" in finding.help


@pytest.mark.parametrize(
    ("promql", "condition"),
    [
        ("sum(increase(panics_total{ours}[${window}]))", "== 0"), ("sum(increase(panics_total{ours}[2m]))", "<= 0"),
        ("sum(rate(panics_total{ours}[2m]))", "== 0"), ("max(irate(panics_total{ours}[2m]))", "== 0"),
    ],
)  # fmt: skip
def test_a_counter_that_must_not_rise_is_counted_exactly(promql: str, condition: str):
    (finding,) = findings(promql, condition)
    assert finding.code == "VR573"
    assert "use rule type `counter`" in finding.help


@pytest.mark.parametrize(
    ("promql", "condition"),
    [
        ("sum(increase(txs_total{ours}[2m]))", "> 0"),
        ("sum(increase(txs_total{ours}[2m]))", "!= 0"),
        ("max(delta(size{ours}[2m]))", "== 0"),
    ],
)
def test_a_counter_that_must_rise_is_not(promql: str, condition: str):
    assert codes(promql, condition) == []


def test_an_increase_may_be_compared_by_a_bound():
    assert codes("sum(increase(restarts_total{ours}[2m]))", "<= 1") == []


SHARE = "sum(rate(bad{ours}[2m])) / sum(rate(all{ours}[2m]))"
NAN_PASSES = {
    "share": (f"{SHARE} > bool 0.05", "== 0"),
    "below one": (f"{SHARE} > bool 0.05", "< 1"),
    "unequal": (f"{SHARE} != bool 1", "== 1"),
    "turned round": (f"0.05 < bool {SHARE}", "== 0"),
    "of any node": ("sum(rate(bad{ours}[2m]) / rate(all{ours}[2m]) > bool 0.05)", "== 0"),
    "of the worst node": ("max(rate(bad{ours}[2m]) / rate(all{ours}[2m]) > bool 0.05)", "<= 0"),
    "quantile of nothing": ("histogram_quantile(0.99, sum by (le) (rate(s_bucket{ours}[2m]))) > bool 2", "== 0"),
    "rest": ("max(height{ours}) % max(step{ours}) > bool 1", "== 0"),
    "less than all": (f"1 - ({SHARE} > bool 0.05)", "== 1"),
    "one of two": (f"({SHARE} > bool 0.05) + (max(lag{{ours}}) > bool 9)", "== 0"),
    "rounded": (f"round({SHARE}) > bool 0", "== 0"),
}


@pytest.mark.parametrize(("promql", "condition"), NAN_PASSES.values(), ids=NAN_PASSES.keys())
def test_nan_that_passes_by_bool_is_told(promql: str, condition: str):
    (finding,) = findings(promql, condition)
    assert finding.code == "VR582"
    assert f"`{condition}` holds: the rule passes without a number" in finding.message


@pytest.mark.parametrize(
    ("promql", "condition"),
    [
        (f"{SHARE} <= bool 0.05", "== 1"), (f"{SHARE} <= bool 0.05", "> 0"), (f"{SHARE} != bool 1", "== 0"),
        (f"({SHARE} < bool 0.05) + (max(lag{{ours}}) < bool 9)", ">= 1"),
    ],
)  # fmt: skip
def test_nan_that_fails_by_bool_is_told(promql: str, condition: str):
    (finding,) = findings(promql, condition)
    assert finding.code == "VR582"
    assert f"`{condition}` does not hold: the rule is Failed without a number" in finding.message


@pytest.mark.parametrize(
    ("promql", "condition"),
    [
        ("max(lag{ours}) > bool 5", "== 0"), ("max(used_bytes{ours}) / 1024 > bool 5", "== 0"), (f"{SHARE}", "<= 0.05"),
        ("sum(rate(bad{ours}[2m])) / (sum(rate(all{ours}[2m])) > 0) > bool 0.05", "== 0"),
        ("sum(rate(bad{ours}[2m])) / clamp_min(sum(rate(all{ours}[2m])), 1) > bool 0.05", "== 0"),
        (f"({SHARE} >= 0) > bool 0.05", "== 0"), ("1 / sum(rate(all{ours}[2m])) > bool 5", "== 0"),
        ("count(rate(bad{ours}[2m]) / rate(all{ours}[2m])) > bool 5", "== 1"), (f"max(lag{{ours}}) and on () ({SHARE} > bool 0.05)", "< 5"),
        ("sum(rate(bad{ours}[2m])) / (sum(rate(all{ours}[2m])) != 0) > bool 0.05", "== 0"),
    ],
)  # fmt: skip
def test_bool_of_what_is_no_nan_is_not(promql: str, condition: str):
    assert "VR582" not in codes(promql, condition)


REACH = {
    "an hour ago": ("min(increase(height{ours}[2m] offset 1h))", {}, "VR552"),
    "fixed": ("max(height{ours} @ 1700000000)", {}, "VR576"),
    "ahead": ("max(height{ours} offset -1m)", {}, "VR576"),
    "nested": ("max_over_time(sum(rate(txs{ours}[9m]))[9m:])", {}, "VR552"),
    "gaps": ("max(increase(panics{ours}[1m]))", {"interval": "5m"}, "VR574"),
    "gaps of a subquery": ("max_over_time(max(lag{ours})[1m:15s])", {"interval": "5m"}, "VR574"),
    "gauge": ("min(up{ours})", {"interval": "2m"}, "VR575"),
    "the window and an hour": ("sum(increase(a{ours}[${window}] offset 1h))", {}, "VR552"),
}


@pytest.mark.parametrize(("promql", "properties", "code"), REACH.values(), ids=REACH.keys())
def test_a_query_that_looks_elsewhere_than_at_the_run_is_told(promql: str, properties: dict[str, str], code: str):
    assert codes(promql, "> 0", **properties) == [code]


@pytest.mark.parametrize(
    ("promql", "properties"),
    [
        ("max_over_time(sum(rate(txs{ours}[1m]))[${window}:30s])", {}), ("sum(increase(a_total{ours}[${window}]))", {"interval": "5m"}),
        ("sum(increase(a{ours}[5m]))", {"interval": "5m"}), ("min(up{ours})", {"interval": "1m"}), ("max(sent_total{ours})", {"interval": "5m"}),
        ("max(height{ours} @ end())", {}), ("sum(rate(a{ours}[2m])) / sum(rate(a{ours}[2m] offset 2m))", {}),
        ("sum(rate(a{ours}[5m])) and on () up{ours}", {"interval": "5m"}), ("min(min_over_time(up{ours}[2m]))", {"interval": "2m"}),
    ],
)  # fmt: skip
def test_a_query_that_looks_at_the_run_is_not(promql: str, properties: dict[str, str]):
    assert codes(promql, "> 0", **properties) == []


SCOPE = {
    "any chain": ('max(increase(txs{namespace="${namespace}"}[2m]))', "> 0", ["VR554"]),
    "any load": ('sum(rate(sent{namespace="${namespace}"}[2m]))', "> 0", ["VR554"]),
    "any lag": ('time() - max(made_at{namespace="${namespace}"})', "< 60", ["VR554"]),
    "any height": ('min(behind{namespace="${namespace}"})', "< 5", ["VR554"]),
    "literal namespace": ('max(increase(txs{namespace="eng-ada"}[2m]))', "> 0", ["VR554"]),
    "every chain": ('min(increase(txs{namespace="${namespace}"}[2m]))', "> 0", []),
    "no restart": ('sum(increase(restarts{namespace="${namespace}"}[2m]))', "<= 1", []),
    "pods of the load": ('sum(rate(sent{namespace="${namespace}", pod=~"${runId}-.*"}[2m]))', "> 0", []),
    "joined": ('sum(phase{namespace="${namespace}"} * on (namespace, pod) group_left (node) pod_info)', "<= 0", []),
    "joined with our pods": ('sum(rate(a{namespace="${namespace}"}[2m]) * on (pod) group_left () info{pod=~"${chainId}-.*"})', "> 0", []),
    "not joined": ("sum(a{ours}) / sum(b)", "> 0", ["VR554"]),
    "one alternative": ('min(a{chain_id="${chainId}" or job="x"})', "> 0", ["VR554"]),
}  # fmt: skip


@pytest.mark.parametrize(("promql", "condition", "expected"), SCOPE.values(), ids=SCOPE.keys())
def test_a_query_that_another_chain_can_answer_is_told(promql: str, condition: str, expected: list[str]):
    assert codes(promql, condition) == expected


SHAPE = {
    "no le": ("histogram_quantile(0.99, sum(rate(seconds_bucket{ours}[2m])))", "< 5", ["VR578"]),
    "many to one": ("max(up{ours} * on () sum(up{ours}))", "> 0", ["VR577"]),
    "relabelled": (
        'sum by (chain_id) (label_replace(up{ours}, "chain_id", "$1", "instance", "(.*)"))',
        "> 0",
        ["VR551"],
    ),
    "average": ("avg(up{ours})", ">= 0.9", ["VR580"]),
    "average of truths": ("100 * avg(lag{ours} < bool 5)", "> 0.5", ["VR580"]),
    "no pair": ("max(up{ours} / sum(up{ours}))", "> 0", ["VR577"]),
    "native histogram": ("histogram_quantile(0.99, sum(rate(seconds{ours}[2m])))", "< 5", []),
    "average of seconds": ("avg(seconds{ours})", "< 0.5", []),
    "all up on average": ("avg(up{ours})", ">= 1", []),
}


@pytest.mark.parametrize(("promql", "condition", "expected"), SHAPE.values(), ids=SHAPE.keys())
def test_a_query_that_gives_no_honest_number_is_told(promql: str, condition: str, expected: list[str]):
    assert codes(promql, condition) == expected


@pytest.mark.parametrize(
    "promql",
    [
        "max(rate(height{ours}[1m * 2]))", "max(rate(height{ours}[step()]))", "max(increase(height{ours}[2m] anchored))", "max(height{ours}) - 1_000",
        "max(height{ours}) </ 5", "max(holt_winters(height{ours}[2m], 0.5, 0.5))",
    ],
)  # fmt: skip
def test_newer_syntax_is_not_checked(promql: str):
    (finding,) = findings(promql)
    assert (finding.code, finding.severity) == ("VR579", Severity.WARNING)
    assert "is not checked" in finding.message


def test_a_fault_beside_newer_syntax_is_an_error():
    (finding,) = findings("increse(height{ours}[1m * 2])")
    assert (finding.code, finding.severity) == ("VR501", Severity.ERROR)


@pytest.mark.parametrize(("operators", "expected"), [(149, ["VR551"]), (150, ["VR579"])])
def test_a_query_that_is_nested_too_deeply_is_not_checked(operators: int, expected: list[str]):
    assert codes(" + ".join(["up{ours}"] * (operators + 1))) == expected


ORDINARY = [
    ("min(increase(height{ours}[2m]))", "> 0"), ("min(up{ours})", "== 1"), ("count(up{ours} == 1)", ">= 4"), ("sum(up{ours})", ">= 4"),
    ("sum(up{ours} == bool 0)", "== 0"), ("max(lag_seconds{ours})", "<= 10"), ("max(catching_up{ours})", "== 0"), ("count(rate(height{ours}[2m]) > 0)", "== 4"),
    ("sum(rate(bad_total{ours}[2m])) / sum(rate(all_total{ours}[2m]))", "<= 0.05"),
    ("sum(rate(bad_total{ours}[2m])) / (sum(rate(all_total{ours}[2m])) > 0)", "<= 0.05"),
    ("sum(rate(bad_total{ours}[2m])) / clamp_min(sum(rate(all_total{ours}[2m])), 1)", "<= 0.05"),
    ("(sum(bad_total{ours}) or 0 * sum(up{ours} == 1))", "== 0"),
    ("histogram_quantile(0.99, sum by (le) (rate(seconds_bucket{ours}[2m])))", "< 2"), ("time() - max(made_at{ours})", "< 30"),
    ("time() - max(made_at{ours} > 0)", "< 30"), ("max(height{ours}) - min(height{ours})", "<= 5"), ("max(changes(started_at{ours}[${window}]))", "== 0"),
    ("max(memory_bytes{ours}) / 1024 / 1024", "< 4096"),
    ('max(memory_bytes{pod=~"${chainId}-.*"} / on (namespace, pod) limit_bytes{pod=~"${chainId}-.*"})', "< 0.9"),
    ("max_over_time(max(lag{ours})[2m:15s])", "< 10"), ("quantile(0.95, lag{ours})", "< 5"), ("avg(rate(sent_total{ours}[2m]))", "> 10"),
    ("sum(rate(sent_total{ours}[2m])) >= bool 10", "== 1"), ("max(deriv(memory_bytes{ours}[10m]))", "< 12000"), ("topk(1, lag{ours})", "< 5"),
    ("max(lag{ours}) and on () sum(rate(all_total{ours}[2m])) > 10", "< 5"), ("sum by (chain_id) (rate(a_total{ours}[2m]))", "> 5"),
    ("min(sum by (pod) (rate(a_total{ours}[2m])))", "> 0"), ("sum(increase(restarts_total{ours}[${window}]))", "<= 1"),
    ("max(abs(clock_offset_seconds{ours}))", "< 0.5"), ("max(max_over_time(pool_size{ours}[1m]))", "<= 10000"),
    ('sum(kube_pod_status_phase{namespace="${namespace}", pod=~"${chainId}-.*", phase="Pending"})', "<= 0"),
]  # fmt: skip


@pytest.mark.parametrize(("promql", "condition"), ORDINARY, ids=[" ".join(pair) for pair in ORDINARY])
def test_an_ordinary_query_has_no_finding(promql: str, condition: str):
    assert codes(promql, condition) == []


def test_a_finding_stands_beside_an_error_of_another_field():
    """Both are told at once: the query is read although another rule is wrong."""
    run = full_run()
    wrong = {"promql": "increse(height)", "op": ">", "threshold": "0"}
    silent = {"promql": f"sum(faults{OURS}) or vector(0)", "op": "==", "threshold": "0"}
    run["spec"]["rules"] = [
        {"name": name, "type": "query", "query": query} for name, query in (("wrong", wrong), ("silent", silent))
    ]
    found = [finding.code for finding in check(ValidationRun.model_validate(run))]
    assert {"VR501", "VR555"} <= set(found)
