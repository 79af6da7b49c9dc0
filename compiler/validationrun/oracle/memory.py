"""What a rule remembers from one decision to the next, so that a decision follows from an exchange and this alone."""

from validationrun.base.document import Document, UnixSeconds


class Memory(Document, frozen=True, forbid_unknown_fields=True, rename="lower"):
    """
    A rule's memory after some of its decisions. The state of the rule keeps it, so that it survives a restart.

    A field has a default, which is the memory before the first decision.

    Attributes:
        members: at the first good answer, the pods and the series under each aggregation of the query, in turn.
        reached: the rule's `series.min` was there at least once.
        evaluated: the earliest evaluation after the window's start that healthy rules of the alert showed, Unix seconds; None before.
        evaluated_last: the last of their evaluations that was seen.
        unscoped: what was seen firing, or pending at the end, without a label that a matcher names; empty when nothing was.
    """

    members: tuple[int, ...] | None = None
    reached: bool = False
    evaluated: UnixSeconds | None = None
    evaluated_last: UnixSeconds | None = None
    unscoped: str = ""


NOTHING_REMEMBERED = Memory()
