"""The ValidationSchedule document."""

from typing import Annotated, Final, Literal

from pydantic import Field

from validationrun.base.conventions import ANNOTATION_PAUSED
from validationrun.spec.v1alpha1.run import ValidationRunSpec
from validationrun.spec.v1alpha1.suite import ValidationSuiteSpec
from validationrun.spec.v1alpha1.types import DnsLabel, Model, RunName

INNER_RUN_SUFFIX: Final = "-run"
"""A run that is written inside a schedule compiles as {schedule}-run."""

INNER_SUITE_SUFFIX: Final = "-suite"
"""A suite that is written inside a schedule compiles as {schedule}-suite."""

ParameterName = Annotated[str, Field(min_length=1, max_length=100)]
ParameterValue = Annotated[str, Field(max_length=1024)]


class ScheduleMetadata(Model):
    name: Annotated[RunName, Field(description="Name of the schedule and of its CronWorkflow.")]
    namespace: Annotated[
        DnsLabel | None, Field(description="The tenant's namespace; required here or by --namespace.")
    ] = None
    annotations: Annotated[
        dict[Literal["validation.sei.io/paused"], Literal["true", "false"]],
        Field(description=f'`{ANNOTATION_PAUSED}: "true"` suspends the schedule.'),
    ] = {}


class Ref(Model):
    name: Annotated[RunName, Field(description="Name of a document that is compiled together with this one.")]


class RunTemplate(Model):
    ref: Annotated[Ref | None, Field(description="A ValidationRun of the same namespace, compiled together.")] = None
    spec: Annotated[
        ValidationRunSpec | None, Field(description="A run written here; it compiles as {schedule}-run.")
    ] = None
    parameters: Annotated[
        dict[ParameterName, ParameterValue], Field(description="Parameters of each run, as `submit --set` takes them.")
    ] = {}


class SuiteTemplate(Model):
    ref: Annotated[Ref | None, Field(description="A ValidationSuite of the same namespace, compiled together.")] = None
    spec: Annotated[
        ValidationSuiteSpec | None, Field(description="A suite written here; it compiles as {schedule}-suite.")
    ] = None


class ValidationScheduleSpec(Model):
    schedules: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=256)]],
        Field(min_length=1, max_length=16, description="Cron expressions of five fields, or @daily and the like."),
    ]
    timezone: Annotated[str, Field(min_length=1, max_length=64, description="IANA time zone of the expressions.")] = (
        "UTC"
    )
    run_template: Annotated[RunTemplate | None, Field(description="The run that the schedule starts.")] = None
    suite_template: Annotated[
        SuiteTemplate | None, Field(description="The suite that the schedule starts, in place of a run.")
    ] = None
    concurrency_policy: Annotated[
        Literal["Allow", "Replace", "Forbid"],
        Field(description="What happens at a firing time while the last run still runs. Replace terminates that run."),
    ] = "Forbid"
    successful_runs_history_limit: Annotated[
        int, Field(ge=1, le=100, description="How many Workflows that Passed are kept.")
    ] = 3
    failed_runs_history_limit: Annotated[
        int, Field(ge=1, le=100, description="How many Workflows that did not pass are kept.")
    ] = 3
    starting_deadline_seconds: Annotated[
        int, Field(ge=1, le=86400, description="How late a run may start whose time the controller missed.")
    ] = 60


class ValidationSchedule(Model):
    """When a run or a suite starts by itself."""

    api_version: Annotated[Literal["validation.sei.io/v1alpha1"], Field(description="Version of this spec.")]
    kind: Annotated[Literal["ValidationSchedule"], Field(description="Kind of document.")]
    metadata: Annotated[ScheduleMetadata, Field(description="Name and namespace.")]
    spec: Annotated[ValidationScheduleSpec, Field(description="When what starts.")]

    @property
    def paused(self) -> bool:
        return self.metadata.annotations.get(ANNOTATION_PAUSED) == "true"
