"""`plan.json` of the bundle: the facts about a compiled run that its manifests do not show."""

from typing import Literal

from validationrun.base import conventions
from validationrun.base.document import Document
from validationrun.oracle.placeholders import Place
from validationrun.oracle.series_count import Expected
from validationrun.oracle.workload import EndBy


class Accounts(Document, frozen=True):
    """Names of ServiceAccounts. The tenant creates them; `workload` is null for a run without load."""

    steps: str
    finalize: str
    workload: str | None


class PlannedRight(Document, frozen=True, omit_defaults=True):
    """An RBAC rule that the steps' account needs. Without `names` it covers every object of the kind."""

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    names: tuple[str, ...] = ()


class PlannedSeconds(Document, frozen=True):
    """
    The time limits of the run, in whole seconds.

    Attributes:
        run_duration: the longest window.
        cooldown: how long chain and evaluator stay after a load that ended by itself.
        window: how long the rules are judged when nothing ends the run early, without the cooldown.
    """

    chain_ready: int
    load_start: int
    run_duration: int
    cooldown: int
    window: int
    workflow_deadline: int
    finalize: int


class PlannedDeployment(Document, frozen=True):
    """
    A deployment of the chain.

    Attributes:
        object: template of its object's name, such as `${chainId}-rpc`.
        file: the key of its manifest in the bundle.
    """

    name: str
    role: Literal["validator", "fullNode"]
    object: str
    replicas: int
    file: str


class PlannedEndpoints(Document, frozen=True):
    """URLs of the full nodes, in the order of the spec, then by ordinal; templates when the run brings its chain up."""

    rpc: tuple[str, ...]
    evm: tuple[str, ...]
    ws: tuple[str, ...]
    rest: tuple[str, ...]


class PlannedChain(Document, frozen=True):
    """
    The chain.

    Attributes:
        chain_id: the base of the effective chain id; the id itself for a chain that exists.
        bring_up: false for a run on a chain that exists.
        api: which kinds of objects make up the chain.
    """

    chain_id: str
    bring_up: bool
    deployments: tuple[PlannedDeployment, ...]
    endpoints: PlannedEndpoints
    api: conventions.ChainApi = "SeiNodeDeployment"


class PlannedWorkload(Document, frozen=True):
    """
    The load.

    Attributes:
        min_duration_seconds: as the spec says; null for the default, a share of the effective duration.
        failed_codes: the exit codes that mean a failed assertion.
        file: the key of the Job's manifest in the bundle.
        config: keys in the bundle by the names of the config files.
        end_by: what ends the load when its duration is over: the workload itself, or SIGTERM.
    """

    workload: str
    duration_seconds: int
    min_duration_seconds: int | None
    failed_codes: tuple[int, ...]
    shards: int
    file: str
    config: dict[str, str]
    end_by: EndBy = "Exit"


class PlannedQuery(Document, frozen=True, omit_defaults=True, kw_only=True):
    """
    The query of a rule.

    Attributes:
        promql: of an alert or counter rule, made by the compiler. A query rule has its own in `rules.yaml`.
        opening_seconds: a window that is not longer than this proves nothing about the rule.
        places: where run-time values go in the query.
        expected: what the rule's `series.min` stands for.
    """

    name: str
    type: str
    promql: str | None = None
    opening_seconds: int
    places: tuple[Place, ...]
    expected: Expected | None = None


class ResultsTarget(Document, frozen=True, omit_defaults=True, kw_only=True):
    """Where the results go: S3 settings, and the URI of the run's folder. `prefix` and `uri` hold `${runId}`."""

    bucket: str
    endpoint: str
    prefix: str
    region: str | None = None
    uri: str


class PlannedParameter(Document, frozen=True, omit_defaults=True, kw_only=True):
    """
    A parameter of the template.

    Attributes:
        compiled: the value that holds unless a submission gives another.
        file, path: of an image: the key of the bundle and the JSON pointer of the text that it replaces.
    """

    compiled: str = ""
    file: str | None = None
    path: str | None = None


class TextPlace(Document, frozen=True):
    """A placeholder in a config file: its offset in code points, and the token that stands there."""

    offset: int
    token: str


class PlanDocument(Document, frozen=True, kw_only=True):
    """
    The compiled run.

    Attributes:
        format: of the bundle as a whole.
        cleanup: when the chain is deleted: `Always`, `OnSuccess` or `Never`.
        parameters: by name; without those in `locked`, which the template does not take.
        prometheus_url: as compiled, with the parameters of every request. Only its host gets the credentials for Prometheus.
        places: where run-time values are filled in, by key of the bundle: JSON pointers (RFC 6901) for a manifest, offsets for
            a config file.
    """

    format: Literal[1] = conventions.FORMAT
    name: str
    namespace: str
    spec_hash: str
    accounts: Accounts
    rights: tuple[PlannedRight, ...] = ()
    seconds: PlannedSeconds
    chain: PlannedChain
    load: PlannedWorkload | None
    rules: tuple[PlannedQuery, ...]
    results: ResultsTarget | None
    cleanup: str
    parameters: dict[str, PlannedParameter]
    locked: tuple[str, ...] = ()
    prometheus_url: str = conventions.DEFAULT_PROMETHEUS_URL
    places: dict[str, tuple[str | TextPlace, ...]]

    @property
    def compiled_seconds(self) -> int:
        """How long the load, or the rules of a run without load, last as compiled."""
        return self.load.duration_seconds if self.load else self.seconds.run_duration
