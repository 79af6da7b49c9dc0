"""Suite -> SuitePlan: the members with their runs, their order, and how long each and all may take."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from validationrun.base.hashing import canonical_json
from validationrun.compiling.plan.model import FINALIZE_ATTEMPTS, Plan, Right
from validationrun.compiling.plan.suite_rights import suite_rights
from validationrun.compiling.suite_members import Member, members_of, run_name
from validationrun.contract.accounts import suite_account
from validationrun.contract.override import Override
from validationrun.contract.parameters import effective_parameters, overrides
from validationrun.contract.plan_json import PlanDocument
from validationrun.contract.suite_json import Concurrency
from validationrun.spec.v1alpha1 import ValidationSuite

TO_START_S: Final = 600
"""From the start of a member's step until its Workflow runs: scheduling, image pull, and the controller's queue."""

_SLACK_S: Final = 600
"""What the suite's deadline has more than its members': the starts and ends of the suite's own pods."""

_FINALIZE_S: Final = 900
"""For suite-finalize's own work, beside the ends of the members that it waits for."""


@dataclass(frozen=True, slots=True)
class MemberRun:
    """The run of a member as it is compiled in the same invocation."""

    plan: Plan
    document: PlanDocument
    bundle_hash: str


@dataclass(frozen=True, slots=True)
class SuiteMember:
    """
    A planned member.

    Attributes:
        starts_after: the members before it in the suite's order, whose end it waits for.
        depends_on: the members that must have passed.
        deadline_s: from the creation of its Workflow to its verdict and the end of its clean-up, at worst.
    """

    name: str
    run: MemberRun
    parameters: Mapping[str, str]
    overridden: tuple[Override, ...]
    starts_after: tuple[str, ...]
    depends_on: tuple[str, ...]
    deadline_s: int


@dataclass(frozen=True, slots=True)
class SuitePlan:
    """
    Everything that is known about a suite before its submission. Times are in whole seconds.

    Attributes:
        max_parallel: the most members at once.
        member_timeout_s: of one member's step.
        deadline_s: of the suite's Workflow, without suite-finalize.
        rights: of the account of the suite's own steps.
    """

    name: str
    namespace: str
    spec_hash: str
    concurrency: Concurrency
    max_parallel: int
    stop_on_failure: bool
    account: str
    members: tuple[SuiteMember, ...]
    member_timeout_s: int
    deadline_s: int
    finalize_s: int
    runner_image: str
    rights: tuple[Right, ...]

    @property
    def worst_case_s(self) -> int:
        """From its start to its verdict, with every attempt of suite-finalize."""
        return self.deadline_s + FINALIZE_ATTEMPTS * self.finalize_s

    @property
    def runs(self) -> list[MemberRun]:
        """The members' runs, each once, by name."""
        by_name = {member.run.plan.name: member.run for member in self.members}
        return [by_name[name] for name in sorted(by_name)]


def plan_suite(suite: ValidationSuite, runs: Mapping[str, MemberRun], runner_image: str) -> SuitePlan:
    """
    The plan of a suite that passed every check.

    Args:
        runs: the members' runs, by name.
    """
    spec, namespace = suite.spec, suite.metadata.namespace or ""
    members: list[SuiteMember] = []
    for member in members_of(spec):
        run = runs[run_name(suite, spec.runs[member.entry])]
        before = (members[-1].name,) if members and spec.concurrency == "Sequential" else ()
        members.append(_planned(member, run, before))
    most = 1 if spec.concurrency == "Sequential" else min(spec.max_parallel or len(members), len(members))
    return SuitePlan(
        name=suite.metadata.name,
        namespace=namespace,
        spec_hash=suite_spec_hash(suite),
        concurrency=spec.concurrency,
        max_parallel=most,
        stop_on_failure=spec.stop_on_failure,
        account=suite_account(spec.service_account_name, namespace),
        members=tuple(members),
        member_timeout_s=max(member.deadline_s for member in members) + TO_START_S,
        deadline_s=worst_case_s(members, most) + _SLACK_S,
        finalize_s=_FINALIZE_S + max(member.run.plan.timings.finalize_s for member in members),
        runner_image=runner_image,
        rights=suite_rights((suite.metadata.name, *sorted(runs))),
    )


def _planned(member: Member, run: MemberRun, before: tuple[str, ...]) -> SuiteMember:
    values = effective_parameters(run.document, member.given)
    return SuiteMember(
        name=member.name,
        run=run,
        parameters=values,
        overridden=tuple(overrides(run.document, values)),
        starts_after=tuple(name for name in before if name not in member.depends_on),
        depends_on=member.depends_on,
        deadline_s=run.plan.timings.worst_case_s + TO_START_S,
    )


def suite_spec_hash(suite: ValidationSuite) -> str:
    """sha256, in hex, of the canonical, defaulted spec."""
    canonical = suite.spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    return hashlib.sha256(canonical_json(canonical).encode()).hexdigest()


def longest_path(members: Sequence[SuiteMember]) -> tuple[SuiteMember, ...]:
    """The members that wait for each other and together take longest, first to last; with equal paths the first found."""
    by_name = {member.name: member for member in members}
    best: dict[str, tuple[int, tuple[SuiteMember, ...]]] = {}

    def path(member: SuiteMember) -> tuple[int, tuple[SuiteMember, ...]]:
        if member.name not in best:
            others = [path(by_name[name]) for name in (*member.starts_after, *member.depends_on)]
            seconds, before = max(others, key=lambda other: other[0], default=(0, ()))
            best[member.name] = (seconds + member.deadline_s, (*before, member))
        return best[member.name]

    return max((path(member) for member in members), key=lambda found: found[0])[1]


def worst_case_s(members: Sequence[SuiteMember], most: int) -> int:
    """
    From the start of the first member to the end of the last, at worst.

    With at most `most` members at once, no order of starts takes longer than Graham's bound: the longest path, and the rest of the
    work spread over `most`.
    """
    path = sum(member.deadline_s for member in longest_path(members))
    total = sum(member.deadline_s for member in members)
    return path + -(-(total - path) // most)
