"""Documents are read strictly where it matters, and written so that nothing is lost in silence."""

import json

import pytest

from validationrun.base.document import Document, DocumentError, json_schema


class Inner(Document, frozen=True):
    """A part."""

    rule_name: str
    at: float | None = None


class Outer(Document, frozen=True):
    """A whole."""

    inner: list[Inner]
    code: int


def test_keys_are_camel_case_and_in_the_order_of_the_fields():
    assert Outer([Inner("é", 1.5)], 0).to_json() == '{"inner": [{"ruleName": "é", "at": 1.5}], "code": 0}'


def test_what_was_written_is_read_back():
    outer = Outer([Inner("a"), Inner("b", 2.0)], 3)
    assert Outer.from_json(outer.to_json()) == outer == Outer.from_data(json.loads(outer.to_json()))


def test_an_unknown_key_is_passed_over():
    assert Inner.from_json('{"ruleName": "a", "newer": {"deep": []}}') == Inner("a")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"inner": [{}], "code": 0}', r"Outer: .*missing required field `ruleName`.*\$\.inner\[0\]"),
        ('{"inner": [], "code": "0"}', r"Outer: Expected `int`, got `str` - at `\$\.code`"),
        ('{"inner": [], "code": true}', r"Outer: Expected `int`, got `bool`"),
        ("[", "Outer: "),
        ("[" * 100_000, "Outer: "),
        ('{"inner": [], "code": NaN}', "Outer: "),
        ("\ud800", "Outer: "),
    ],
)
def test_what_is_not_the_document_is_refused(text, message):
    with pytest.raises(DocumentError, match=message):
        Outer.from_json(text)


def test_a_number_that_json_cannot_hold_is_not_written_as_null():
    with pytest.raises(ValueError, match="not JSON compliant"):
        Inner("a", float("nan")).to_json()


def test_half_a_surrogate_pair_does_not_make_a_document_unreadable():
    """A client of HTTP may decode one from JSON; what was written must be readable."""
    assert Inner.from_json(Inner("a \ud800 b").to_json()) == Inner("a ? b")


def test_the_schema_names_keys_as_the_document_does():
    schema = json_schema(Outer)
    assert set(schema["$defs"]["Inner"]["properties"]) == {"ruleName", "at"}
