"""The result of a suite: its own status, and the status of each member's run. `report -o json` prints it of any suite."""

from typing import Final, Literal

from validationrun.base import conventions
from validationrun.base.document import Document
from validationrun.contract.file_hash import FileHash
from validationrun.contract.status_document import Status
from validationrun.contract.suite_record import SuiteStatus

KIND: Final = "ValidationSuiteResult"
FORMAT: Final = 1


class MemberResult(Document, frozen=True, kw_only=True):
    """
    What is known of a member's own run.

    Attributes:
        name: of the member; the members are those of the suite's status, in its order.
        status: of its run; null when it was not started, or when nothing of it is left.
        why: why there is no status.
        rules: the names of its rules; null when nothing says them.
        load: it has a load.
        parameters: those that the suite gives it.
        folder: of its results, below the suite's folder; empty when it has none there.
    """

    name: str
    status: Status | None = None
    why: str = ""
    rules: list[str] | None = None
    load: bool = False
    parameters: dict[str, str] = {}
    folder: str = ""


class SuiteResult(Document, frozen=True, kw_only=True):
    """
    A suite, finished or not.

    Attributes:
        mode: `run` on one machine, `argo` in a cluster.
        status: the suite's own, as its record says it.
        notes: what a reader must know about how it was judged.
        files: of a results folder, every other file of the suite and the `result.json` of each member, by path.
    """

    api_version: Literal["validation.sei.io/v1alpha1"] = conventions.API_VERSION
    kind: Literal["ValidationSuiteResult"] = KIND
    format: Literal[1] = FORMAT
    mode: Literal["run", "argo"]
    status: SuiteStatus
    members: list[MemberResult]
    notes: list[str] = []
    files: dict[str, FileHash] = {}
