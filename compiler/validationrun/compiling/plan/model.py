"""The plan's own types: frozen, plain, in the order in which a run uses them."""

from dataclasses import dataclass, field
from typing import Any, Literal

from validationrun.contract.plan_json import Accounts, PlannedEndpoints, ResultsTarget, TextPlace
from validationrun.oracle.placeholders import Place
from validationrun.spec.v1alpha1 import Rule


@dataclass(frozen=True, slots=True)
class Manifest:
    """
    A Kubernetes object that a step creates, and where run-time values go in it.

    Attributes:
        key: its key in the bundle.
        data: the object. At a place it holds a template of our own making, such as `${chainId}-rpc`.
        places: JSON pointers (RFC 6901) of the strings that are templates.
    """

    key: str
    data: dict[str, Any]
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A file for the workload, and the places in it that are replaced."""

    name: str
    key: str
    text: str
    places: tuple[TextPlace, ...]


@dataclass(frozen=True, slots=True)
class ChainObject:
    """One deployment of the chain. `object_name` is a template."""

    name: str
    role: Literal["validator", "fullNode"]
    object_name: str
    replicas: int
    image: str
    serves_evm: bool
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class PlannedLoad:
    """The load: one Indexed Job and its config files."""

    name: str
    image: str
    duration_s: int
    shards: int
    job: Manifest
    config: tuple[ConfigFile, ...]


@dataclass(frozen=True, slots=True)
class PlannedRule:
    """A rule with its defaults resolved, the query that is asked for it, and the places in that query."""

    rule: Rule
    promql: str
    timeout_s: int
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Timings:
    """All in whole seconds."""

    chain_ready_s: int
    load_start_s: int
    run_s: int
    judged_s: int
    workflow_deadline_s: int
    finalize_s: int

    @property
    def worst_case_s(self) -> int:
        """From submission to the last word: the workflow's deadline, then every attempt of finalize. Waiting for a lock is not counted."""
        return self.workflow_deadline_s + FINALIZE_ATTEMPTS * self.finalize_s


FINALIZE_ATTEMPTS = 3
STEP_ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class Right:
    """One RBAC rule and the reason for it. `names` empty means every object of the kind."""

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    why: str
    names: tuple[str, ...] = ()


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
        retry: `Always` (0 and 3 mean "recorded", so any other exit code is worth another try) or `OnError`.
        continue_on_failed: the DAG goes on, and succeeds, although this step failed: finalize alone fails a run.
        timeout_s: from the step's creation, so that a pod that never starts is covered too.
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
    """A parameter of the compiled template. `manifest` and `path` say which image it replaces, if any."""

    name: str
    description: str
    default: str = ""
    manifest: str | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything about a run that is known before it is submitted."""

    name: str
    namespace: str
    spec_hash: str
    chain_id: str
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
    step_rights: tuple[Right, ...]
    finalize_rights: tuple[Right, ...]
    shared_rules: tuple[SharedRules, ...]
    brings_chain_up: bool = field(default=True)

    @property
    def step_count(self) -> int:
        """Pods of our own: the steps and finalize, whatever the rules' number or interval."""
        return len(self.steps) + 1
