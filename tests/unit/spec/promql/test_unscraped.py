"""What a query gives while no target can be scraped, so that each `up` is 0 and nothing else is there."""

import pytest

from validationrun.spec import promql

GIVEN = {
    "up": (0, 0), "(up)": (0, 0), "up offset 5m": (0, 0), '{__name__="up"}': (0, 0), "-up": (0, 0), "2 + up": (2, 2),
    "sum(up)": (0, 0),
    "count(up)": (1, float("inf")), "group by (pod) (up)": (1, 1), "max_over_time(up[5m])": (0, 0),
    "present_over_time(up[1m])": (1, 1),
    "max_over_time(up[5m:1m])": (0, 0), "up >= 0": (0, 0), "up == 0": (0, 0), "up == bool 0": (1, 1), "1 > up": (0, 0),
    "up < 0.5": (0, 0),
    "height or up": (0, 0), "up or height": (0, 0), "up unless height": (0, 0), "up unless up == 1": (0, 0),
    "topk(1, up)": (0, 0),
    'label_replace(up, "a", "b", "c", "d")': (0, 0), "quantile(0.5, up)": (0, 0), "avg(up)": (0, 0), "up and up": (0, 0),
    "1 + scalar(up) * up": (1, 1),
    "scrape_samples_scraped": (0, 0), "scrape_series_added": (0, 0), "count(scrape_samples_post_metric_relabeling)": (1, float("inf")),
    "scrape_duration_seconds": (0, float("inf")), "0 * sum(scrape_samples_scraped)": (0, 0),
    "up unless absent(up)": (0, 0), "up and on () absent(height)": (0, 0),
}  # fmt: skip
NOTHING = [
    "height", "up == 1", "1 == up", "up > 0", "sum(up) >= 3", "sum(up) != 0", "avg(up) != 0", "max_over_time(up[5m]) > 0",
    "up == 1 or height",
    "up * height", "height + up", "height and up", "up and on (pod) height", "height unless up", "up unless up", "absent(up)",
    "absent(height)", "absent(height) or up", "up or vector(1)", "vector(1)", "time()", "uptime", '{__name__!="up", job="a"}',
    "changes(up[5m])", "rate(up[5m])", "timestamp(up)", "stddev(up)", "sum(up == 1) or 0 * sum(up == 1)",
    "clamp_max(height, scalar(up))", "scrape_samples_scraped > 0", "scrape_duration_seconds and up == 1", "scrape_duration",
    "scrape_duration_seconds < 0", "increase(scrape_samples_scraped[5m])", "absent(scrape_duration_seconds)",
]  # fmt: skip
IGNORES = [
    "count(up)", "0 * sum(up)", "sum(up) * 0", "up * 0", "sum(x) or 0 * sum(up)", "sum(x) or up * 0", "sum(x or 0 * up)",
    "group(up)",
    "count(scrape_samples_scraped)", "max(scrape_duration_seconds)", "sum(x) or 0 * sum(scrape_samples_scraped)",
    "sum(x) or count(scrape_duration_seconds) * 0",
    "sum(x) or (y or 0 * count(up))", "(sum(x) or 0 * sum(up)) / 5", "sum(up) >= bool 0",
]  # fmt: skip
HEEDS = [
    "scrape_samples_scraped", "min(scrape_samples_scraped)", "sum(x) or sum(scrape_samples_scraped)", "scrape_series_added",
    "up", "sum(up)", "min(up)", "count(up == 0)", "count(up == 1)", "sum(x) or 0 * sum(up == 1)", "sum(x) or sum(up)",
    "avg(up)",
    "sum(up) / count(up)", "sum(up == bool 0)", "sum(x) or max(up) == bool 0", "sum(x)", "sum(x) or vector(0)",
    "(sum(x) or 0 * sum(up)) / sum(y)", "count(up == 0) or 0 * sum(up)",
]  # fmt: skip


@pytest.mark.parametrize(("query", "numbers"), GIVEN.items(), ids=GIVEN.keys())
def test_a_query_with_a_value_by_up_alone_is_known(query: str, numbers: tuple[float, float]):
    given = promql.while_unscraped(promql.parse(query))
    assert given is not None
    assert (given.low, given.high) == numbers


@pytest.mark.parametrize("query", NOTHING)
def test_a_query_that_needs_more_than_an_up_of_0_has_no_value(query: str):
    assert promql.while_unscraped(promql.parse(query)) is None


@pytest.mark.parametrize("query", IGNORES)
def test_a_query_that_ignores_what_up_is_is_known(query: str):
    assert promql.ignores_up(promql.parse(query))


@pytest.mark.parametrize("query", HEEDS)
def test_a_query_that_heeds_what_up_is_is_known(query: str):
    assert not promql.ignores_up(promql.parse(query))


@pytest.mark.parametrize(("operators", "known"), [(149, True), (150, False)])
def test_nothing_is_said_of_a_query_that_is_too_deep(operators: int, known: bool):
    tree = promql.parse(" + ".join(["up"] * (operators + 1)))
    assert (promql.while_unscraped(tree) is not None) is known
