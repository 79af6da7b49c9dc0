"""
How a rule and a run can end: verdicts, phases and reasons, each written once.

Kubernetes and Argo have vocabularies of their own, with some of the same words: the phase of a pod or a Workflow is none of these.
"""

import enum


class Word(enum.StrEnum):
    """A text of a closed vocabulary. It is equal to its text, and every message and file shows it as its text."""

    __repr__ = str.__repr__


class Verdict(Word):
    """
    The verdict of a rule, a decision or a run.

    Failed: the system under test misbehaved. Error: it could not be judged. Awaited: there is no verdict yet.
    """

    PASSED = "Passed"
    FAILED = "Failed"
    ERROR = "Error"
    AWAITED = "Awaited"


class Phase(Word):
    """The phase of a run. The last four are final."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    ERROR = "Error"
    CANCELLED = "Cancelled"

    @property
    def verdict(self) -> Verdict:
        """Succeeded is Passed, Error and Cancelled are Error; an open phase is Awaited."""
        return _VERDICT_OF_PHASE[self]


_VERDICT_OF_PHASE = {
    Phase.PENDING: Verdict.AWAITED,
    Phase.RUNNING: Verdict.AWAITED,
    Phase.SUCCEEDED: Verdict.PASSED,
    Phase.FAILED: Verdict.FAILED,
    Phase.ERROR: Verdict.ERROR,
    Phase.CANCELLED: Verdict.ERROR,
}


class RuleReason(Word):
    """Why a rule, or one decision of it, has its verdict."""

    NONE = ""
    """Of Passed and Awaited."""

    # Of Failed.
    ALERT_FIRED = "AlertFired"
    THRESHOLD_VIOLATED = "ThresholdViolated"
    # Of Error.
    PROMETHEUS_UNAVAILABLE = "PrometheusUnavailable"
    TIMEOUT = "Timeout"
    PARTIAL_RESPONSE = "PartialResponse"
    RBAC_DENIED = "RBACDenied"
    PROMETHEUS_RULE_NOT_FOUND = "PrometheusRuleNotFound"
    CROSS_NAMESPACE_FORBIDDEN = "CrossNamespaceForbidden"
    ALERT_NOT_LOADED = "AlertNotLoaded"
    NO_SAMPLES = "NoSamples"
    AMBIGUOUS_RESULT = "AmbiguousResult"
    NAN = "NaN"
    NOT_FINITE = "NotFinite"
    BAD_QUERY = "BadQuery"
    CLOCK_SKEW = "ClockSkew"
    LOW_COVERAGE = "LowCoverage"
    WINDOW_TOO_SHORT = "WindowTooShort"
    SERVER_LIMIT = "ServerLimit"
    SERIES_MISSING = "SeriesMissing"
    """Of Failed where the spec says so."""
    STALE_DATA = "StaleData"
    ALERT_CANNOT_FIRE = "AlertCannotFire"
    ALERT_NOT_SCOPED = "AlertNotScoped"
    ALERT_BLIND = "AlertBlind"
    ALERT_PENDING = "AlertPending"
    """Failed where the spec says so."""


REFUSED = frozenset(
    {RuleReason.PROMETHEUS_RULE_NOT_FOUND, RuleReason.CROSS_NAMESPACE_FORBIDDEN, RuleReason.RBAC_DENIED}
)
"""The rule's reference is refused: asking again does not help unless somebody changes something."""


class RunReason(Word):
    """Why a run ended as it did, in the order of the verdict table's rows."""

    CANCELLED = "Cancelled"
    CHAIN_SPEC_INVALID = "ChainSpecInvalid"
    CHAIN_ID_IN_USE = "ChainIdInUse"
    BUNDLE_MISSING = "BundleMissing"
    CHAIN_APPLY_FAILED = "ChainApplyFailed"
    CHAIN_FAILED = "ChainFailed"
    CHAIN_NOT_READY = "ChainNotReady"
    ENDPOINTS_NOT_RESOLVABLE = "EndpointsNotResolvable"
    PREFLIGHT_FAILED = "PreflightFailed"
    RULE_STOP_ON_FAILURE = "RuleStopOnFailure"
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    WORKLOAD_INFRA_FAILURE = "WorkloadInfraFailure"
    SERVICE_ACCOUNT_MISSING = "ServiceAccountMissing"
    CONFIG_APPLY_FAILED = "ConfigApplyFailed"
    LOAD_NOT_STARTED = "LoadNotStarted"
    LOAD_ENDED_EARLY = "LoadEndedEarly"
    WORKLOAD_FAILED = "WorkloadFailed"
    RULE_FAILED = "RuleFailed"
    RECORD_FORGED = "RecordForged"
    EVALUATOR_LOST = "EvaluatorLost"
    RESULTS_NOT_STORED = "ResultsNotStored"
    ALL_RULES_UNRESOLVED = "AllRulesUnresolved"
    RUN_SUCCEEDED = "RunSucceeded"
    RULE_ERROR = "RuleError"
    UNKNOWN = "Unknown"

    def naming(self, rule: str) -> str:
        """The reason with the rule's name behind it, as in `RuleFailed:height-advances`."""
        return f"{self}:{rule}"


class PreflightReason(Word):
    """Why preflight ends a run, where no reason of a rule or a run says it. It stands in the message of `PreflightFailed`."""

    SERVICE_ACCOUNT_SHARED = "ServiceAccountShared"
    CREDENTIALS_ELSEWHERE = "CredentialsElsewhere"
    CHAIN_API_MISSING = "ChainApiMissing"
    SAMPLES_LATE = "SamplesLate"


CHAIN_REASONS = frozenset(
    {
        RunReason.CHAIN_SPEC_INVALID,
        RunReason.CHAIN_ID_IN_USE,
        RunReason.BUNDLE_MISSING,
        RunReason.CHAIN_APPLY_FAILED,
        RunReason.CHAIN_FAILED,
        RunReason.CHAIN_NOT_READY,
        RunReason.ENDPOINTS_NOT_RESOLVABLE,
        RunReason.PREFLIGHT_FAILED,
    }
)
"""The reasons of row 2: the chain never came up."""

BELOW_ROW_8 = frozenset(
    {RunReason.ALL_RULES_UNRESOLVED, RunReason.RUN_SUCCEEDED, RunReason.RULE_ERROR, RunReason.UNKNOWN}
)
"""The reasons that `ResultsNotStored` replaces."""
