"""
Names that compiler, runner and readers of a run share.

No logic lives here: labels, annotations, file names, parameter names, exit codes.
"""

from typing import Final, Literal

API_VERSION: Final = "validation.sei.io/v1alpha1"
KIND_RUN: Final = "ValidationRun"
KIND_SUITE: Final = "ValidationSuite"
KIND_SCHEDULE: Final = "ValidationSchedule"

# API versions of Argo's kinds and of the Sei controller's.
ARGO_API_VERSION = "argoproj.io/v1alpha1"
CHAIN_API_VERSION = "sei.io/v1alpha1"
KIND_RULE_TEST = "ValidationRuleTest"

ChainApi = Literal["SeiNodeDeployment", "SeiNetwork"]
"""`chain.api`: SeiNodeDeployments alone, or a SeiNetwork for the validators and a SeiNode for each full node."""

MANAGED_BY = "validationrun"

# Counters in the templates of finalize; Argo's controller exposes each as `argo_workflows_<name>`.
METRIC_RUN_TERMINAL = "validation_run_terminal_total"
METRIC_SUITE_TERMINAL = "validation_suite_terminal_total"

# Labels on every object that we create.
LABEL_MANAGED_BY = "sei.io/managed-by"
LABEL_RUN_ID = "sei.io/run-id"
LABEL_CHAIN_ID = "sei.io/chain-id"
LABEL_ROLE = "sei.io/role"
LABEL_DEPLOYMENT = "sei.io/deployment-name"
LABEL_K8S_MANAGED_BY = "app.kubernetes.io/managed-by"
LABEL_K8S_PART_OF = "app.kubernetes.io/part-of"
LABEL_K8S_COMPONENT = "app.kubernetes.io/component"

COMPONENT_CHAIN = "chain"
COMPONENT_RPC = "rpc"
COMPONENT_LOAD = "load"
COMPONENT_RULES = "rules"
COMPONENT_SUITE = "suite"

# The controller sets these labels on the nodes of a SeiNodeDeployment and of a SeiNetwork; peers select by them.
LABEL_NODE_DEPLOYMENT = "sei.io/nodedeployment"
LABEL_SEI_NETWORK = "sei.io/seinetwork"
# Since May 2026 also this one, on the nodes of a group and on every pod: the chain id.
LABEL_CHAIN = "sei.io/chain"
# On the pod and the volume of a SeiNode: its name.
LABEL_NODE = "sei.io/node"

# Argo's names: the controller of a Workflow, the Workflow of a pod, the CronWorkflow of a Workflow, and the main container of a step.
LABEL_INSTANCE_ID = "workflows.argoproj.io/controller-instanceid"
LABEL_ARGO_WORKFLOW = "workflows.argoproj.io/workflow"
LABEL_CRON_WORKFLOW = "workflows.argoproj.io/cron-workflow"
ARGO_MAIN_CONTAINER = "main"

# In the pod of finalize and of suite-finalize: the container that gives the verdict. The runner's argument of the main container, which
# waits for it, and the file without which Argo tries the step again.
FINALIZE_CONTAINER = "finalize"
EXIT_AS_FINALIZE = "exit-as-finalize"
OUTPUT_FINALIZE_EXIT_CODE = "finalize-exit-code"

# The steps. A step has the name of its template, and its keys of the run record name it as their writer.
ENSURE_CHAIN: Final = "ensure-chain"
WAIT_CHAIN_READY: Final = "wait-chain-ready"
LOAD_JOB: Final = "load-job"
RULE_EVALUATOR: Final = "rule-evaluator"
FINALIZE: Final = "finalize"

STEPS: Final = (ENSURE_CHAIN, WAIT_CHAIN_READY, LOAD_JOB, RULE_EVALUATOR, FINALIZE)
"""The steps of a run in the order in which they begin."""

SUITE_MEMBER: Final = "suite-member"
SUITE_FINALIZE: Final = "suite-finalize"

SUITE_STEPS: Final = (SUITE_MEMBER, SUITE_FINALIZE)
"""The steps of a suite; each member has a suite-member of its own."""

