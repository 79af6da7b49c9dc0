"""VR584: rules for which an `up` of 0 is as good as one of 1."""

import pytest

from emit_helpers import edited
from validationrun.compiling.check import check
from validationrun.spec.findings import Finding, Severity, format_path
from validationrun.spec.parse import parse_document

UP = 'up{chain_id="${chainId}"}'


def findings(rule: dict[str, object]) -> list[Finding]:
    def edit(run):
        run["spec"]["rules"] = [{"name": "r", **rule}]

    run, faults = parse_document(edited(edit))
    assert run is not None, faults
    return [finding for finding in check(run) if finding.code == "VR584"]


def counter(**fields: object) -> dict[str, object]:
    body = {"selector": 'panics_total{chain_id="${chainId}"}', "op": "==", "threshold": "0", **fields}
    return {"type": "counter", "counter": body}


def query(promql: str, condition: str, **fields: object) -> dict[str, object]:
    op, threshold = condition.split()
    body = {"promql": promql.replace("UP", UP), "op": op, "threshold": threshold, **fields}
    return {"type": "query", "query": body}


ERRORS = 'sum(increase(errors_total{chain_id="${chainId}"}[2m]))'
HEIGHT = 'min(height{chain_id="${chainId}"})'

EXISTS = [UP, f"count by (pod) ({UP})", f"{UP} >= 0", f"{UP} == bool 1", f"max_over_time({UP}[1m])", f"height or {UP}"]
SCRAPED = [
    f"{UP} == 1",
    f"{UP} > 0",
    f"sum({UP}) >= 3",
    f"height and {UP}",
    'height{chain_id="${chainId}"}',
    f"group by (pod) ({UP} == 1)",
]


@pytest.mark.parametrize("expression", EXISTS)
def test_an_up_that_need_not_be_1_is_a_warning(expression: str):
    (alive,) = findings(counter(alive=expression))
    assert (format_path(alive.loc), alive.severity) == ("spec.rules[0].counter.alive", Severity.WARNING)
    assert "has a series for targets that cannot be scraped" in alive.message
    assert alive.help == f"write `{UP} == 1`, which has a series only for a target that was scraped"
    for rule in (
        query(HEIGHT, "> 0", series={"min": 2, "of": expression}),
        counter(series={"min": 2, "of": expression}),
    ):
        (of,) = findings(rule)
        assert format_path(of.loc) == f"spec.rules[0].{rule['type']}.series.of"
        assert "counts targets that cannot be scraped" in of.message


@pytest.mark.parametrize("expression", SCRAPED)
def test_an_up_that_is_compared_is_not(expression: str):
    assert findings(counter(alive=expression, series={"min": 2, "of": expression})) == []


@pytest.mark.parametrize(
    "metric",
    [
        "scrape_samples_scraped", "scrape_samples_post_metric_relabeling", "scrape_series_added", "scrape_body_size_bytes",
        "scrape_duration_seconds", "scrape_timeout_seconds", "scrape_sample_limit",
    ],
)  # fmt: skip
def test_a_series_of_the_scrape_itself_is_no_scrape(metric: str):
    series = UP.replace("up", metric)
    (of, alive) = findings(counter(alive=series, series={"min": 2, "of": series}))
    assert alive.message.endswith(
        f"has a series for targets that cannot be scraped: Prometheus writes `{metric}` for them too"
    )
    assert (
        alive.help
        == f"write `{UP} == 1` in its place, or add `and {UP} == 1`: that has a series only for a target that was scraped"
    )
    assert "counts targets that cannot be scraped" in of.message
    assert findings(counter(alive=f"{series} and {UP} == 1")) == []


def test_a_guard_that_is_lifted_counts_nothing():
    assert findings(query(HEIGHT, "> 0", series={"min": 0, "of": UP})) == []


@pytest.mark.parametrize(
    ("promql", "condition"),
    [
        (f"{ERRORS} or 0 * sum(UP)", "< 1"), (f"{ERRORS} or sum(UP) * 0", "<= 3"), (f"{ERRORS} or (sum(UP) * 0)", "== 0"),
        (f"{ERRORS} or 0 * count(UP)", "< 1"), ('sum(errors{chain_id="${chainId}"} or UP * 0)', "< 1"), ("count(UP)",
        "== 6"), ("count(UP)", ">= 6"),
        ('max(scrape_duration_seconds{chain_id="${chainId}"})', "< 10"),
        (f'{ERRORS} or 0 * sum(scrape_samples_scraped{{chain_id="${{chainId}}"}})', "< 1"),
    ],
)  # fmt: skip
def test_a_condition_that_holds_by_targets_that_cannot_be_scraped_is_a_warning(promql: str, condition: str):
    (finding,) = findings(query(promql, condition))
    assert format_path(finding.loc) == "spec.rules[0].query.promql"
    assert f"lets `{condition}` hold for targets that cannot be scraped" in finding.message


@pytest.mark.parametrize(
    ("promql", "condition"),
    [
        (f"{ERRORS} or 0 * sum(UP == 1)", "< 1"), (f"{ERRORS} or 0 * sum(UP)", "> 5"), (f"{ERRORS} or vector(0)", "< 1"),
        ("min(UP)", "== 1"),
        ("sum(UP)", ">= 3"), ("count(UP == 1)", ">= 3"), ("max(UP)", "== 0"), ("count(UP == 0)", "<= 1"),
        ("sum(UP == bool 0)", "== 0"),
        ("avg(UP)", ">= 1"), ("max(changes(UP[10m]))", "== 0"), (f"({ERRORS} or 0 * sum(UP)) / sum(requests)", "< 0.1"),
        ("sum(UP) / count(UP)", "<= 1"), ('min(scrape_samples_scraped{chain_id="${chainId}"})', "> 0"),
        ('max(scrape_duration_seconds{chain_id="${chainId}"} and UP == 1)', "< 10"),
    ],
)  # fmt: skip
def test_a_condition_that_needs_a_scrape_or_asks_what_up_is_is_not(promql: str, condition: str):
    assert findings(query(promql, condition)) == []
