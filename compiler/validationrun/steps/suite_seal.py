"""The result and the seal of a suite's record: which of them can be suite-finalize's own, and how it writes them once."""

from collections.abc import Callable

from msgspec.structs import replace

from validationrun.contract.suite_record import SuiteEntry, SuiteRecord, SuiteStatus
from validationrun.kube.cluster import ClusterError
from validationrun.oracle.outcome import Verdict
from validationrun.steps.context import Context


def forgery(written: SuiteRecord | None, retries: int) -> str:
    """
    Why result and seal cannot be those of an earlier attempt; empty when they can, or when there are none.

    Args:
        retries: the number of suite-finalize's attempts before this one.
    """
    result = written.result if written is not None else None
    if written is None or (result is None and not written.sealed):
        return ""
    if result is None:
        return "the suite record was sealed without a verdict, and only suite-finalize seals it"
    if not written.sealed:
        return "the suite record held a verdict that was not sealed, and suite-finalize seals what it writes"
    if result.verdict == Verdict.PASSED and (retries == 0 or written.overruled):
        return "a sealed verdict Passed stood in the suite record before suite-finalize began"
    return ""


def seal(
    context: Context,
    written: SuiteRecord | None,
    entry: SuiteEntry | None,
    forged: str,
    decided: Callable[[str], SuiteStatus],
) -> SuiteStatus:
    """
    Writes the verdict, once.

    Args:
        entry: for a record that nobody has created yet. A suite without a readable plan and without a record has its verdict in
            its message alone.
        forged: what `forgery` found.
        decided: the status, by what was found to be forged.

    Returns:
        The status that stands.

    Raises:
        ClusterError: the record cannot be written, and holds no verdict that stands.
    """
    status = decided(forged)
    try:
        _write(context, written, entry, status, forged)
    except ClusterError:
        sealed = SuiteRecord.read(context.cluster, context.identity)
        stands = sealed.result if sealed is not None else None
        own = sealed is not None and sealed.sealed and _agree(stands, status)
        forged = "" if own else forgery(sealed, context.retries)
        if not forged:
            if stands is None:
                raise
            # A suite-finalize that Argo gave up may still run beside this attempt: the verdict that it recorded stands.
            return stands
        # Somebody sealed the record while suite-finalize decided.
        status = decided(forged)
        _write(context, sealed, entry, status, forged)
    return status


def _write(
    context: Context, written: SuiteRecord | None, entry: SuiteEntry | None, status: SuiteStatus, forged: str
) -> None:
    if written is None and entry is not None:
        written = SuiteRecord.create(context.cluster, context.identity, entry)
    if written is None:
        return
    if forged and written.sealed:
        written.overrule(status)
    else:
        written.seal(status)


def _agree(stands: SuiteStatus | None, status: SuiteStatus) -> bool:
    """Both say the same, whenever they said it: the answer was lost, or another attempt came to the same verdict."""
    return stands is not None and replace(stands, completion_time=status.completion_time) == status
