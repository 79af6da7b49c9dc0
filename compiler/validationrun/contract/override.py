"""A parameter that a submission changed: its effective value beside the compiled one."""

from collections.abc import Sequence

from validationrun.base.document import Document


class Override(Document, frozen=True):
    """`compiled` is empty where nobody knows it any more."""

    name: str
    value: str
    compiled: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.value}" + (f" (compiled: {self.compiled})" if self.compiled else " (overridden)")


def overrides_text(overridden: Sequence[Override]) -> str:
    """All of them in one line; empty without any."""
    return "; ".join(str(override) for override in overridden)