# Set by the Job controller: the shard of a pod of an indexed Job.
ANNOTATION_JOB_INDEX = "batch.kubernetes.io/job-completion-index"

# On the Workflow only.
LABEL_PHASE = "validation.sei.io/phase"
LABEL_VERDICT = "validation.sei.io/verdict"
ANNOTATION_RESULT = "validation.sei.io/result"
"""On a run record that somebody else sealed: the result of finalize, which the sealed data can no longer hold."""

ANNOTATION_REASON = "validation.sei.io/reason"

# On the Workflow of a suite: its name. On that of a member also the member's name and the UID of the suite's Workflow.
LABEL_SUITE = "validation.sei.io/suite"
LABEL_SUITE_MEMBER = "validation.sei.io/suite-member"
LABEL_SUITE_UID = "validation.sei.io/suite-uid"

LABEL_OVERRIDDEN = ANNOTATION_OVERRIDDEN = "validation.sei.io/overridden"
"""On a Workflow with parameters that differ from the compiled ones: the label is `true`, the annotation names them."""

# On a schedule's CronWorkflow: `<kind>/<name>` of what it starts, after how long without a verdict it is overdue, and whether its
# spec pauses it.
ANNOTATION_STARTS = "validation.sei.io/starts"
ANNOTATION_OVERDUE = "validation.sei.io/overdue-after"
ANNOTATION_PAUSED: Final = "validation.sei.io/paused"

# On the WorkflowTemplate and the bundle.
ANNOTATION_SPEC_HASH = "validation.sei.io/spec-hash"
ANNOTATION_BUNDLE_HASH = "validation.sei.io/bundle-hash"

RESERVED_LABELS = frozenset(
    {
        LABEL_MANAGED_BY,
        LABEL_RUN_ID,
        LABEL_CHAIN_ID,
        LABEL_ROLE,
        LABEL_DEPLOYMENT,
        LABEL_NODE_DEPLOYMENT,
        LABEL_SEI_NETWORK,
        LABEL_K8S_MANAGED_BY,
        LABEL_K8S_PART_OF,
        LABEL_K8S_COMPONENT,
    }
)
# Flux prunes what carries its labels; the Job controller owns its own; the rest is ours.
RESERVED_LABEL_PREFIXES = ("kustomize.toolkit.fluxcd.io/", "batch.kubernetes.io/", "validation.sei.io/")

# Paths inside the pods.
RESULT_DIR = "/var/run/validation/results"
BUNDLE_DIR = "/var/run/validation/bundle"
OUTPUT_DIR = "/var/run/validation/outputs"

# The environment contract of a workload, in the order of the variables.
ENV_CHAIN_ID = "CHAIN_ID"
RESERVED_ENV = (
    "CHAIN_RPC_URL",
    "CHAIN_WS_URL",
    "CHAIN_EVM_URL",
    "CHAIN_REST_URL",
    "CHAIN_ID",
    "RUN_ID",
    "NAMESPACE",
    "RESULT_DIR",
    "CONFIG_DIR",
    "RESULTS_URI",
    "DURATION_SECONDS",
    "SHARD_INDEX",
    "SHARD_COUNT",
)

ENDPOINT_KINDS: Final = ("rpc", "evm", "ws", "rest")
"""The kinds of a chain's endpoints: each is a variable such as CHAIN_EVM_URL, and a list such as `${evmEndpoints}`."""

# Environment variables that name the files for access to Prometheus: with a bearer token, with the CA certificates to trust, and with
# further HTTP headers.
PROMETHEUS_TOKEN_FILE: Final = "VALIDATION_PROMETHEUS_TOKEN_FILE"  # noqa: S105 - the name of a variable
PROMETHEUS_CA_FILE: Final = "VALIDATION_PROMETHEUS_CA_FILE"
PROMETHEUS_HEADERS_FILE: Final = "VALIDATION_PROMETHEUS_HEADERS_FILE"

