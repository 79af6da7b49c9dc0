"""What a window of the past is judged to be, against a real Prometheus with a past of our making."""

from collections.abc import Iterator

import pytest
from tests.history.kit import alert_rule, query_rule

from prometheus_kit import Server, running, series
from validationrun.compiling.pipeline import lint
from validationrun.judging.backtest.backtest import Outcome, backtest, not_loaded_now, questions_of
from validationrun.judging.backtest.client import HistoryError, Past
from validationrun.judging.backtest.query_strategy import Form
from validationrun.judging.backtest.windows import Period
from validationrun.oracle.question import Question

START = 1_699_992_000.0
HOUR = 3600.0
BEGIN = START - 2 * HOUR
"""Where the past begins."""

AWAY = (START + 10 * 60, START + 25 * 60)
"""Nothing was scraped then."""


def there(t: float) -> bool:
    return not AWAY[0] < t < AWAY[1]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    times = [BEGIN + 15 * k for k in range(int(6 * HOUR / 15)) if there(BEGIN + 15 * k)]
    history = [
        series("up", [(t, 1) for t in times], job="node"),
        series("height", [(t, min(t - START, 1800)) for t in times if t >= START - 60]),
        series("third", [(t, 0.1 + 0.2) for t in times]),
        series("zero", [(t, 0) for t in times]),
        series("ALERTS", [(START - 600, 1)], alertname="LongAgo", alertstate="firing"),
        series("ALERTS", [(START + 123, 1)], alertname="Fired", alertstate="firing", pod="a"),
        series("ALERTS", [(START + 123, 1), (START + 240, 1)], alertname="Fired", alertstate="firing", pod="b"),
    ]
    with running(tmp_path_factory.mktemp("past"), history=history, config={"storage": {}}) as found:
        yield found


@pytest.fixture
def past(server: Server) -> Iterator[Past]:
    with Past(server.url) as found:
        yield found


def window(since: float = 0, until: float = 300) -> Period:
    """Seconds from START."""
    return Period(START + since, START + until)


def judged(outcome: Outcome) -> dict[str, tuple[str, str]]:
    return {one.rule.name: (one.state.verdict, one.state.reason) for one in outcome.rules}


def test_rules_that_held_pass(past: Past) -> None:
    """With how close they came, and when."""
    outcome = backtest(
        past, [query_rule("grows", "deriv(height[1m])"), query_rule("low", "height", "<", "500")], window()
    )

    assert judged(outcome) == {"grows": ("Passed", ""), "low": ("Passed", "")}
    assert (outcome.verdict.phase, outcome.verdict.reason) == ("Succeeded", "RunSucceeded")
    low = outcome.rules[1].summary
    # 59 ticks and the final sweep, which is the closest.
    assert (low.counted, low.good, low.coverage) == (60, 60, 1.0)
    assert (low.margin, low.margin_t, low.margin_value) == (200.0, START + 300, "300")
    assert (low.lowest, low.highest) == ("0", "300")


def test_a_rule_says_the_second_in_which_it_stops_the_run(past: Past) -> None:
    """What comes after that does not count, for no rule, and there is no final sweep."""
    rules = [query_rule("low", "height", "<", "200", stopOnFailure=True), query_rule("other", "height", "<", "250")]

    outcome = backtest(past, rules, window())

    assert (outcome.stop_rule, outcome.stop_time) == ("low", START + 210)
    assert (outcome.verdict.phase, outcome.verdict.reason) == ("Failed", "RuleStopOnFailure:low")
    assert judged(outcome) == {"low": ("Failed", "ThresholdViolated"), "other": ("Passed", "")}
    assert [one.summary.counted for one in outcome.rules] == [42, 42]
    assert outcome.rules[0].state.failed_t == START + 210


def test_without_stop_the_first_failure_is_told_and_all_is_judged(past: Past) -> None:
    """Row 7 of the verdict table."""
    rules = [query_rule("late", "height", "<", "280"), query_rule("low", "height", "<", "200")]

    outcome = backtest(past, rules, window())

    assert outcome.stop_time is None
    assert outcome.verdict.reason == "RuleFailed:low"
    assert [one.state.failed_t for one in outcome.rules] == [START + 285, START + 210]
    assert outcome.rules[1].summary.failed == 60 - 41


