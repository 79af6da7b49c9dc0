"""The suite verdict table and its second model agree on random suites."""

from unittest import mock

import pytest

from model.suite import OUTCOMES, mismatches, phase_of, random_suites
from validationrun.oracle.suite_verdict import Outcome


@pytest.mark.parametrize("seed", range(4))
def test_table_and_model_agree(seed):
    found = mismatches(seed, 2_500)

    assert not found, "\n".join(found[:5])


def test_the_random_suites_reach_every_phase_and_outcome():
    suites = list(random_suites(0, 2_500))
    phases = {phase_of(suite) for suite in suites}

    assert phases == {"Cancelled", "Failed", "Error", "Succeeded"}
    assert set(OUTCOMES) == set(Outcome)
    assert {outcome for suite in suites for _, outcome in suite.ends} == set(OUTCOMES)


def test_among_them_are_suites_of_a_few_members_that_pass_and_that_do_not():
    parts = [suite for suite in random_suites(0, 2_500) if suite.chosen]
    phases = [phase_of(suite) for suite in parts]
    assert min(phases.count(phase) for phase in ("Cancelled", "Failed", "Error", "Succeeded")) > 50
    assert any(set(suite.chosen) - set(suite.planned) for suite in parts)


def test_a_table_that_forgets_who_was_chosen_is_found_out():
    with mock.patch("model.suite.running", side_effect=lambda suite: list(suite.planned)):
        assert mismatches(0, 200)


def test_a_table_that_forgets_the_count_is_found_out():
    """The comparison itself can fail."""
    with mock.patch("model.suite.may_pass", return_value=True):
        assert mismatches(0, 200)
