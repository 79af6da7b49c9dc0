"""The parameter `only`: which texts choose members, and which are refused, because nothing may be a whole run by mistake."""

import pytest
from tests.unit.steps.suite_world import planned_member, planned_suite

from validationrun.contract.suite_choice import ChoiceError, choice_override, chosen_members
from validationrun.contract.suite_json import MOST_MEMBERS

SUITE = planned_suite(*(planned_member(name) for name in ("first", "second", "third-0")))


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("", ()),
        ("second", ("second",)),
        ("third-0,first", ("first", "third-0")),
        ("first,second,third-0", ()),
    ],
)
def test_the_members_that_are_named_in_the_order_of_the_suite(text: str, chosen: tuple[str, ...]) -> None:
    assert chosen_members(SUITE, text) == chosen


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (" ", "separated by commas alone; got ' '"),
        (",", "separated by commas alone"),
        ("first,", "separated by commas alone"),
        ("first, second", "separated by commas alone"),
        ("first\n", "separated by commas alone"),
        ("First", "separated by commas alone"),
        ("{{workflow.name}}", "separated by commas alone"),
        ("first,fourth", "names 'fourth', and suite release-suite has no run of that name; there are first, second, third-0"),
        ("third", "names 'third'"),
        ("first,first", "names first twice"),
        ("first,second,third-0,first", "names first twice"),
        ("a" * 5000, "longer than 4096 characters"),
    ],
)  # fmt: skip
def test_everything_else_is_refused(text: str, says: str) -> None:
    with pytest.raises(ChoiceError, match=f"^the parameter only .*{says.replace('{', '.').replace('}', '.')}"):
        chosen_members(SUITE, text)


def test_the_longest_choice_fits() -> None:
    names = [f"m{index:02}-{'x' * 59}" for index in range(MOST_MEMBERS)]
    suite = planned_suite(*(planned_member(name) for name in names))
    assert chosen_members(suite, ",".join(names[1:])) == tuple(names[1:])
    assert chosen_members(suite, ",".join(names)) == ()


def test_a_choice_is_shown_as_an_override() -> None:
    assert [str(override) for override in choice_override(("first", "second"))] == ["only: first,second (overridden)"]
    assert choice_override(()) == []