def test_a_failure_in_the_final_sweep_alone_is_one(past: Past) -> None:
    """A stopOnFailure rule stops nothing there."""
    outcome = backtest(past, [query_rule("low", "height", "<", "300", stopOnFailure=True)], window())

    assert outcome.verdict.reason == "RuleStopOnFailure:low"
    assert outcome.stop_time == START + 300


def test_without_final_sweep_the_last_tick_is_the_end(past: Past) -> None:
    """As in a live run."""
    outcome = backtest(past, [query_rule("low", "height", "<", "300", finalSweep=False)], window())

    assert judged(outcome) == {"low": ("Passed", "")}
    assert outcome.rules[0].summary.counted == 59


@pytest.mark.parametrize(
    ("promql", "op", "threshold", "expected"),
    [
        ("third / zero", ">=", "1", ("Error", "NotFinite")),
        ("zero / zero", ">=", "1", ("Error", "NaN")),
        ("third", "==", "0.3", ("Failed", "ThresholdViolated")),
        ("third", "==", "0.30000000000000004", ("Passed", "")),
        ("nothing", ">", "0", ("Error", "NoSamples")),
        ('ALERTS{alertname="Fired"}[5m]', ">", "0", ("Error", "BadQuery")),
        ('{__name__=~"zero|third"}', ">=", "0", ("Error", "AmbiguousResult")),
    ],
)
def test_awkward_answers_are_what_they_are_live(
    past: Past, promql: str, op: str, threshold: str, expected: tuple[str, str]
) -> None:
    """Division by zero, floats as PromQL compares them, nothing at all, types that are no number."""
    assert judged(backtest(past, [query_rule("rule", promql, op, threshold)], window(1800, 2100))) == {"rule": expected}


def test_an_empty_answer_explains_itself(past: Past) -> None:
    """As live: the metric is not there at all."""
    [rule] = backtest(past, [query_rule("rule", "nothing_of_that_name")], window()).rules

    assert "nothing_of_that_name" in rule.state.why


# Alerts


def test_an_alert_that_never_fired_proves_nothing(past: Past) -> None:
    """History cannot show that it was loaded; the message says so, and the way out."""
    outcome = backtest(past, [alert_rule("quiet", "Never")], window())

    assert judged(outcome) == {"quiet": ("Error", "AlertNotLoaded")}
    assert outcome.rules[0].state.message == (
        "history cannot prove that alert Never was loaded while it was silent; --assume-alerts-loaded takes it for granted"
    )
    assert outcome.verdict.verdict == "Error"
    assert outcome.rules[0].summary.coverage == 0


def test_its_silence_may_be_taken_for_proof(past: Past) -> None:
    """By whoever knows better."""
    outcome = backtest(
        past, [alert_rule("quiet", "Never"), alert_rule("old", "LongAgo")], window(), assume_alerts_loaded=True
    )

    assert judged(outcome) == {"quiet": ("Passed", ""), "old": ("Passed", "")}
    assert outcome.rules[0].summary.coverage == 1.0


@pytest.mark.parametrize("assume", [False, True])
def test_an_alert_that_fired_is_a_failure_either_way(past: Past, assume: bool) -> None:
    """At the tick after it fired first, for as many series as fired until the end."""
    outcome = backtest(past, [alert_rule("fired", "Fired", stopOnFailure=True)], window(), assume_alerts_loaded=assume)

    assert judged(outcome) == {"fired": ("Failed", "AlertFired")}
    assert outcome.stop_time == START + 125
    assert outcome.rules[0].state.message == "the alert fired for 2 series"


def test_an_alert_that_is_not_loaded_even_now_is_named(past: Past) -> None:
    """Its silence was taken for proof of something."""
    assert not_loaded_now(past, [alert_rule("quiet", "Never"), query_rule("q", "x")]) == [
        "rule quiet: this Prometheus has no alert Never"
    ]


