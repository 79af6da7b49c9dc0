"""The meaning of each reason, in one sentence for readers who see it for the first time."""

from collections.abc import Mapping
from typing import Final

from validationrun.oracle.outcome import RuleReason, RunReason

_OF_RUNS: Final[Mapping[str, str]] = {
    RunReason.CANCELLED: "Somebody stopped the run before it had a verdict, so nothing in it is proved.",
    RunReason.RULE_STOP_ON_FAILURE: "A rule with stopOnFailure failed, and the run was stopped for it.",
    RunReason.RULE_FAILED: "A rule failed: the system under test did not do what the rule asks of it.",
    RunReason.WORKLOAD_FAILED: "The workload itself says that an assertion failed (exit code 1, or one of exitCodes.failed).",
    RunReason.WORKLOAD_INFRA_FAILURE: "The load had a fault of its own, so nothing is known of the system under test.",
    RunReason.LOAD_ENDED_EARLY: "A shard of the load ended with 0 before its time, so the rules saw too little of a load.",
    RunReason.RULE_ERROR: "At least one rule has no answer to rest on, so the run can't pass.",
    RunReason.ALL_RULES_UNRESOLVED: "Every rule refers to something that does not exist or may not be read.",
    RunReason.EVALUATOR_LOST: "What the rules found is missing, or belongs to another run.",
    RunReason.RECORD_FORGED: "Something other than finalize wrote a verdict into the run record or sealed it.",
    RunReason.RESULTS_NOT_STORED: "Nothing proves that every step uploaded its results, so the run can't pass.",
    RunReason.DEADLINE_EXCEEDED: "The run did not end in its time.",
    RunReason.CHAIN_SPEC_INVALID: "The API server refuses what the spec says of the chain, so nothing was tested.",
    RunReason.CHAIN_ID_IN_USE: "Another run has a chain of this id, and two runs never share one.",
    RunReason.BUNDLE_MISSING: "What the run was compiled from is not in the cluster, or is not what it was submitted with.",
    RunReason.CHAIN_APPLY_FAILED: "The chain's objects could not be created, so nothing was tested.",
    RunReason.CHAIN_FAILED: "The chain's own controller says that it failed, so nothing was tested.",
    RunReason.CHAIN_NOT_READY: "The chain never served, so nothing was tested.",
    RunReason.ENDPOINTS_NOT_RESOLVABLE: "The chain's endpoints have no address, so nothing was tested.",
    RunReason.PREFLIGHT_FAILED: "The run was hopeless before it began: no chain was created, and nothing was tested.",
    RunReason.SERVICE_ACCOUNT_MISSING: "The workload's service account does not exist; its tenant has to make it.",
    RunReason.CONFIG_APPLY_FAILED: "The workload's files could not be put into the cluster, so there was no load.",
    RunReason.LOAD_NOT_STARTED: "Not every shard of the load began in its time, so there was no load to judge under.",
    RunReason.UNKNOWN: "None of the known endings fits; what the steps left is all that is known.",
    RunReason.RUN_SUCCEEDED: "",
}
_OF_RULES: Final[Mapping[str, str]] = {
    RuleReason.ALERT_FIRED: "The alert fired in the window.",
    RuleReason.THRESHOLD_VIOLATED: "The value did not satisfy the comparison.",
    RuleReason.PROMETHEUS_UNAVAILABLE: "Prometheus could not be asked, or what answered was not Prometheus.",
    RuleReason.TIMEOUT: "The answer did not come within the rule's time-out.",
    RuleReason.PARTIAL_RESPONSE: "Prometheus itself says that data is missing from its answer.",
    RuleReason.RBAC_DENIED: "The evaluator may not read the PrometheusRule; see access.yaml.",
    RuleReason.PROMETHEUS_RULE_NOT_FOUND: "The PrometheusRule, or the alert in it, does not exist.",
    RuleReason.CROSS_NAMESPACE_FORBIDDEN: "The other namespace does not share its rules with this one.",
    RuleReason.ALERT_NOT_LOADED: "Nothing proves that this Prometheus evaluates the alert, so its silence means nothing.",
    RuleReason.ALERT_CANNOT_FIRE: "The alert needs longer to fire (`for` and its group's interval) than the window lasts.",
    RuleReason.ALERT_NOT_SCOPED: "The alert has not the labels that the matchers ask for, so it would fire and nobody would see it.",
    RuleReason.ALERT_BLIND: "The alert looks at series that were not there in the window, so it could not fire.",
    RuleReason.ALERT_PENDING: "The alert's condition held at the window's end; with more time it would have fired.",
    RuleReason.NO_SAMPLES: "The query gave nothing to compare, and nothing is never a pass.",
    RuleReason.AMBIGUOUS_RESULT: "The query gave several series; it must give one number.",
    RuleReason.NAN: "The value is not a number, for instance 0 divided by 0.",
    RuleReason.NOT_FINITE: "The value is infinite, for instance a division by 0.",
    RuleReason.BAD_QUERY: "Prometheus refuses the query, or its answer is no number.",
    RuleReason.SERVER_LIMIT: "The query needs more samples, series or bytes than the server loads, or than is read of its answer.",
    RuleReason.SERIES_MISSING: "Series that must be there are missing, such as those of a node that died or never came.",
    RuleReason.STALE_DATA: "Prometheus answers, and nothing new was written: the value is one from before.",
    RuleReason.CLOCK_SKEW: "Prometheus' clock and ours do not agree, so its answers may be about another time.",
    RuleReason.LOW_COVERAGE: "Too few evaluations had an answer (minCoverage), so most of the window was not watched.",
    RuleReason.WINDOW_TOO_SHORT: "The window, or the load in it, ended before the rule could be evaluated once, so nothing was watched.",
}


def meaning(reason: str) -> str:
    """The meaning of a run's or a rule's reason; empty if the reason needs no explanation."""
    head = reason.partition(":")[0]
    return _OF_RULES.get(head) or _OF_RUNS.get(head, "")
