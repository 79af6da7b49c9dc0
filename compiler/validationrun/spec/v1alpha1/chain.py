"""
`spec.chain`: an ephemeral chain, or an existing chain.

Below `deployments[].spec` the models hold what the resource definition SeiNodeDeployment of sei-k8s-controller takes, at commit
3814922 of April 2026, and what SeiNetwork and SeiNode of commit 2d670ad, of August 2026, take beside it: the API server refuses any
other field. `compiling/check/chain_api.py` says which API has which field, `compiling/check/bodies.py` what several fields say together.
"""

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from validationrun.base.conventions import ChainApi
from validationrun.spec.v1alpha1.nodes import SeiNodeSpec
from validationrun.spec.v1alpha1.types import (
    Annotations,
    ChainId,
    DnsLabel,
    GoDuration,
    Image,
    Labels,
    Model,
    NoFields,
    ScrapeInterval,
    Url,
)


class Vesting(Model):
    """Part of an account's balance that cannot be transferred at first."""

    amount: Annotated[str, Field(min_length=1, description="Coins of the balance that are locked.")]
    end_time: Annotated[int, Field(ge=1, description="Unix seconds at which all of them are free.")]
    delayed: Annotated[bool | None, Field(description="Free them all at the end, instead of bit by bit.")] = None


class GenesisAccount(Model):
    address: Annotated[str, Field(min_length=1, description="Account that is funded at genesis.")]
    balance: Annotated[str, Field(min_length=1, description="Coins, such as 1000000usei.")]
    vesting: Annotated[Vesting | None, Field(description="Lock part of the balance; only with api SeiNetwork.")] = None


class Fork(Model):
    source_chain_id: Annotated[str, Field(min_length=1, description="Id of the chain whose state is exported.")]
    source_image: Annotated[Image, Field(description="The seid image that exports it.")]
    export_height: Annotated[int, Field(ge=1, description="Height at which the state is exported.")]


class Genesis(Model):
    """The genesis ceremony; validators only."""

    chain_id: Annotated[
        str | None,
        Field(min_length=1, max_length=64, description="Set by the compiler to the run's effective chain id."),
    ] = None
    staking_amount: Annotated[str | None, Field(description="Self-delegation of each validator.")] = None
    account_balance: Annotated[str | None, Field(description="Balance of each validator's account.")] = None
    accounts: Annotated[list[GenesisAccount] | None, Field(description="Further funded accounts.")] = None
    overrides: Annotated[
        dict[str, JsonValue] | None,
        Field(description="Dotted genesis keys and their values: JSON with api SeiNetwork, else text."),
    ] = None
    max_ceremony_duration: Annotated[
        GoDuration | None, Field(description="How long the ceremony may take, such as 15m.")
    ] = None
    fork: Annotated[
        Fork | None, Field(description="Fork the exported state of a live chain; only with api SeiNodeDeployment.")
    ] = None


class TemplateMetadata(Model):
    labels: Annotated[Labels | None, Field(description="Copied by the controller to nodes and pods.")] = None
    annotations: Annotated[Annotations | None, Field(description="Copied by the controller to nodes.")] = None


class NodeTemplate(Model):
    metadata: Annotated[TemplateMetadata | None, Field(description="Labels and annotations for the nodes.")] = None
    spec: Annotated[SeiNodeSpec, Field(description="What each node is.")]


class HardFork(Model):
    halt_height: Annotated[int, Field(ge=1, description="Height at which the old nodes stop.")]


class UpdateStrategy(Model):
    type: Annotated[Literal["InPlace", "BlueGreen", "HardFork"], Field(description="How the controller changes nodes.")]
    hard_fork: Annotated[HardFork | None, Field(description="Only with type HardFork.")] = None


class ServiceMonitor(Model):
    interval: Annotated[ScrapeInterval | None, Field(description="How often Prometheus scrapes; default 30s.")] = None
    labels: Annotated[Labels | None, Field(description="Labels by which Prometheus finds the ServiceMonitor.")] = None


class Monitoring(Model):
    service_monitor: Annotated[ServiceMonitor | None, Field(description="Have the nodes scraped.")] = None


class SeiNodeDeploymentSpec(Model):
    """
    The SeiNodeDeploymentSpec of sei.io/v1alpha1, passed through.

    With `api: SeiNetwork` its fields are those of a SeiNetwork or of SeiNodes.
    """

    replicas: Annotated[int, Field(ge=1, le=100, description="Number of nodes.")] = 1
    template: Annotated[NodeTemplate, Field(description="The nodes.")]
    genesis: Annotated[Genesis | None, Field(description="The genesis ceremony; on the validator entry only.")] = None
    deletion_policy: Annotated[
        Literal["Delete", "Retain"] | None,
        Field(description="What deleting the object does to its nodes. Default Delete; Retain needs cleanup: Never."),
    ] = None
    update_strategy: Annotated[
        UpdateStrategy | None, Field(description="Default {type: InPlace}; only with api SeiNodeDeployment.")
    ] = None
    monitoring: Annotated[
        Monitoring | None, Field(description="Have Prometheus scrape the nodes; only with api SeiNodeDeployment.")
    ] = None
    networking: Annotated[
        NoFields | None, Field(description="Expose the nodes outside the cluster; only with api SeiNodeDeployment.")
    ] = None


class Deployment(Model):
    name: Annotated[DnsLabel, Field(description="Its part of the object's name: {effective chain id}-{name}.")]
    role: Annotated[
        Literal["validator", "fullNode"],
        Field(description="Exactly one entry is the validator; full nodes serve the endpoints."),
    ]
    spec: Annotated[SeiNodeDeploymentSpec, Field(description="An embedded SeiNodeDeploymentSpec of sei.io/v1alpha1.")]


class Endpoints(Model):
    """An existing chain. Nothing is created or deleted."""

    rpc: Annotated[list[Url], Field(min_length=1, max_length=64, description="Tendermint RPC URLs.")]
    evm: Annotated[list[Url], Field(max_length=64, description="EVM JSON-RPC URLs.")] = []
    ws: Annotated[list[Url], Field(max_length=64, description="EVM WebSocket URLs.")] = []
    rest: Annotated[list[Url], Field(max_length=64, description="REST URLs.")] = []


class ChainSpec(Model):
    chain_id: Annotated[
        ChainId,
        Field(
            description="The base id. Each run appends 8 hex digits of its own; with endpoints it is used unchanged."
        ),
    ]
    deployments: Annotated[
        list[Deployment] | None, Field(min_length=2, max_length=8, description="The chain to bring up.")
    ] = None
    endpoints: Annotated[Endpoints | None, Field(description="An existing chain, instead of deployments.")] = None
    api: Annotated[
        ChainApi,
        Field(
            description="What the installed controller serves: SeiNodeDeployment until the middle of June 2026, then SeiNetwork."
        ),
    ] = "SeiNodeDeployment"
