"""`spec.rules[]`: the conditions that a run checks in Prometheus."""

from typing import Annotated, Final, Literal, get_args

from pydantic import Field

from validationrun.spec.v1alpha1.types import (
    DnsLabel,
    DnsSubdomain,
    Duration,
    DurationOrZero,
    Interval,
    Model,
    PromLabel,
    SeriesCount,
    Share,
    Threshold,
)


class Series(Model):
    min: Annotated[
        SeriesCount,
        Field(
            description="How many must be there: a number, or validators, fullNodes, nodes or the name of a deployment, which stand "
            "for its replicas and count only values that begin with its objects' names. 0 lifts every guard of series."
        ),
    ]
    by: Annotated[PromLabel, Field(description="The label whose distinct values are counted.")] = "pod"
    of: Annotated[
        str | None,
        Field(
            min_length=1, description="The expression that is counted; default what lies under the query's aggregation."
        ),
    ] = None
    on_missing: Annotated[
        Literal["Error", "Failed"], Field(description="The verdict when fewer are there, or never were.")
    ] = "Error"


_SERIES: Final = "The series that must be there; a rule waits until they were there once."
_MAX_AGE: Final = "How old the newest sample of each selector may be at the window's end; 0s is off."


class QueryRule(Model):
    promql: Annotated[
        str,
        Field(
            min_length=1,
            description="Must give a scalar or one series. ${chainId}, ${namespace} and ${runId} are replaced inside quoted "
            "label values, ${window} is the time since the window opened.",
        ),
    ]
    op: Annotated[
        Literal[">=", "<=", ">", "<", "==", "!="], Field(description="The rule passes when `value op threshold` holds.")
    ]
    threshold: Annotated[Threshold, Field(description="A decimal number, as text, so that nothing is lost.")]
    series: Annotated[Series | None, Field(description=_SERIES)] = None
    max_age: Annotated[DurationOrZero, Field(description=_MAX_AGE)] = 150
    timeout: Annotated[
        Duration | None, Field(description="How long one query may take; default the smaller of 30s and the interval.")
    ] = None


class CounterRule(Model):
    selector: Annotated[
        str,
        Field(min_length=1, description="The counter's series: a metric name with label matchers, and nothing else."),
    ]
    op: Annotated[
        Literal[">=", "<=", ">", "<", "==", "!="],
        Field(description="The rule passes when `added op threshold` holds."),
    ]
    threshold: Annotated[Threshold, Field(description="A decimal number, as text, so that nothing is lost.")]
    alive: Annotated[
        str | None,
        Field(
            min_length=1,
            description="An expression that has a series while the counter's absence means 0; default the selector.",
        ),
    ] = None
    without: Annotated[
        list[PromLabel],
        Field(max_length=32, description="Series that are equal but for these labels are one counter."),
    ] = ["instance", "prometheus_replica", "replica"]
    series: Annotated[Series | None, Field(description=_SERIES)] = None
    max_age: Annotated[DurationOrZero, Field(description=_MAX_AGE)] = 150
    timeout: Annotated[
        Duration | None, Field(description="How long the answers of one evaluation may take together; as for a query.")
    ] = None


class RuleRef(Model):
    name: Annotated[DnsSubdomain, Field(description="Name of the PrometheusRule object.")]
    namespace: Annotated[
        DnsLabel,
        Field(description="Its namespace: the run's own, or one labelled sei.io/validation-shared-rules=true."),
    ]
    alertname: Annotated[str, Field(min_length=1, description="The alert in it.")]


class Matcher(Model):
    name: Annotated[PromLabel, Field(description="Label name.")]
    op: Annotated[Literal["=", "!=", "=~", "!~"], Field(description="As in PromQL.")]
    value: Annotated[str, Field(description="Label value; ${chainId}, ${namespace} and ${runId} are replaced.")]


class AlertRule(Model):
    rule_ref: Annotated[RuleRef, Field(description="The alert, by the PrometheusRule that defines it.")]
    matchers: Annotated[list[Matcher], Field(max_length=32, description="Scope the alert to this run's chain.")] = []
    pending: Annotated[
        Literal["Error", "Failed", "Passed"],
        Field(description="What an instance of this run means that is pending at the window's end."),
    ] = "Error"
    require_series: Annotated[
        bool,
        Field(
            description="Passes only if the alert saw series of this run. false for an alert on a counter that is born with its "
            "first error."
        ),
    ] = True
    timeout: Annotated[
        Duration | None, Field(description="How long one query may take; default the smaller of 30s and the interval.")
    ] = None


class RunProperties(Model):
    interval: Annotated[Interval, Field(description="Time between two evaluations, 5s to 5m.")] = 30
    start_after: Annotated[
        DurationOrZero, Field(description="Evaluations earlier than this after the window's start are dropped.")
    ] = 0
    until: Annotated[
        Literal["LoadEnd", "Cooldown"],
        Field(description="Where the rule's window ends: with the load, or with the cooldown after it."),
    ] = "LoadEnd"
    final_sweep: Annotated[
        bool,
        Field(
            description="Evaluate once more at the window's end; false needs a good answer before. An alert rule needs the sweep, and so "
            "does maxAge."
        ),
    ] = True
    stop_on_failure: Annotated[bool, Field(description="Stop the load as soon as this rule has failed.")] = False
    min_coverage: Annotated[
        Share, Field(description="The share of the ticks that must have an answer, 0 to 1, as a string.")
    ] = "0.8"
    retry: Annotated[int, Field(ge=0, le=10, description="Consecutive errors that are tolerated.")] = 3


RuleTypeName = Literal["alert", "query", "counter"]


class Rule(Model):
    name: Annotated[DnsLabel, Field(description="Unique in the run.")]
    type: Annotated[RuleTypeName, Field(description="Which of the bodies is given.")]
    query: Annotated[QueryRule | None, Field(description="For type query: an expression and a threshold.")] = None
    alert: Annotated[AlertRule | None, Field(description="For type alert: an alert that must not fire.")] = None
    counter: Annotated[
        CounterRule | None, Field(description="For type counter: what a counter may add in the window.")
    ] = None
    run_properties: Annotated[RunProperties, Field(description="When and how often it is evaluated.")] = RunProperties()

    @property
    def lasts_into_cooldown(self) -> bool:
        """Its window ends with the cooldown, where there is one."""
        return self.run_properties.until == "Cooldown"

    @property
    def body(self) -> QueryRule | AlertRule | CounterRule | None:
        """The body that `type` names; None when the body is missing, which lint reports."""
        body: QueryRule | AlertRule | CounterRule | None = getattr(self, self.type)
        return body

    @property
    def bodies(self) -> list[str]:
        """The types whose bodies are present."""
        return [name for name in get_args(RuleTypeName) if getattr(self, name) is not None]
