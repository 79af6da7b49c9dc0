"""Which members of a suite run: the parameter `only` of its WorkflowTemplate."""

import re
from collections.abc import Sequence
from typing import Final

from validationrun.base import conventions
from validationrun.contract.override import Override
from validationrun.contract.suite_json import SuiteDocument

_FORM: Final = re.compile(r"[a-z0-9-]+(,[a-z0-9-]+)*")
_LONGEST: Final = 4096
"""Characters: 64 names of 63, with their commas, fit."""

_SHOWN: Final = 80


class ChoiceError(Exception):
    """The parameter `only` does not name members of the suite; the message says what would fit."""


def chosen_members(suite: SuiteDocument, text: str) -> tuple[str, ...]:
    """
    The members that `only` names, in the order of the suite; none when all run: the text is empty, or names all of them.

    Raises:
        ChoiceError: the text has another form, names a member twice, or one that the suite does not have.
    """
    if not text:
        return ()
    if len(text) > _LONGEST:
        raise ChoiceError(f"the parameter {conventions.PARAM_ONLY} is longer than {_LONGEST} characters")
    if not _FORM.fullmatch(text):
        form = "must be names of the suite's runs, separated by commas alone"
        raise ChoiceError(f"the parameter {conventions.PARAM_ONLY} {form}; got {text[:_SHOWN]!r}")
    named, known = text.split(","), [member.name for member in suite.members]
    for name in named:
        if name not in known:
            there = f"suite {suite.name} has no run of that name; there are {', '.join(known)}"
            raise ChoiceError(f"the parameter {conventions.PARAM_ONLY} names {name[:_SHOWN]!r}, and {there}")
        if named.count(name) > 1:
            raise ChoiceError(f"the parameter {conventions.PARAM_ONLY} names {name} twice")
    return tuple(name for name in known if name in named) if len(named) < len(known) else ()


def choice_override(chosen: Sequence[str]) -> list[Override]:
    """
    How labels, status and reports show that only some members run; empty when all do.

    Args:
        chosen: as `chosen_members` returns it.
    """
    return [Override(conventions.PARAM_ONLY, ",".join(chosen))] if chosen else []
