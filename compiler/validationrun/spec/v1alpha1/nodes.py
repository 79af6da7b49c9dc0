"""The SeiNodeSpec of sei.io/v1alpha1: what each node of a deployment is. `chain.py` says from which version it is."""

from typing import Annotated, Final

from pydantic import Field

from validationrun.spec.v1alpha1.kubernetes import Port, ResourceClaim
from validationrun.spec.v1alpha1.types import (
    GoDuration,
    Image,
    Labels,
    LongDnsLabel,
    Model,
    NoFields,
    RpcServer,
    WholeQuantity,
)

_MOST_INT32 = 2**31 - 1

MODES: Final = {"full_node": "fullNode", "archive": "archive", "replayer": "replayer", "validator": "validator"}
"""The fields of a SeiNodeSpec of which a node has exactly one, and their names in a file."""


class Entrypoint(Model):
    command: Annotated[list[str], Field(min_length=1, max_length=16, description="Program and first arguments.")]
    args: Annotated[list[str] | None, Field(max_length=64, description="Further arguments.")] = None


class Ec2Tags(Model):
    region: Annotated[str, Field(min_length=1, description="AWS region of the instances.")]
    tags: Annotated[dict[str, str], Field(min_length=1, description="Tags that the instances carry, all of them.")]


class StaticPeers(Model):
    addresses: Annotated[list[str], Field(min_length=1, description="nodeId@host:port of each peer.")]


class LabelPeers(Model):
    selector: Annotated[Labels, Field(min_length=1, description="Labels that the SeiNodes carry, all of them.")]
    namespace: Annotated[str | None, Field(description="Namespace of the SeiNodes; default this one.")] = None


class PeerSource(Model):
    """Exactly one of its fields."""

    ec2_tags: Annotated[Ec2Tags | None, Field(description="EC2 instances, found by their tags.")] = None
    static: Annotated[StaticPeers | None, Field(description="A fixed list.")] = None
    label: Annotated[LabelPeers | None, Field(description="SeiNodes, found by their labels.")] = None


class SidecarResources(Model):
    requests: Annotated[dict[str, WholeQuantity] | None, Field(description="What the scheduler sets aside.")] = None
    limits: Annotated[dict[str, WholeQuantity] | None, Field(description="What the sidecar may use at most.")] = None
    claims: Annotated[list[ResourceClaim] | None, Field(description="Dynamic resource claims.")] = None


class Sidecar(Model):
    image: Annotated[Image | None, Field(description="The sei-sidecar image.")] = None
    port: Annotated[Port | None, Field(description="Its port; default 7777.")] = None
    resources: Annotated[SidecarResources | None, Field(description="Its requests and limits.")] = None


class ImportedVolume(Model):
    pvc_name: Annotated[LongDnsLabel, Field(description="Name of a PersistentVolumeClaim in the run's namespace.")]


class DataVolume(Model):
    import_: Annotated[
        ImportedVolume | None, Field(alias="import", description="Take an existing volume instead of a new one.")
    ] = None


class S3Snapshot(Model):
    target_height: Annotated[int, Field(ge=1, description="Height up to which the node follows the chain.")]


class Snapshot(Model):
    """Exactly one of s3 and stateSync."""

    s3: Annotated[S3Snapshot | None, Field(description="Restore a snapshot from the platform's bucket.")] = None
    state_sync: Annotated[NoFields | None, Field(description="Fetch the state from peers.")] = None
    trust_period: Annotated[GoDuration | None, Field(description="How old a snapshot may be, such as 9999h0m0s.")] = (
        None
    )
    backfill_blocks: Annotated[int | None, Field(ge=0, description="Blocks to fetch from peers afterwards.")] = None
    rpc_servers: Annotated[
        list[RpcServer] | None,
        Field(
            min_length=2,
            description="host:port of nodes against whose blocks the state is checked; only with api SeiNetwork.",
        ),
    ] = None
    bootstrap_image: Annotated[
        Image | None, Field(description="The seid image of a Job that restores the snapshot; only with s3.")
    ] = None


class TendermintSnapshots(Model):
    keep_recent: Annotated[
        int, Field(ge=1, le=_MOST_INT32, description="Snapshots kept on disk; at least 2 with publish.")
    ]
    publish: Annotated[NoFields | None, Field(description="Upload each complete snapshot.")] = None


