"""The verdict of a suite: the first row that holds. Each row names its number in `docs/suites.md`."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from validationrun.base.text import counted
from validationrun.oracle.outcome import Phase, RunReason, Verdict, Word


class Outcome(Word):
    """How a member of a suite ended, as far as it is known."""

    PASSED = Verdict.PASSED.value
    FAILED = Verdict.FAILED.value
    ERROR = Verdict.ERROR.value
    CANCELLED = "Cancelled"
    GONE = "Gone"
    """Its Workflow was deleted or replaced by another of its name: before it had a verdict, or before its time to live was over."""

    NOT_STARTED = "NotStarted"
    NOT_CHOSEN = "NotChosen"
    """The suite runs only some of its members, and this one is not among them."""

    UNKNOWN = "Unknown"
    """It has no verdict, and nobody knows whether it still runs."""


class SuiteReason(Word):
    """Why a suite ended as it did, in the order of the table's rows."""

    CANCELLED = "Cancelled"
    MEMBER_FAILED = "MemberFailed"
    RECORD_FORGED = RunReason.RECORD_FORGED.value
    BUNDLE_MISSING = RunReason.BUNDLE_MISSING.value
    PARAMETER_UNKNOWN = "ParameterUnknown"
    MEMBER_NOT_PASSED = "MemberNotPassed"
    ALL_PASSED = "AllPassed"
    CHOSEN_PASSED = "ChosenPassed"
    """Every member that was chosen passed, and not all were chosen."""

    def naming(self, member: str) -> str:
        """The reason with the member's name behind it, as in `MemberFailed:upgrade`."""
        return f"{self}:{member}"


class MemberEnd(Struct, frozen=True):
    """The end of one member; `message` is for people."""

    name: str
    outcome: Outcome
    message: str = ""


class SuiteFacts(Struct, frozen=True):
    """
    Everything that the verdict depends on.

    Attributes:
        stopped: a person stopped the suite before a verdict was written.
        planned: the names of the members, in the order of the file; empty when the plan is not known.
        members: what is known of them, in any order.
        unknown_plan: why the plan is not known; empty when it is.
        forged: why the record's result cannot be suite-finalize's own; empty when it can, or when there is none.
        chosen: the names of the members that run; empty when all of them do.
        bad_choice: why nobody knows which members were chosen; empty when it is known.
    """

    stopped: bool
    planned: Sequence[str]
    members: Sequence[MemberEnd]
    unknown_plan: str = ""
    forged: str = ""
    chosen: Sequence[str] = ()
    bad_choice: str = ""


class SuiteVerdict(Struct, frozen=True):
    """Phase, reason, and a sentence that begins with what decided."""

    phase: Phase
    reason: str
    message: str

    @property
    def verdict(self) -> Verdict:
        return self.phase.verdict


def judge_suite(facts: SuiteFacts) -> SuiteVerdict:
    """The first row that holds. Of a suite whose members do not all run, its message first says how many were chosen."""
    verdict = _judged(facts, list(dict.fromkeys(facts.chosen or facts.planned)))
    if not facts.chosen or verdict.reason == SuiteReason.CHOSEN_PASSED:
        return verdict
    return replace(verdict, message=f"{_how_many(facts)}; {verdict.message}")


def _judged(facts: SuiteFacts, names: Sequence[str]) -> SuiteVerdict:
    """
    Args:
        names: of the members that run.
    """
    ends = [_end_of(name, facts.members) for name in names]
    strangers = [end for end in facts.members if _is_stranger(end, facts, names)]
    if facts.stopped:  # row 1
        return SuiteVerdict(Phase.CANCELLED, SuiteReason.CANCELLED, "the suite was stopped before it had a verdict")
    failed = [end for end in (*ends, *strangers) if end.outcome == Outcome.FAILED]
    if failed:  # row 2
        return SuiteVerdict(Phase.FAILED, SuiteReason.MEMBER_FAILED.naming(failed[0].name), _told(failed, ends))
    if facts.forged:  # row 3
        return SuiteVerdict(Phase.ERROR, SuiteReason.RECORD_FORGED, facts.forged)
    if not facts.planned:  # row 4
        return SuiteVerdict(Phase.ERROR, SuiteReason.BUNDLE_MISSING, facts.unknown_plan or "the suite has no members")
    if facts.bad_choice:  # row 5
        return SuiteVerdict(Phase.ERROR, SuiteReason.PARAMETER_UNKNOWN, facts.bad_choice)
    others = [end for end in (*ends, *strangers) if end.outcome != Outcome.PASSED or end in strangers]
    if others:  # row 6
        # What was not started follows from what did not pass.
        others.sort(key=lambda end: end.outcome == Outcome.NOT_STARTED)
        return SuiteVerdict(Phase.ERROR, SuiteReason.MEMBER_NOT_PASSED.naming(others[0].name), _told(others, ends))
    if facts.chosen:  # row 7
        each = {1: "it", 2: "both"}.get(len(ends), "all")
        return SuiteVerdict(Phase.SUCCEEDED, SuiteReason.CHOSEN_PASSED, f"{_how_many(facts)}, and {each} passed")
    message = f"{len(ends)} of {counted(len(facts.planned), 'run')} passed"
    return SuiteVerdict(Phase.SUCCEEDED, SuiteReason.ALL_PASSED, message)  # row 7


def _is_stranger(end: MemberEnd, facts: SuiteFacts, names: Sequence[str]) -> bool:
    """Not planned, or not chosen and nevertheless more than passed over."""
    return end.name not in facts.planned or (end.name not in names and end.outcome != Outcome.NOT_CHOSEN)


def _how_many(facts: SuiteFacts) -> str:
    return how_many_chosen(len(set(facts.chosen)), len(facts.planned))


def how_many_chosen(chosen: int, planned: int) -> str:
    """`2 of 6 runs were chosen`: the first words about a suite of which not all members run."""
    return f"{chosen} of {counted(planned, 'run')} {'was' if chosen == 1 else 'were'} chosen"


def _end_of(name: str, members: Sequence[MemberEnd]) -> MemberEnd:
    """What is known of a planned member. Two ends of one member prove nothing, unless one of them failed."""
    mine = [end for end in members if end.name == name]
    if not mine:
        return MemberEnd(name, Outcome.NOT_STARTED, "it was never started")
    failed = next((end for end in mine if end.outcome == Outcome.FAILED), None)
    if failed is not None or len(mine) == 1:
        return failed or mine[0]
    return MemberEnd(name, Outcome.UNKNOWN, f"it has {len(mine)} ends")


def _told(first: Sequence[MemberEnd], ends: Sequence[MemberEnd]) -> str:
    """The deciding member in its own words, then the names of all others that did not pass."""
    decided = first[0]
    text = f"run {decided.name}: {decided.message or decided.outcome}"
    rest: dict[str, list[str]] = {}
    for end in ends:
        if end.name != decided.name and end.outcome != Outcome.PASSED:
            rest.setdefault(end.outcome, []).append(end.name)
    return "; ".join([text, *(f"{outcome}: {', '.join(names)}" for outcome, names in rest.items())])
