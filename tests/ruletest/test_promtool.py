"""promtool reads the same notation: what we read of it is what promtool says it is."""

import json
import math
import random
import subprocess

import pytest

from prometheus_kit import promtool
from validationrun.judging.ruletest.promtool_series import Mark, NotationError, read_values

_SERIES = 150


def number(rng):
    return rng.choice(["0", "1", "7", "010", "09", "1.5", ".5", "2.", "1e2", "1E-1", "100"])


def signed(rng):
    return rng.choice(["", "+", "-"]) + rng.choice([number(rng), number(rng), "NaN", "Inf", "inf"])


def item(rng):
    kind = rng.randrange(7)
    if kind == 0:
        return rng.choice(["_", f"_x{rng.randrange(4)}"])
    if kind == 1:
        return "stale"
    if kind in (2, 3):
        return f"{rng.choice(['', '-', '+'])}{number(rng)}{rng.choice('+-')}{number(rng)}x{rng.randrange(5)}"
    if kind == 4:
        return f"{rng.choice(['', '-'])}{number(rng)}x{rng.randrange(4)}"
    return signed(rng)


def cases(name, values):
    """
    Each sample by itself, and what the series is there.

    The range ends at the sample and holds no other one; marks are left out of it, so that the series itself is asked too.
    """
    for position, value in enumerate(values):
        yield case(f"last_over_time({name}[30s])", position, None if value is Mark.STALE else value)
        before = [one for one in values[max(0, position - 4) : position + 1] if one is not None]
        # Without one of the last minutes, versions differ in what lies exactly at the end of their looking back.
        if before:
            yield case(name, position, None if before[-1] is Mark.STALE else before[-1])


def case(expression, position, value):
    if value is not None and math.isnan(value):
        # To promtool a NaN equals nothing, itself neither, which is how it is found.
        expression, value = f"count({expression} != {expression})", 1
    samples = [] if value is None else [{"labels": "{}", "value": value}]
    return {"expr": f"max({expression})", "eval_time": f"{position}m", "exp_samples": samples}


def as_yaml(document):
    """promtool reads YAML, in which JSON's Infinity is another word."""
    return json.dumps(document).replace("Infinity}", ".inf}")


def judge(folder, inputs, expectations):
    path = folder / "t.yaml"
    path.write_text(as_yaml({
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": inputs, "promql_expr_test": expectations}],
    }))  # fmt: skip
    return subprocess.run([promtool(), "test", "rules", str(path)], capture_output=True, text=True, check=False)


def test_random_series_hold_what_promtool_says(tmp_path):
    rng = random.Random(20240611)
    inputs, expectations = [], []
    for index in range(_SERIES):
        text = " ".join(item(rng) for _ in range(rng.randrange(1, 7)))
        name = f"m{index}"
        inputs.append({"series": name, "values": text})
        expectations += cases(name, read_values(text))
    done = judge(tmp_path, inputs, expectations)
    assert done.returncode == 0, (done.stdout + done.stderr)[:3000]


def test_promtool_would_have_found_a_difference(tmp_path):
    """The judge itself: one sample more than there is."""
    values = [*read_values("0+1x3"), 9.0]
    done = judge(tmp_path, [{"series": "m0", "values": "0+1x3"}], list(cases("m0", values)))
    assert done.returncode != 0
    assert "FAILED" in done.stdout + done.stderr


def test_an_underscore_in_a_number_is_refused():
    """By promtool 2 too; promtool 3 takes this for a thousand, and a file that both take alike has none."""
    with pytest.raises(NotationError):
        read_values("1_000")


def test_what_we_refuse_promtool_refuses_too(tmp_path):
    for text in ("NaNx3", "0x1f", "1+2", "a", "stalex3", "_x", "x3", "1x2x3", "1+2x3.5", "1,", "--1"):
        try:
            read_values(text)
            raise AssertionError(text)
        except NotationError:
            pass
        done = judge(tmp_path, [{"series": "m", "values": text}], [])
        assert done.returncode != 0, text
