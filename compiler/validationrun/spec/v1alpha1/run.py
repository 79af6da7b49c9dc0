"""The ValidationRun document."""

from typing import Annotated, Any, Literal

from pydantic import Field

from validationrun.spec.v1alpha1.chain import ChainSpec
from validationrun.spec.v1alpha1.load import LoadSpec
from validationrun.spec.v1alpha1.rules import Rule
from validationrun.spec.v1alpha1.types import (
    Bucket,
    Cooldown,
    DnsLabel,
    DnsSubdomain,
    Duration,
    Model,
    Region,
    RunName,
    S3Endpoint,
)


class Metadata(Model):
    name: Annotated[RunName, Field(description="Name of the run and of its WorkflowTemplate.")]
    namespace: Annotated[
        DnsLabel | None, Field(description="The tenant's namespace; required here or by --namespace.")
    ] = None


class S3Results(Model):
    bucket: Annotated[Bucket, Field(description="Where results are uploaded.")] = "harbor-validation-results"
    endpoint: Annotated[
        S3Endpoint,
        Field(description="S3 endpoint: host and optional port, asked over TLS unless `http://` stands before it."),
    ] = "s3.amazonaws.com"
    region: Annotated[Region | None, Field(description="S3 region.")] = None


class Results(Model):
    s3: Annotated[S3Results | None, Field(description="Upload the results; credentials are the account's own.")] = None


class Timeouts(Model):
    chain_ready: Annotated[Duration, Field(description="How long the chain may take to come up.")] = 1200
    load_start: Annotated[Duration, Field(description="From creating the load until every shard's container runs.")] = (
        300
    )
    run_duration: Annotated[
        Duration | None,
        Field(description="Length of the window, from its start. Default load.duration + 5m; 1h without load."),
    ] = None


class ValidationRunSpec(Model):
    chain: Annotated[ChainSpec, Field(description="The chain under test.")]
    load: Annotated[
        LoadSpec | None, Field(description="The load. Without it the rules watch for the whole runDuration.")
    ] = None
    rules: Annotated[list[Rule], Field(max_length=32, description="What must hold while the run lasts.")] = []
    sequence: Annotated[Any, Field(description="Not supported yet.")] = None
    chaos: Annotated[Any, Field(description="Not supported yet.")] = None
    results: Annotated[Results | None, Field(description="Where results go beside the run record.")] = None
    service_account_name: Annotated[
        DnsSubdomain | None,
        Field(max_length=244, description="Account that runs the steps; default {namespace}-validation."),
    ] = None
    cooldown: Annotated[
        Cooldown,
        Field(
            description="How long chain and evaluator stay after the load has ended by itself, 0s to 30m. Rules with "
            "`until: Cooldown` are judged until then."
        ),
    ] = 0
    timeouts: Annotated[Timeouts, Field(description="Bounds of each part of the run.")] = Timeouts()
    cleanup: Annotated[
        Literal["Always", "OnSuccess", "Never"],
        Field(description="When the chain is deleted; what stays goes with the Workflow."),
    ] = "Always"


class ValidationRun(Model):
    """One release validation: a chain, a load, and the rules that judge it."""

    api_version: Annotated[Literal["validation.sei.io/v1alpha1"], Field(description="Version of this spec.")]
    kind: Annotated[Literal["ValidationRun"], Field(description="Kind of document.")]
    metadata: Annotated[Metadata, Field(description="Name and namespace.")]
    spec: Annotated[ValidationRunSpec, Field(description="What is validated, and how.")]