# Where Prometheus holds nothing

SILENT = [
    query_rule("plain", "height", "<", "1e9"),
    query_rule("default", "height or vector(0)", "<", "1e9"),
    query_rule("absent", "absent(never_there)", "==", "1"),
    query_rule("constant", "vector(1)", "==", "1"),
    query_rule("clock", "time()", ">", "0"),
    query_rule("whole", "sum_over_time(height[${window}]) or vector(0)", "<", "1e9"),
    alert_rule("quiet", "Never"),
]


@pytest.mark.parametrize("rule", SILENT, ids=lambda one: one.rule.name)
def test_a_window_before_all_data_passes_no_rule(past: Past, rule: Question) -> None:
    """Whatever the rule makes of nothing."""
    before = Period(BEGIN - 2 * HOUR, BEGIN - HOUR)

    outcome = backtest(past, [rule], before, assume_alerts_loaded=True)

    assert judged(outcome) == {rule.rule.name: ("Error", "NoSamples")}
    assert outcome.verdict.verdict == "Error"


@pytest.mark.parametrize("rule", SILENT, ids=lambda one: one.rule.name)
def test_a_window_that_begins_before_all_data_passes_no_rule(past: Past, rule: Question) -> None:
    """Most of it may be there: its beginning is not known."""
    across = Period(BEGIN - 600, START + 300)

    # Where silence is an answer the ticks are covered, and what Prometheus holds is looked at.
    reason = "LowCoverage" if rule.rule.name == "plain" else "NoSamples"
    assert judged(backtest(past, [rule], across, assume_alerts_loaded=True)) == {rule.rule.name: ("Error", reason)}


@pytest.mark.parametrize("rule", SILENT, ids=lambda one: one.rule.name)
def test_each_of_these_rules_passes_where_there_are_data(past: Past, rule: Question) -> None:
    """Else the two tests above would prove nothing."""
    assert judged(backtest(past, [rule], window(), assume_alerts_loaded=True)) == {rule.rule.name: ("Passed", "")}


def test_silence_while_prometheus_was_away_proves_nothing(past: Past) -> None:
    """More ticks in a row than are tolerated; a single one is."""
    rules = [alert_rule("often", "Never"), alert_rule("seldom", "Never", interval="5m", retry=3)]

    outcome = backtest(past, rules, window(0, 2400), assume_alerts_loaded=True)

    assert judged(outcome) == {"often": ("Error", "NoSamples"), "seldom": ("Passed", "")}
    assert "Prometheus holds no samples of this time" in outcome.rules[0].state.message
    assert 0.5 < outcome.rules[0].summary.coverage < 0.9


