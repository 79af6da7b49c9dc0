import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from validationrun.spec.source import read
from validationrun.spec.source.scalars import NotCarriedError, resolve

# What sigs.k8s.io/yaml, and so kubectl, makes of a plain scalar.
TABLE = [
    *((word, True) for word in ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON")),
    *((word, False) for word in ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF")),
    *((word, None) for word in ("", "~", "null", "Null", "NULL")),
    *((word, word) for word in ("oN", "tRUE", "nUll", "abc", "1:30", "2024-01-01", "1.2.3", "0x", "0b2", "0o8", "-", "+", ".", "..")),
    *((word, word) for word in ("1e", "e1", "1__x", "inf", "nan", "-x", "10m", "4Gi", "._1", "1.e+", "0x1.8p1")),
    ("0", 0), ("-0", 0), ("12", 12), ("+12", 12), ("-12", -12), ("1_000", 1000),
    ("012", 10), ("0o17", 15), ("0O17", 15), ("0x1f", 31), ("-0X1F", -31), ("0b101", 5), ("0B1", 1),
    ("08", 8.0), ("1.5", 1.5), ("-1.5", -1.5), (".5", 0.5), ("1.", 1.0), ("1e3", 1000.0), ("1.5E-3", 0.0015), ("1_0.5", 10.5),
    ("9223372036854775807", 2**63 - 1), ("18446744073709551615", 2**64 - 1), ("-9223372036854775808", -(2**63)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), TABLE)
def test_a_plain_scalar_is_what_kubernetes_makes_of_it(text: str, value: object):
    resolved = resolve(text)
    assert resolved == value
    assert type(resolved) is type(value)


@pytest.mark.parametrize(
    "text",
    [".inf", "-.Inf", "+.INF", ".nan", ".NaN", "1e999", "-1e999", "18446744073709551616", "-9223372036854775809", "0b" + "1" * 65,
     "1" * 5000, "0x" + "f" * 17],
)  # fmt: skip
def test_a_number_that_json_cannot_carry_is_refused(text: str):
    with pytest.raises(NotCarriedError):
        resolve(text)


@given(st.text(alphabet="0123456789abcdefoxXOBbeE+-._:", max_size=12))
def test_any_scalar_is_resolved_or_refused_and_numbers_are_finite(text: str):
    try:
        value = resolve(text)
    except NotCarriedError:
        return
    assert isinstance(value, (str, int, float, bool, type(None)))
    assert not isinstance(value, str) or value == text
    assert not isinstance(value, float) or math.isfinite(value)


@given(st.integers(-(2**63), 2**64 - 1))
def test_an_integer_survives_in_every_base(number: int):
    sign, digits = ("-" if number < 0 else ""), abs(number)
    assert resolve(str(number)) == number
    assert resolve(f"{sign}0x{digits:x}") == resolve(f"{sign}0b{digits:b}") == resolve(f"{sign}0o{digits:o}") == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_survives(number: float):
    assert resolve(repr(number)) == number


@pytest.mark.parametrize(
    ("text", "value"),
    [("'12'", "12"), ('"on"', "on"), ("!!str 12", "12"), ("! 12", "12"), ("!!int 12", 12), ("!!bool yes", True),
     ("!!null ''", None), ('!!float "1.5"', 1.5), ("|\n  12\n", "12\n"), (">-\n  on\n  off\n", "on off")],
)  # fmt: skip
def test_quotes_blocks_and_core_tags_decide_over_the_table(text: str, value: object):
    result = read(f"a: {text}\n".encode(), "spec.yaml")
    assert result.diagnostics == []
    assert result.documents[0].data == {"a": value}


def test_pyyaml_alone_would_read_some_scalars_differently():
    """Why we have a table of our own; when this fails, look whether it can go."""
    assert yaml.load("1:30", Loader=yaml.CSafeLoader) == 90
    assert resolve("1:30") == "1:30"
