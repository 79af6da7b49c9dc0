"""What a rule remembers from one decision to the next, so that a decision follows from an exchange and this alone."""

from validationrun.base.document import Document


class Memory(Document, frozen=True, forbid_unknown_fields=True, rename="lower"):
    """
    A rule's memory after some of its decisions. The state of the rule keeps it, so that it survives a restart.

    A field has a default, which is the memory before the first decision.
    """


NOTHING_REMEMBERED = Memory()
