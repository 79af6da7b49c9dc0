"""Results of suites to make reports of, without any cluster: what the documents of a suite and of its runs can say."""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from simulation import START
from validationrun.base.times import format_time
from validationrun.contract.status_document import QueryStatus, ReportStatus, RuleStatus, Status
from validationrun.contract.suite_choice import choice_override
from validationrun.contract.suite_record import SuiteMemberStatus, SuiteStatus
from validationrun.contract.suite_result import MemberResult, SuiteResult
from validationrun.oracle.outcome import Phase, Verdict
from validationrun.oracle.suite_verdict import MemberEnd, Outcome, SuiteFacts, judge_suite

HOSTILE = "</td></code><script>alert(1)</script>\x1b[31m\u202e{{ 7 * 7 }}`|\n](javascript:x)"
PHASES = {"Passed": Phase.SUCCEEDED, "Failed": Phase.FAILED, "Error": Phase.ERROR, "Awaited": Phase.RUNNING}


def rule(name: str, verdict: str = "Passed", reason: str = "", message: str = "") -> RuleStatus:
    said = message or {"Passed": "23 > 0", "Failed": "0, not > 0"}.get(verdict, "")
    query = QueryStatus("23" if verdict == "Passed" else "0", "0", ">")
    return RuleStatus(name, "query", Verdict(verdict), reason or None, said or None, None, query, None)


def run(name: str, verdict: str = "Passed", *rules: RuleStatus, phase: Phase | None = None, **fields: Any) -> Status:
    """The status of a member's own run."""
    ended = verdict != "Awaited"
    made = Status(
        name=f"run-{name}", namespace="eng-ada", run_id=f"run-{name}-x7k2p", phase=phase or PHASES[verdict],
        verdict=Verdict(verdict), reason=None, message="told by its own run", spec_hash="5" * 64, parameters={},
        start_time=format_time(START), completion_time=format_time(START + 605) if ended else None,
        duration="605s" if ended else None, chain=None, load=None, workload_exit_code=0 if ended else None,
        rules=list(rules), report=ReportStatus(None), failed_plan=None, conditions=[],
    )  # fmt: skip
    return replace(made, **fields)


def said(
    name: str, outcome: str | None, reason: str = "", message: str = "", *, begun: bool = True
) -> SuiteMemberStatus:
    """A member in the suite's record."""
    ended = outcome is not None and begun
    return SuiteMemberStatus(
        name=name, run=f"run-{name}", workflow=f"run-{name}-x7k2p" if begun else "",
        outcome=Outcome(outcome) if outcome else None, reason=reason, message=message,
        started_at=format_time(START) if begun else None, ended_at=format_time(START + 605) if ended else None,
    )  # fmt: skip


def result(
    members: Sequence[SuiteMemberStatus],
    own: Sequence[MemberResult],
    *,
    is_open: bool = False,
    chosen: Sequence[str] = (),
    **fields: Any,
) -> SuiteResult:
    """A suite with the verdict that the table gives it; one that is open has none."""
    ends = [MemberEnd(one.name, one.outcome or Outcome.UNKNOWN, f"{one.reason}: {one.message}") for one in members]
    judged = judge_suite(SuiteFacts(False, [one.name for one in members], ends, chosen=chosen))
    status = SuiteStatus(
        name="release-suite", namespace="eng-ada", run_id="release-suite-x7k2p",
        phase=Phase.RUNNING if is_open else judged.phase, verdict=Verdict.AWAITED if is_open else judged.verdict,
        reason=None if is_open else judged.reason, message="1 of 4 runs ended" if is_open else judged.message,
        start_time=format_time(START), completion_time=None if is_open else format_time(START + 2000),
        planned=len(members), passed=sum(one.outcome == Outcome.PASSED for one in members), members=list(members),
        overridden=choice_override(chosen),
    )  # fmt: skip
    return SuiteResult(mode="argo", status=replace(status, **fields), members=list(own))


def member(name: str, status: Status | None, rules: Sequence[str] | None = None, **fields: Any) -> MemberResult:
    names = [one.name for one in status.rules] if rules is None and status is not None else rules
    return MemberResult(name=name, status=status, rules=list(names) if names is not None else None, load=True, **fields)


def passed() -> SuiteResult:
    """Two runs, one of them with a rule more."""
    own = [
        member("smoke", run("smoke", "Passed", rule("height")), parameters={"duration": "5m"}),
        member("soak", run("soak", "Passed", rule("height"), rule("p99"))),
    ]
    return result([said("smoke", "Passed", "RunSucceeded", "all held"), said("soak", "Passed")], own)


