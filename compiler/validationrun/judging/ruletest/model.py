"""The ValidationRuleTest document, field for field."""

from typing import Annotated, Final, Literal

from pydantic import Field

from validationrun.base import conventions
from validationrun.oracle.outcome import Verdict
from validationrun.spec.v1alpha1.types import (
    ChainId,
    DnsLabel,
    DnsSubdomain,
    Duration,
    DurationOrZero,
    Model,
    PromLabel,
    RunName,
)

KIND: Final = conventions.KIND_RULE_TEST

FaultType = Literal[
    "http",
    "timeout",
    "nan",
    "wrongType",
    "partial",
    "alertNotLoaded",
    "gap",
    "counterReset",
    "labelChurn",
    "lateScrape",
]


class InputSeries(Model):
    series: Annotated[str, Field(min_length=1, description='A series, such as up{job="node"}.')]
    values: Annotated[str, Field(description="Its samples in promtool's notation, such as 0+15x20 _x4 NaN stale 3.")]


class Values(Model):
    chain_id: Annotated[ChainId | None, Field(description="${chainId}; default spec.chain.chainId.")] = None
    namespace: Annotated[DnsLabel | None, Field(description="${namespace}; default the run's own.")] = None
    run_id: Annotated[DnsSubdomain | None, Field(description="${runId}; default the run's name.")] = None


class Fault(Model):
    type: Annotated[FaultType, Field(description="What goes wrong.")]
    from_: Annotated[
        DurationOrZero, Field(alias="from", description="When it begins, counted from the window's start.")
    ] = 0
    for_: Annotated[Duration | None, Field(alias="for", description="How long it lasts; default to the end.")] = None
    rules: Annotated[
        list[DnsLabel] | None, Field(min_length=1, description="Whose questions it strikes; default all rules.")
    ] = None
    series: Annotated[
        str | None, Field(min_length=1, description="Which series it strikes, as a selector; default all series.")
    ] = None
    status: Annotated[int | None, Field(ge=400, le=599, description="For http: the status that is answered.")] = None
    delay: Annotated[
        Duration | None, Field(description="For lateScrape: how long after its time a sample can be seen.")
    ] = None
    label: Annotated[PromLabel | None, Field(description="For labelChurn: the label that changes; default pod.")] = None
    to: Annotated[
        str | None, Field(min_length=1, description="For labelChurn: its new value; default the old one and -new.")
    ] = None
    stale: Annotated[
        bool | None, Field(description="For gap: the series go stale, as when a scrape fails; default false.")
    ] = None


class ExpectedRule(Model):
    name: Annotated[DnsLabel, Field(description="A rule of the run.")]
    verdict: Annotated[
        Literal[Verdict.PASSED, Verdict.FAILED, Verdict.ERROR], Field(description="Its verdict at the end.")
    ]
    reason: Annotated[str | None, Field(description="The verdict's reason; empty for Passed.")] = None
    first_failure: Annotated[
        DurationOrZero | None, Field(description="Evaluation time of its first failure, from the window's start.")
    ] = None
    value: Annotated[
        str | None,
        Field(description="The value at its first failure, else the last one; as text, compared as a number."),
    ] = None


class Expected(Model):
    verdict: Annotated[Literal[Verdict.PASSED, Verdict.FAILED, Verdict.ERROR], Field(description="The run's verdict.")]
    reason: Annotated[str | None, Field(min_length=1, description="The run's reason.")] = None
    stop_time: Annotated[
        DurationOrZero | None, Field(description="When a stopOnFailure rule stops the run, from the window's start.")
    ] = None
    rules: Annotated[
        list[ExpectedRule],
        Field(default_factory=list, description="What each rule must come to; others are not compared."),
    ]


class RuleTest(Model):
    name: Annotated[str, Field(min_length=1, max_length=200, description="Unique in the file.")]
    interval: Annotated[Duration, Field(description="Time between two samples of a series.")]
    input_series: Annotated[
        list[InputSeries],
        Field(
            default_factory=list,
            alias="input_series",
            description="What Prometheus holds; named as in promtool's files.",
        ),
    ]
    warmup: Annotated[DurationOrZero, Field(description="The window opens this long after the first sample.")] = 0
    window: Annotated[
        Duration | None, Field(description="The window's length; default what the spec says of the run.")
    ] = None
    settle: Annotated[DurationOrZero, Field(description="How long after its time T a question is asked.")] = (
        conventions.DEFAULT_SETTLE_SECONDS
    )
    values: Annotated[Values, Field(description="What is put in for ${...}.")] = Values()
    rules: Annotated[
        list[DnsLabel] | None, Field(min_length=1, description="The rules that are judged; default all of the run's.")
    ] = None
    faults: Annotated[
        list[Fault], Field(default_factory=list, max_length=100, description="What goes wrong meanwhile.")
    ]
    expect: Annotated[Expected, Field(description="What must come out.")]


class PrometheusRuleEntry(Model):
    """An alerting or a recording rule, as Prometheus' rule files write it."""

    name: Annotated[str | None, Field(alias="alert", min_length=1, description="The alert's name.")] = None
    record: Annotated[str | None, Field(min_length=1, description="Of a recording rule, which is passed over.")] = None
    expr: Annotated[str, Field(min_length=1, description="The expression.")]
    for_: Annotated[
        DurationOrZero, Field(alias="for", description="How long its condition must hold before it fires.")
    ] = 0
    keep_firing_for: Annotated[
        DurationOrZero, Field(alias="keep_firing_for", description="Passed over: ALERTS are series of the test.")
    ] = 0
    labels: Annotated[dict[str, str], Field(default_factory=dict, description="The labels that it sets.")]
    annotations: Annotated[dict[str, str], Field(default_factory=dict, description="Passed over: they are for people.")]


class AlertGroup(Model):
    """A group, as Prometheus' rule files write it."""

    name: Annotated[str, Field(min_length=1, description="The group's name.")]
    interval: Annotated[
        Duration, Field(description="Time between two evaluations; default 1m, which is Prometheus' own.")
    ] = 60
    query_offset: Annotated[
        DurationOrZero, Field(alias="query_offset", description="How far back it asks for its data.")
    ] = 0
    rules: Annotated[list[PrometheusRuleEntry], Field(max_length=1000, description="Its rules.")]


class PrometheusRules(Model):
    """A rule file of Prometheus."""

    groups: Annotated[list[AlertGroup], Field(min_length=1, max_length=100, description="Its groups.")]


class RuleTestFile(Model):
    """Tests of one run's rules."""

    api_version: Annotated[Literal["validation.sei.io/v1alpha1"], Field(description="Version of this document.")]
    kind: Annotated[Literal["ValidationRuleTest"], Field(description="Kind of document.")]
    spec: Annotated[str, Field(min_length=1, description="The file with the run, relative to this file.")]
    run: Annotated[RunName | None, Field(description="Which run of it; needed when it holds several.")] = None
    rules: Annotated[
        PrometheusRules | None,
        Field(description="The alerting rules that Prometheus runs; default: every alert counts as loaded."),
    ] = None
    tests: Annotated[list[RuleTest], Field(min_length=1, max_length=1000, description="The tests.")]
