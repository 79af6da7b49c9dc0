"""The types of the plan: frozen dataclasses, in the order in which a run uses them."""

from dataclasses import dataclass, field
from typing import Any, Literal

from validationrun.base.conventions import ChainApi
from validationrun.contract.plan_json import Accounts, PlannedEndpoints, ResultsTarget, TextPlace
from validationrun.oracle.placeholders import Place
from validationrun.oracle.series_count import Expected
from validationrun.oracle.workload import EndBy
from validationrun.spec.v1alpha1 import Rule


@dataclass(frozen=True, slots=True)
class Manifest:
    """
    A Kubernetes object that a step creates, and the places for run-time values in it.

    Attributes:
        key: its key in the bundle.
        data: the object. At a place it holds a template that the compiler made, such as `${chainId}-rpc`.
        places: JSON pointers (RFC 6901) of the strings that are templates.
    """

    key: str
    data: dict[str, Any]
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A file for the workload, and its places."""

    name: str
    key: str
    text: str
    places: tuple[TextPlace, ...]


@dataclass(frozen=True, slots=True)
class ChainObject:
    """
    One deployment of the chain.

    Attributes:
        kind: of the manifest. Of a SeiNode there are as many objects as `replicas`, of any other kind one.
        object_name: a template; the objects of SeiNodes have `-` and their ordinal behind it.
        image_path: JSON pointer of the image in the manifest.
    """

    name: str
    role: Literal["validator", "fullNode"]
    kind: str
    object_name: str
    replicas: int
    image: str
    image_path: str
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class PlannedLoad:
    """The load: one Indexed Job, the names of its init containers, and its config files."""

    name: str
    image: str
    duration_s: int
    min_duration_s: int | None
    end_by: EndBy
    failed_codes: tuple[int, ...]
    shards: int
    init_containers: tuple[str, ...]
    job: Manifest
    config: tuple[ConfigFile, ...]


@dataclass(frozen=True, slots=True)
class PlannedRule:
    """A rule with its defaults resolved, its query, the places in the query, and what its `series.min` stands for."""

    rule: Rule
    promql: str
    timeout_s: int
    places: tuple[Place, ...]
    expected: Expected | None = None


@dataclass(frozen=True, slots=True)
class Timings:
    """All in whole seconds."""

    chain_ready_s: int
    load_start_s: int
    run_s: int
    cooldown_s: int
    judged_s: int
    workflow_deadline_s: int
    finalize_s: int

    @property
    def worst_case_s(self) -> int:
        """From submission to verdict: the Workflow's deadline, then every attempt of finalize; without the wait for a lock."""
        return self.workflow_deadline_s + FINALIZE_ATTEMPTS * self.finalize_s


FINALIZE_ATTEMPTS = 3
STEP_ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class Right:
    """
    One RBAC rule and the reason for it. Empty `names` means every object of the kind.

    Attributes:
        amounts_to: what else the right allows, where that is more than the reason says.
    """

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    why: str
    names: tuple[str, ...] = ()
    amounts_to: str = ""


@dataclass(frozen=True, slots=True)
class SharedRules:
    """PrometheusRules of another namespace that rules of this run refer to."""

    namespace: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """
    One step of the run: one pod, one runner subcommand.

    Attributes:
        retry: `Always` (exit codes 0 and 3 mean "recorded"; any other is retried) or `OnError`.
        continue_on_failed: the DAG continues, and succeeds, when this step fails, because only finalize fails a run.
        timeout_s: counted from the step's creation, so that it also covers a pod that never starts.
    """

    name: str
    title: str
    component: str
    depends: str | None
    continue_on_failed: bool
    timeout_s: int
    retry: Literal["Always", "OnError"]
    retry_limit: int
    memory_mib: int
    mounts_bundle: bool
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parameter:
    """
    A parameter of the compiled template.

    Attributes:
        compiled: the value that holds unless a submission gives another.
        default: in the template; empty stands for the compiled value.
        manifest, path: the image that it replaces, if any.
    """

    name: str
    description: str
    compiled: str
    default: str = ""
    manifest: str | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is known about a run before its submission."""

    name: str
    namespace: str
    spec_hash: str
    chain_id: str
    chain_api: ChainApi
    deployments: tuple[ChainObject, ...]
    endpoints: PlannedEndpoints
    load: PlannedLoad | None
    rules: tuple[PlannedRule, ...]
    timings: Timings
    accounts: Accounts
    results: ResultsTarget | None
    cleanup: str
    steps: tuple[Step, ...]
    finalize: Step
    parameters: tuple[Parameter, ...]
    locked: tuple[str, ...]
    prometheus_url: str
    step_rights: tuple[Right, ...]
    finalize_rights: tuple[Right, ...]
    shared_rules: tuple[SharedRules, ...]
    brings_chain_up: bool = field(default=True)

    @property
    def step_count(self) -> int:
        """The number of step pods, finalize included. It does not depend on the rules."""
        return len(self.steps) + 1
