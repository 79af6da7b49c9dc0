"""`spec.rules[]`: the conditions that a run checks in Prometheus."""

from typing import Annotated, Literal, get_args

from pydantic import Field

from validationrun.spec.v1alpha1.types import (
    DnsLabel,
    DnsSubdomain,
    Duration,
    DurationOrZero,
    Interval,
    Model,
    PromLabel,
    Share,
    Threshold,
)


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
    timeout: Annotated[
        Duration | None, Field(description="How long one query may take; default the smaller of 30s and the interval.")
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
        bool, Field(description="Evaluate once more at the window's end; false needs a good answer before.")
    ] = True
    stop_on_failure: Annotated[bool, Field(description="Stop the load as soon as this rule has failed.")] = False
    min_coverage: Annotated[
        Share, Field(description="The share of the ticks that must have an answer, 0 to 1, as a string.")
    ] = "0.8"
    retry: Annotated[int, Field(ge=0, le=10, description="Consecutive errors that are tolerated.")] = 3


RuleTypeName = Literal["alert", "query"]


class Rule(Model):
    name: Annotated[DnsLabel, Field(description="Unique in the run.")]
    type: Annotated[RuleTypeName, Field(description="Which of the two bodies is given.")]
    query: Annotated[QueryRule | None, Field(description="For type query: an expression and a threshold.")] = None
    alert: Annotated[AlertRule | None, Field(description="For type alert: an alert that must not fire.")] = None
    run_properties: Annotated[RunProperties, Field(description="When and how often it is evaluated.")] = RunProperties()

    @property
    def lasts_into_cooldown(self) -> bool:
        """Its window ends with the cooldown, where there is one."""
        return self.run_properties.until == "Cooldown"

    @property
    def body(self) -> QueryRule | AlertRule | None:
        """The body that `type` names; None when the body is missing, which lint reports."""
        body: QueryRule | AlertRule | None = getattr(self, self.type)
        return body

    @property
    def bodies(self) -> list[str]:
        """The types whose bodies are present."""
        return [name for name in get_args(RuleTypeName) if getattr(self, name) is not None]
