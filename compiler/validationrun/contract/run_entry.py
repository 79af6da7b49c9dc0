"""The key `run`: the part of the plan for finalize and readers, because they do not have the bundle."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from validationrun.base import conventions
from validationrun.base.conventions import ENSURE_CHAIN
from validationrun.base.document import Document
from validationrun.contract.override import Override
from validationrun.contract.record_key import RecordKey, Timestamp
from validationrun.oracle.workload import EndBy

if TYPE_CHECKING:
    from validationrun.spec.v1alpha1 import Rule


class DeploymentEntry(Document, frozen=True):
    """A deployment of the chain; its object is named `{chain id}-{name}`."""

    name: str
    role: str


class LoadPlan(Document, frozen=True):
    """
    The load that the run is to have.

    Attributes:
        workload: the workload's name.
        shards: their number.
        min_seconds: a shard that ends with 0 sooner has ended early; 0 for a load that may end at any time.
        failed_codes: the exit codes that mean a failed assertion.
        end_by: `Signal` for a load whose shards get SIGTERM when its duration is over; then `min_seconds` is that duration.
    """

    workload: str
    shards: int
    min_seconds: float
    failed_codes: tuple[int, ...]
    end_by: EndBy = "Exit"


class RuleEntry(Document, frozen=True):
    """
    A rule without its query.

    Attributes:
        op, threshold: null for a type of rule that compares nothing.
        in_cooldown: its window ends with the cooldown, where there is one.
    """

    name: str
    type: str
    op: str | None = None
    threshold: str | None = None
    in_cooldown: bool = False


class ResultsPlace(Document, frozen=True):
    """Where the results are uploaded to: a URI with the place `${runId}`."""

    uri: str


class RunEntry(RecordKey, frozen=True):
    """
    The run as it was planned. When its bundle could not be read, only `startedAt` and `bundleHash` are known.

    Attributes:
        chain_id: the effective chain id, known before there is a chain.
        started_at: when ensure-chain first began.
        parameters: those that the user gave.
        overridden: those of them that differ from the compiled values.
        load_start_seconds: `timeouts.loadStart`.
        duration_seconds: how long the load, or without load the rules alone, are to last.
        run_seconds: how long the window may be, without the cooldown.
        cooldown_seconds: how long chain and evaluator stay after a load that ended by itself.
        cleanup: when the chain goes: `Always`, `OnSuccess` or `Never`.
        bring_up: false for a run on a chain that existed before; null when the bundle could not be read.
        chain_api: which kinds of objects make up the chain that the run brings up.
        load: null for a run without load.
        results: null for a spec without `results.s3`.
    """

    key: ClassVar[str] = "run"
    writer: ClassVar[str] = ENSURE_CHAIN

    started_at: Timestamp
    bundle_hash: str = ""
    name: str | None = None
    spec_hash: str | None = None
    chain_id: str = ""
    parameters: dict[str, str] = {}
    overridden: list[Override] = []
    load_start_seconds: int = 0
    duration_seconds: int = 0
    run_seconds: int = 0
    cooldown_seconds: int = 0
    cleanup: str = ""
    bring_up: bool | None = None
    chain_api: conventions.ChainApi = "SeiNodeDeployment"
    deployments: list[DeploymentEntry] = []
    load: LoadPlan | None = None
    rules: list[RuleEntry] = []
    results: ResultsPlace | None = None
    format: Literal[1] = conventions.FORMAT


def rule_entries(rules: "Iterable[Rule]") -> list[RuleEntry]:
    """The rules of a spec."""
    return [rule_entry(rule) for rule in rules]


def rule_entry(rule: "Rule") -> RuleEntry:
    # Imported here because steps that only read the record need no rule types.
    from validationrun.oracle.rules import type_of  # noqa: PLC0415

    comparison = type_of(rule).comparison(rule)
    if comparison is None:
        return RuleEntry(rule.name, rule.type, in_cooldown=rule.lasts_into_cooldown)
    return RuleEntry(rule.name, rule.type, comparison.op, comparison.threshold, rule.lasts_into_cooldown)


def rule_entry_of(document: Mapping[str, Any]) -> RuleEntry:
    """The entry of a rule in the bundle's `rules.yaml`, without the spec models, because they load slowly."""
    body = document[document["type"]]
    in_cooldown = document["runProperties"]["until"] == "Cooldown"
    return RuleEntry(document["name"], document["type"], body.get("op"), body.get("threshold"), in_cooldown)