def test_a_prometheus_that_scrapes_nothing_holds_something_all_the_same(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Metrics that are sent to it, without `up`."""
    history = [series("pushed", [(START + 15 * k, 1) for k in range(-40, 60)])]
    with (
        running(tmp_path_factory.mktemp("pushed"), history=history, config={"storage": {}}) as server,
        Past(server.url) as past,
    ):
        rules = [alert_rule("quiet", "Never"), query_rule("pushed", "pushed")]
        inside = backtest(past, rules, window(), assume_alerts_loaded=True)
        before = backtest(past, rules, window(-3600, -1800), assume_alerts_loaded=True)

    assert judged(inside) == {"quiet": ("Passed", ""), "pushed": ("Passed", "")}
    assert judged(before) == {"quiet": ("Error", "NoSamples"), "pushed": ("Error", "NoSamples")}


# The form makes no difference


@pytest.mark.parametrize("period", [window(), window(0, 2400), window(-7260, 300), window(0.25, 7.5), window(0, 3)])
@pytest.mark.parametrize("stop", [False, True])
def test_asked_tick_by_tick_all_is_the_same(past: Past, period: Period, stop: bool) -> None:
    """Verdicts, states, summaries, stop."""
    rules = [
        query_rule("low", "height", "<", "250", stopOnFailure=stop),
        query_rule("sum", "sum(height) - sum(third)", "<", "1e9"),
        query_rule("grows", "increase(height[1m])", ">=", "0", interval="7s", startAfter="1s"),
        query_rule("whole", "max_over_time(height[${window}])", "<", "600"),
        alert_rule("quiet", "Never"),
        alert_rule("fired", "Fired", interval="10s"),
    ]

    fast = backtest(past, rules, period, assume_alerts_loaded=True)
    slow = backtest(past, rules, period, assume_alerts_loaded=True, instant=True)

    assert fast.verdict == slow.verdict
    assert (fast.stop_rule, fast.stop_time) == (slow.stop_rule, slow.stop_time)
    for one, other in zip(fast.rules, slow.rules, strict=True):
        assert one.state == other.state
        assert one.summary == other.summary
        assert other.form is Form.INSTANT


def test_behind_a_stop_nothing_is_asked_tick_by_tick(past: Past) -> None:
    """It would not count."""
    rules = [
        query_rule("low", "height", "<", "100", stopOnFailure=True),
        query_rule("whole", "max_over_time(height[${window}])", "<", "1e9"),
    ]

    outcome = backtest(past, rules, window(0, 3000))

    assert outcome.stop_time == START + 105
    assert outcome.rules[1].instants == 21


# Values of a run

SPEC = """
apiVersion: validation.sei.io/v1alpha1
kind: ValidationRun
metadata: {{name: nightly, namespace: eng-ada}}
spec:
  chain: {chain}
  load: {{duration: 5m, workload: {{name: toy, image: "{image}"}}}}
  rules: {rules}
"""
RULE = '[{name: a, type: query, query: {promql: \'x{chain_id="${%s}"}\', op: ">", threshold: "0"}}]'
IMAGE = f"example.com/a@sha256:{'0' * 64}"
OWN = f"""{{chainId: nightly, deployments: [
  {{name: v, role: validator, spec: {{replicas: 1, template: {{spec: {{image: "{IMAGE}"}}}}}}}},
  {{name: rpc, role: fullNode, spec: {{replicas: 1, template: {{spec: {{image: "{IMAGE}"}}}}}}}}]}}"""
EXISTING = '{chainId: pacific-1, endpoints: {rpc: ["http://rpc.example.com:26657"]}}'


def questions(rules: str, chain: str = OWN, **given: str) -> list[Question]:
    text = SPEC.format(chain=chain, rules=rules, image=IMAGE)
    linted = lint(text.encode(), "run.yaml")
    assert linted.ok, [one.message for one in linted.diagnostics]
    return questions_of(linted.runs[0].run, given.get("chain_id"), given.get("run_id"))


def test_the_chain_must_be_named_when_a_rule_uses_it() -> None:
    """It is another one in every run; of an existing chain it is known."""
    with pytest.raises(
        HistoryError, match=r"rule a uses \$\{chainId\}, which differs from run to run: give --chain-id"
    ):
        questions(RULE % "chainId")

    assert questions(RULE % "chainId", chain_id="nightly-1")[0].at(0, 1) == 'x{chain_id="nightly-1"}'
    assert questions(RULE % "chainId", chain=EXISTING)[0].at(0, 1) == 'x{chain_id="pacific-1"}'
    assert questions(RULE % "namespace")[0].at(0, 1) == 'x{chain_id="eng-ada"}'


def test_the_run_must_be_named_when_a_rule_uses_it() -> None:
    """No past run has an id of our making."""
    with pytest.raises(HistoryError, match="give --run-id"):
        questions(RULE % "runId", chain=EXISTING)

    assert questions(RULE % "runId", run_id="nightly-x7k2p")[0].at(0, 1) == 'x{chain_id="nightly-x7k2p"}'


def test_a_spec_without_rules_judges_nothing() -> None:
    """And does not pass."""
    with pytest.raises(HistoryError, match="run nightly has no rules: there is nothing to judge"):
        questions("[]")


def test_a_rule_that_begins_behind_the_window_is_refused(past: Past) -> None:
    """Of a shorter window than the spec's; it would be asked once or never."""
    with pytest.raises(HistoryError, match="rule late begins after 10m"):
        backtest(past, [query_rule("late", "height", startAfter="10m")], window())
