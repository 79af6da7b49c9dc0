"""What every end-to-end test needs of the cluster: the definition of SeiNodeDeployment."""

import os
from typing import Final

import pytest
from tests.chain.operator.definitions import connect, install_crds
from tests.e2e.world import KUBECONFIG

# So that what they assert is explained as what the tests themselves assert.
pytest.register_assert_rewrite("tests.e2e.checks", "tests.e2e.running", "tests.e2e.faults")


LONG: Final = frozenset(
    {
        "test_a_run_explains_itself_to_whoever_looks_at_argo",
        "test_alert_unloaded_mid_run",
        "test_an_upload_that_fails_is_no_pass",
        "test_case[alert-stops-early]",
        "test_case[evaluator-killed-too-often]",
        "test_case[never-serves]",
        "test_controller_restarted",
        "test_hostile_workflow_defaults",
        "test_node_status_offloaded",
        "test_quota_full_at_finalize",
        "test_resubmitted",
        "test_same_workflow_name_again",
        "test_terminated",
        "test_two_runs_with_one_chain_id",
    }
)
"""Each takes two to four minutes."""

REST: Final = frozenset(
    {
        *(
            f"test_cases.py::test_case[{name}]"
            for name in (
                "alert-in-own-namespace",
                "alert-not-scoped",
                "alert-rule-removed",
                "chain-id-reused-while-nodes-live",
                "evaluator-killed-too-often",
                "every-follower-fails",
                "failed-ceremony-alternates",
                "finalize-is-drained",
                "finalize-is-evicted",
                "killed-by-a-signal",
                "load-pod-evicted",
                "network-ceremony-fails",
                "network-ready-before-pods",
                "never-serves",
                "restricted-pod-security",
                "shards-0-0-2",
                "shards-1-0-0",
                "signal-and-exits-early",
                "signal-and-load-job-restarts",
                "validator-fails-initializing",
                "workload-account-goes-away",
            )
        ),
        *(
            f"test_older_argo.py::test_case[{name}]"
            for name in (
                "alert-in-forbidden-namespace",
                "alert-in-own-namespace",
                "alert-never-loaded",
                "alert-rule-removed",
                "ends-by-signal",
                "evaluator-killed-once",
                "evaluator-killed-too-often",
                "final-sweep-fails",
                "image-cannot-be-pulled",
                "killed-by-a-signal",
                "load-past-run-duration",
                "never-serves",
                "prometheus-away-for-a-while",
                "prometheus-goes-away",
                "shards-0-0-2",
                "shards-1-0-0",
                "workload-account-missing",
                "workload-has-a-fault",
            )
        ),
        *(
            f"test_starters.py::test_a_starter_brings_its_chain_up[{scenario}-{api}]"
            for scenario in ("release", "soak", "early-stop")
            for api in ("SeiNetwork", "SeiNodeDeployment")
        ),
        "test_identity.py::test_resubmitted",
        *(
            f"test_suites.py::test_{name}"
            for name in (
                "a_deleted_suite",
                "a_failure_starts_no_further_run[3.7]",
                "a_member_that_is_deleted",
                "a_member_that_is_stopped",
                "a_run_that_does_not_declare_the_parameter_of_its_suite",
                "a_terminated_suite[3.7]",
                "a_terminated_suite_whose_run_never_got_a_pod",
                "the_controller_restarts_while_a_member_is_followed",
                "two_runs_pass[4]",
            )
        ),
    }
)
"""Left to `make e2e-all`, because a change must not wait longer: each has a near relative that `make e2e` runs."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first: none of them is left to a single worker when all others are done."""
    items.sort(key=lambda item: item.name not in LONG)
    for item in items:
        if f"{item.path.name}::{item.name}" in REST:
            item.add_marker(pytest.mark.rest)


@pytest.fixture(scope="session", autouse=True)
def definition() -> None:
    """Idempotent, so that workers side by side may all do it."""
    context = os.environ.get("E2E_CONTEXT")
    install_crds(connect(None if context else str(KUBECONFIG), context))