# The evaluator's files for access to Prometheus: keys of a Secret.
PROMETHEUS_DIR = "/var/run/validation/prometheus"
PROMETHEUS_FILES = {
    PROMETHEUS_TOKEN_FILE: "token",
    PROMETHEUS_CA_FILE: "ca.crt",
    PROMETHEUS_HEADERS_FILE: "headers",
}
METRICS_PORT = 9090

TENDERMINT_RPC_PORT = 26657

# The container of a node's pod that runs seid, as the chain's controller names it. A second container of the pod is its sidecar.
NODE_CONTAINER = "seid"

# The container of a load's pods, and its default time from SIGTERM to SIGKILL.
LOAD_CONTAINER = "workload"
DEFAULT_GRACE_SECONDS = 60

# The results folder, below the output folder of a step.
OUTPUT_RESULTS = "results"

# Kubernetes cuts a termination message to this size.
TERMINATION_MESSAGE_BYTES = 4096

TTL_SECONDS: Final = 7 * 24 * 3600
"""A Workflow is deleted so long after its end."""

# A DNS subdomain: the name of a Workflow, a Secret or a priority class.
OBJECT_NAME_PATTERN = r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?"

LONGEST_CHAIN_NAMES = 39
"""
Characters of a chain's id and the name of its longest deployment, together.

The object's name is `{chainId}-{8 hex digits}-{name}`: 49 characters.
The StatefulSet of each node adds an ordinal of two digits, and beyond 52 its controller-revision-hash label is refused.
"""

# Parameters of the compiled template.
PARAM_CHAIN_ID = "chain-id"
PARAM_DURATION = "duration"
PARAM_IMAGE_WORKLOAD = "image-workload"
PARAM_IMAGE_PREFIX = "image-"
PARAM_RUNNER_IMAGE = "runner-image"
PARAM_PROMETHEUS_URL = "prometheus-url"
PARAM_SUITE = "suite"
"""Which suite a run is a member of: `{name of the suite's Workflow}/{its UID}`. Only suite-member gives it."""

SUITE_PATTERN = r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
PARAM_ONLY = "only"
"""Of a suite's template: the members that run, separated by commas; empty for all."""

OUTPUT_SCOPE = "scope"
SCOPE_WHOLE, SCOPE_CHOSEN = "whole", "chosen"
"""Output of suite-finalize: whether every member was to run, or only some. Only whole suites are counted by Argo's metrics."""

LOCK_ALL = "all"
"""`compile --lock all`: the template takes no parameter."""

# Version of the contract, not of the tool: such a runner reads bundles of format 1.
DEFAULT_RUNNER_IMAGE = "validationrun-runner:v1"
DEFAULT_PROMETHEUS_URL = "http://prometheus-k8s.monitoring.svc:9090"

# An image reference: host, path, tag, digest. No match can end a YAML value or open an Argo tag.
IMAGE_PATTERN = r"^[A-Za-z0-9]([-A-Za-z0-9._/:]{0,400}[A-Za-z0-9])?(@sha256:[0-9a-f]{64})?$"

# Keys of the bundle.
BUNDLE_PLAN = "plan.json"
BUNDLE_RULES = "rules.yaml"
BUNDLE_SUITE = "suite.json"
BUNDLE_JOB = "job.yaml"
BUNDLE_CHAIN = "chain.{name}.yaml"
BUNDLE_CONFIG = "config.{name}"

# Format of compiled files: plan.json, header, file names. Raise it when an older runner could misread them.
FORMAT: Final = 1

# Exit codes of verbs that give no verdict.
EXIT_OK = 0
EXIT_FINDINGS = 1
EXIT_USAGE = 2
EXIT_BUG = 70

# The artifact with a step's part of the results folder.
RESULTS_ARTIFACT = "results"

# Exit code of a step that recorded a failure of the run: Argo shows the step red and does not retry it.
EXIT_AGAINST_RUN = 3

MAX_SETTLE_SECONDS = 60
DEFAULT_SETTLE_SECONDS = 5
"""A query about T is asked this long after T, because a sample stamped before T may be committed after it."""