class SnapshotGeneration(Model):
    tendermint: Annotated[TendermintSnapshots | None, Field(description="Snapshots for state sync.")] = None


class FullNode(Model):
    snapshot: Annotated[Snapshot | None, Field(description="Where the node's first state comes from.")] = None
    snapshot_generation: Annotated[SnapshotGeneration | None, Field(description="Have the node make snapshots.")] = None


class Archive(Model):
    snapshot_generation: Annotated[SnapshotGeneration | None, Field(description="Have the node make snapshots.")] = None


class ShadowResult(Model):
    canonical_rpc: Annotated[str, Field(min_length=1, description="RPC URL of a node whose blocks are the truth.")]


class ResultExport(Model):
    shadow_result: Annotated[
        ShadowResult | None, Field(description="Compare each block's results with another node's.")
    ] = None


class Replayer(Model):
    snapshot: Annotated[Snapshot, Field(description="Where the replay begins; from s3.")]
    result_export: Annotated[ResultExport | None, Field(description="What is compared and exported.")] = None


class SecretName(Model):
    secret_name: Annotated[LongDnsLabel, Field(description="Name of a Secret in the run's namespace.")]


class KeySource(Model):
    secret: Annotated[SecretName | None, Field(description="The Secret that holds the key.")] = None


class GenesisCeremony(Model):
    """The ceremony settings of one validator."""

    chain_id: Annotated[str, Field(min_length=1, description="Id of the chain.")]
    staking_amount: Annotated[str, Field(min_length=1, description="Self-delegation of the validator.")]
    account_balance: Annotated[str, Field(min_length=1, description="Balance of the validator's account.")]
    genesis_params: Annotated[str | None, Field(description="Genesis overrides as JSON text.")] = None
    index: Annotated[int, Field(ge=0, le=_MOST_INT32, description="Number of the validator, from 0.")]


class Validator(Model):
    snapshot: Annotated[Snapshot | None, Field(description="Where the node's first state comes from.")] = None
    genesis_ceremony: Annotated[GenesisCeremony | None, Field(description="Written by the controller itself.")] = None
    signing_key: Annotated[KeySource | None, Field(description="The consensus key; only together with nodeKey.")] = None
    node_key: Annotated[KeySource | None, Field(description="The P2P key; only together with signingKey.")] = None


class SeiNodeSpec(Model):
    chain_id: Annotated[
        str | None,
        Field(min_length=1, max_length=64, description="Set by the compiler to the run's effective chain id."),
    ] = None
    image: Annotated[Image, Field(description="The seid image; a digest is recommended.")]
    entrypoint: Annotated[
        Entrypoint | None,
        Field(description="Start another program than the image's own; only with api SeiNodeDeployment."),
    ] = None
    peers: Annotated[
        list[PeerSource] | None,
        Field(description="Where to find peers; default the run's own validators."),
    ] = None
    overrides: Annotated[
        dict[str, str] | None, Field(description="Dotted sei-config keys and their values, as text.")
    ] = None
    sidecar: Annotated[Sidecar | None, Field(description="The sei-sidecar's image, port and resources.")] = None
    pod_labels: Annotated[Labels | None, Field(description="Labels of the pods alone.")] = None
    data_volume: Annotated[DataVolume | None, Field(description="Take over an existing data volume.")] = None
    validator: Annotated[Validator | None, Field(description="Settings of a validator; with role validator.")] = None
    full_node: Annotated[
        FullNode | None,
        Field(description="Settings of a full node. With role fullNode exactly one of fullNode, archive and replayer."),
    ] = None
    archive: Annotated[Archive | None, Field(description="A full node that keeps the whole history.")] = None
    replayer: Annotated[Replayer | None, Field(description="A full node that replays blocks from a snapshot.")] = None


def modes_of(node: SeiNodeSpec) -> list[str]:
    """The modes that a spec gives a node, by their names in a file. None means the one of its deployment's role."""
    return [alias for name, alias in MODES.items() if getattr(node, name) is not None]


def snapshots_of(node: SeiNodeSpec) -> list[tuple[str, Snapshot]]:
    """The snapshots that a node may begin from, each with its mode's name in a file."""
    modes = (("fullNode", node.full_node), ("replayer", node.replayer), ("validator", node.validator))
    return [(alias, mode.snapshot) for alias, mode in modes if mode is not None and mode.snapshot is not None]
