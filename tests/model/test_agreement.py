"""The engine and the brute-force model agree on random runs; `python -m tests.model.agree` compares more of them."""

import random
from unittest import mock

import pytest

from model.agree import compare, disagreements
from model.brute_force import Rule, Timeline
from model.facts import Beside, Instance, Page, Sampled
from model.timelines import random_timeline, timelines

SEED = 20260101
CHUNK = 250
CHUNKS = 8


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_the_engine_agrees_with_the_model(chunk):
    found = disagreements(SEED, range(chunk * CHUNK, (chunk + 1) * CHUNK))

    assert not found, "\n\n".join(map(str, found))


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_the_driver_agrees_with_the_model(chunk):
    """With slow answers, a slow machine, an end that is learned late, and an evaluator that is killed and comes back."""
    found = disagreements(SEED, range(chunk * CHUNK, (chunk + 1) * CHUNK, 4), "driver")

    assert not found, "\n\n".join(map(str, found))


def test_a_disagreement_is_shown_as_a_small_run_that_can_be_run_again():
    """The comparison itself can fail: here with a model that has no patience while the load warms up."""
    with mock.patch("model.brute_force.is_patient", return_value=False):
        found = disagreements(SEED, range(5, 200), most=1)
        assert len(found) == 1
        names = {kind.__name__: kind for kind in (Timeline, Rule, Page, Beside, Instance, Sampled)}
        again = eval(repr(found[0].timeline), names)  # noqa: S307
        assert any(compare(again, f"{found[0].number}{suffix}") for suffix in ("", "/0", "/1"))
    assert len(again.rules) <= 1
    assert len(again.ticks[0]) <= 3


def test_a_run_depends_on_its_number_alone():
    assert list(timelines(3, 5))[4] == random_timeline(random.Random("3/4"))
