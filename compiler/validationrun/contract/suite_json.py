"""
`suite.json` of a suite's bundle: the members of a compiled ValidationSuite, as `suite-member` and `suite-finalize` read them.

Both steps mount the bundle at `conventions.BUNDLE_DIR`, have the environment of a run's steps, and get the names of the members that are
to run as `--set=only=NAMES`. suite-member gets its member's name as `--set=member=NAME`; its outputs are `verdict` and `workflow`.
Those of suite-finalize are `verdict`, `reason`, `scope` and `finalize-exit-code`.
The suite's Workflow has the label `conventions.LABEL_SUITE` with the suite's name; a member's has it too, together with
`LABEL_SUITE_MEMBER` and `LABEL_SUITE_UID`.
"""

import pathlib
import re
from collections.abc import Mapping
from typing import Final, Literal

from validationrun.base import conventions
from validationrun.base.document import Document, DocumentError
from validationrun.base.durations import MAX_DURATION
from validationrun.contract.bundle import BundleError, mounted_data
from validationrun.contract.override import Override

Concurrency = Literal["Sequential", "Parallel"]

MOST_MEMBERS: Final = 64
"""Of a suite, with every matrix expanded."""

_MOST_PARAMETERS: Final = 64
_LONGEST_VALUE: Final = 1024
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_INSTANCE: Final = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
NEVER_GIVEN: Final = (conventions.PARAM_RUNNER_IMAGE, conventions.PARAM_SUITE)
"""Parameters that no suite may give to a member: its template names the image of the runner, and suite-member the suite."""


class PlannedMember(Document, frozen=True, kw_only=True):
    """
    A member of the suite: one run.

    Attributes:
        run: the name of its ValidationRun, which is that of its WorkflowTemplate.
        bundle_hash: of the run's bundle.
        parameters: the effective ones, without `suite`.
        overridden: those of them that differ from the compiled values.
        depends_on: the members that must have passed before it starts.
        deadline_seconds: its worst case: until its verdict, its clean-up included, from the creation of its Workflow.
    """

    name: str
    run: str
    bundle_hash: str
    parameters: dict[str, str] = {}
    overridden: tuple[Override, ...] = ()
    depends_on: tuple[str, ...] = ()
    deadline_seconds: int


class SuiteDocument(Document, frozen=True, kw_only=True):
    """
    The compiled suite.

    Attributes:
        format: of the bundle as a whole.
        service_account_name: of the suite's own steps.
        label: the verdict is written as a label of the suite's Workflow.
        instance_id: of the Argo controller, for the members' Workflows; empty for a controller without.
        members: in the order of the file.
    """

    format: Literal[1] = conventions.FORMAT
    name: str
    namespace: str
    concurrency: Concurrency
    stop_on_failure: bool
    service_account_name: str
    label: bool = True
    instance_id: str = ""
    members: tuple[PlannedMember, ...]

    def member(self, name: str) -> PlannedMember | None:
        return next((member for member in self.members if member.name == name), None)


class _Format(Document, frozen=True):
    format: int


def mounted_suite(folder: pathlib.Path, expected_hash: str) -> SuiteDocument:
    """
    `suite.json` of a mounted ConfigMap.

    Raises:
        BundleError: nothing is mounted, the content has another hash than the template names, or is not what is read here.
    """
    return read_suite(mounted_data(folder, expected_hash))


def read_suite(data: Mapping[str, str]) -> SuiteDocument:
    """
    `suite.json` of a bundle's data.

    Raises:
        BundleError: `suite.json` is missing or damaged, or has a format that this version does not read.
    """
    text = data.get(conventions.BUNDLE_SUITE, "")
    try:
        found = _Format.from_json(text).format
        if found != conventions.FORMAT:
            raise BundleError(f"the bundle has format {found}, this runner reads format {conventions.FORMAT}")
        suite = SuiteDocument.from_json(text)
    except DocumentError as error:
        raise BundleError(f"the bundle's {conventions.BUNDLE_SUITE} is missing or damaged: {error}") from None
    problem = suite_problem(suite)
    if problem:
        raise BundleError(f"the bundle's {conventions.BUNDLE_SUITE} is not what the compiler writes: {problem}")
    return suite


def suite_problem(suite: SuiteDocument) -> str:
    """What types cannot say and the steps rely on: names, numbers, and no member that waits for itself. Empty when all holds."""
    if not 1 <= len(suite.members) <= MOST_MEMBERS:
        return f"it has {len(suite.members)} members, expected 1 to {MOST_MEMBERS}"
    if not _INSTANCE.fullmatch(suite.instance_id):
        return f"instanceId is {suite.instance_id!r}"
    for name in (
        suite.name,
        suite.namespace,
        *(name for member in suite.members for name in (member.name, member.run)),
    ):
        if not _NAME.fullmatch(name):
            return f"{name!r} is not a DNS label"
    names = [member.name for member in suite.members]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        return f"two members are named {twice}"
    return next(filter(None, (_member_problem(member, names) for member in suite.members)), "") or _cycle(suite)


def _member_problem(member: PlannedMember, names: list[str]) -> str:
    unknown = next((name for name in member.depends_on if name not in names), None)
    if unknown is not None:
        return f"member {member.name} depends on {unknown!r}, which is not a member"
    if not _HASH.fullmatch(member.bundle_hash):
        return f"member {member.name}: bundleHash is not a SHA-256"
    if not 1 <= member.deadline_seconds <= MAX_DURATION:
        return f"member {member.name}: deadlineSeconds is {member.deadline_seconds}"
    if len(member.parameters) > _MOST_PARAMETERS or any(
        len(value) > _LONGEST_VALUE for value in member.parameters.values()
    ):
        return f"member {member.name}: its parameters are too many or too long"
    given = next((name for name in NEVER_GIVEN if name in member.parameters), None)
    return f"member {member.name}: a suite does not give the parameter {given}" if given is not None else ""


def _cycle(suite: SuiteDocument) -> str:
    waiting = {member.name: set(member.depends_on) for member in suite.members}
    while free := {name for name, others in waiting.items() if not others}:
        waiting = {name: others - free for name, others in waiting.items() if name not in free}
    return f"members {', '.join(sorted(waiting))} wait for each other" if waiting else ""