def failed() -> SuiteResult:
    """One of everything that a suite can end with: passed, failed, in error, cancelled, deleted, not started, unplanned."""
    rules = [rule("height"), rule("p99", "Failed", "ThresholdViolated")]
    in_error = [rule("height", "Error", "NoSamples", "nothing to compare"), rule("p99", "Awaited")]
    own = [
        member("smoke", run("smoke", "Passed", rule("height"))),
        member("load", run("load", "Failed", *rules)),
        member("blind", run("blind", "Error", *in_error)),
        member("stopped", run("stopped", "Error", rule("height", "Awaited"), phase=Phase.CANCELLED)),
        member(
            "deleted", None, ["height", "p99"], why="its Workflow run-deleted-x7k2p is gone, and its record with it"
        ),
        member("forged", run("forged", "Passed", rule("height"))),
        member("later", None, ["height", "p99"]),
        member("unknown", None),
    ]
    members = [
        said("smoke", "Passed"),
        said("load", "Failed", "RuleFailed:p99", "0, not > 0"),
        said("blind", "Error", "RuleError", "height: nothing to compare"),
        said("stopped", "Cancelled", "Cancelled", "its run was stopped"),
        said("deleted", "Gone", "MemberGone", "its Workflow run-deleted-x7k2p was deleted"),
        said("forged", "Error", "MemberChanged", "its Workflow was changed: its arguments"),
        said("later", "NotStarted", "StopOnFailure", "not started, because run load ended as Failed", begun=False),
        said("unknown", "NotStarted", "NotStarted", "it was never started", begun=False),
    ]
    return result(members, own)


def running() -> SuiteResult:
    """The first passed, the second goes on with a rule that holds so far, the third waits, the fourth's record is lost."""
    own = [
        member("smoke", run("smoke", "Passed", rule("height"))),
        member("load", run("load", "Awaited", rule("height"), rule("p99", "Failed"), rule("gas", "Awaited"))),
        member("later", None, ["height"]),
        member("lost", None, ["height"], why="its Workflow is gone"),
    ]
    members = [said("smoke", "Passed"), said("load", None), said("later", None, begun=False), said("lost", None)]
    return result(members, own, is_open=True)


def terminated() -> SuiteResult:
    """No suite-finalize ran: the record has no end of what ran, and their own records have."""
    own = [
        member("smoke", run("smoke", "Passed", rule("height"))),
        member("load", run("load", "Error", rule("height", "Awaited"), phase=Phase.CANCELLED)),
        member("later", None, ["height"]),
    ]
    members = [said("smoke", None), said("load", None), said("later", None, begun=False)]
    return result(members, own, phase=Phase.CANCELLED, verdict=Verdict.ERROR, reason="Cancelled", message="terminated")


def hostile() -> SuiteResult:
    """Every text that a record can hold is somebody else's."""
    bad = rule(HOSTILE, "Failed", HOSTILE, HOSTILE)
    own = member(HOSTILE, run("x", "Failed", bad, reason=HOSTILE, message=HOSTILE), parameters={HOSTILE: HOSTILE})
    made = result([replace(said(HOSTILE, "Failed", HOSTILE, HOSTILE), workflow=HOSTILE, run=HOSTILE)], [own])
    status = replace(made.status, name=HOSTILE, message=HOSTILE, reason=HOSTILE, run_id=HOSTILE, namespace=HOSTILE)
    return replace(made, status=status, notes=[HOSTILE])


def many(runs: int = 64, rules: int = 32) -> SuiteResult:
    """As large as a suite can be, with names as long as they can be."""
    own, members = [], []
    for index in range(runs):
        name = f"{'a-very-long-name-of-a-run-that-goes-on' if index % 5 == 0 else 'upgrade'}-{index}"
        bad = index % 9 == 3
        made = [
            rule(
                f"{'a-rule-with-a-very-long-name-as-people-write-them' if number % 4 == 0 else 'rule'}-{number}",
                "Failed" if bad and number % 7 == 2 else "Error" if bad and number % 11 == 5 else "Passed",
                "ThresholdViolated" if bad else "",
            )
            for number in range(rules)
            if index % 3 or number % 2
        ]
        own.append(member(name, run(name, "Failed" if bad else "Passed", *made)))
        members.append(said(name, "Failed" if bad else "Passed", "RuleFailed:rule-2" if bad else ""))
    return result(members, own)


def passed_over(name: str) -> SuiteMemberStatus:
    return said(name, "NotChosen", "NotChosen", "the parameter only of the suite does not name it", begun=False)


def part() -> SuiteResult:
    """Two of four runs were chosen, and passed."""
    own = [
        member("smoke", None, ["height"]),
        member("load", run("load", "Passed", rule("height"), rule("p99"))),
        member("soak", run("soak", "Passed", rule("height"))),
        member("later", None),
    ]
    members = [passed_over("smoke"), said("load", "Passed"), said("soak", "Passed"), passed_over("later")]
    return result(members, own, chosen=("load", "soak"))


def part_failed() -> SuiteResult:
    """One of two runs was chosen, and failed."""
    own = [member("smoke", None, ["height"]), member("load", run("load", "Failed", rule("height", "Failed")))]
    return result([passed_over("smoke"), said("load", "Failed", "RuleFailed:height")], own, chosen=("load",))


def lonely() -> SuiteResult:
    """The smallest."""
    return result([said("smoke", "Passed")], [member("smoke", run("smoke", "Passed", rule("height")))])


SUITES: dict[str, Callable[[], SuiteResult]] = {
    "suite-passed": passed,
    "suite-failed": failed,
    "suite-running": running,
    "suite-terminated": terminated,
    "suite-hostile": hostile,
    "suite-many": many,
    "suite-lonely": lonely,
    "suite-part": part,
    "suite-part-failed": part_failed,
}
