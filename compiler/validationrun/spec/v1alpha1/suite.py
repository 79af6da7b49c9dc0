"""The ValidationSuite document."""

from typing import Annotated, Literal

from pydantic import Field

from validationrun.spec.v1alpha1.run import ValidationRunSpec
from validationrun.spec.v1alpha1.types import DnsLabel, DnsSubdomain, MemberName, Model, RunName

ParameterName = Annotated[str, Field(min_length=1, max_length=100)]
ParameterValue = Annotated[str, Field(max_length=1024)]


class SuiteMetadata(Model):
    name: Annotated[RunName, Field(description="Name of the suite and of its WorkflowTemplate.")]
    namespace: Annotated[
        DnsLabel | None, Field(description="The tenant's namespace; required here or by --namespace.")
    ] = None


class RunReference(Model):
    name: Annotated[RunName, Field(description="A ValidationRun of this namespace, compiled in the same invocation.")]


class SuiteRun(Model):
    """One entry of a suite: a run, or with `matrix` one run for each combination of values."""

    name: Annotated[MemberName, Field(description="Name of the entry, unique in the suite.")]
    spec: Annotated[
        ValidationRunSpec | None,
        Field(description="The run, written here. It is compiled as ValidationRun {suite}-{name}."),
    ] = None
    ref: Annotated[RunReference | None, Field(description="The run, by name, in place of spec.")] = None
    depends_on: Annotated[
        list[MemberName],
        Field(max_length=64, description="Entries whose runs must all have passed before this starts."),
    ] = []
    parameters: Annotated[
        dict[ParameterName, ParameterValue],
        Field(description="Parameters of the run, as `submit --set` takes them. An empty value means: as compiled."),
    ] = {}
    matrix: Annotated[
        dict[ParameterName, Annotated[list[ParameterValue], Field(min_length=1, max_length=64)]] | None,
        Field(
            min_length=1,
            description="Values by parameter. Each combination is a run of its own, named {name}-{index} from 0.",
        ),
    ] = None


class ValidationSuiteSpec(Model):
    runs: Annotated[
        list[SuiteRun],
        Field(min_length=1, max_length=64, description="The runs: at most 64 with every matrix expanded."),
    ]
    concurrency: Annotated[
        Literal["Sequential", "Parallel"],
        Field(description="One run after the other in the order of the file, or as many at once as dependsOn allows."),
    ] = "Sequential"
    max_parallel: Annotated[
        int | None, Field(ge=1, le=64, description="The most runs at once. Only with Parallel; default: all.")
    ] = None
    stop_on_failure: Annotated[
        bool,
        Field(description="Start no further run once one has not passed. Runs that have begun go on to their end."),
    ] = True
    service_account_name: Annotated[
        DnsSubdomain | None,
        Field(
            max_length=244,
            description="The suite's steps run as {serviceAccountName}-suite; default {namespace}-validation.",
        ),
    ] = None


class ValidationSuite(Model):
    """Several runs, started and followed by one Workflow, with one verdict: Passed only when each run Passed."""

    api_version: Annotated[Literal["validation.sei.io/v1alpha1"], Field(description="Version of this spec.")]
    kind: Annotated[Literal["ValidationSuite"], Field(description="Kind of document.")]
    metadata: Annotated[SuiteMetadata, Field(description="Name and namespace.")]
    spec: Annotated[ValidationSuiteSpec, Field(description="The runs, and their order.")]
