"""What every end-to-end test needs of the cluster: the definition of SeiNodeDeployment."""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

import pytest
from tests.chain.operator.definitions import connect, install_crds
from tests.cluster.controllers import older_controller
from tests.e2e.world import KUBECONFIG

# So that what they assert is explained as what the tests themselves assert.
pytest.register_assert_rewrite("tests.e2e.checks", "tests.e2e.running", "tests.e2e.faults")


LONG: Final = frozenset(
    {
        "test_a_run_explains_itself_to_whoever_looks_at_argo",
        "test_a_schedule_fires_gives_a_verdict_and_is_seen_when_it_stops",
        "test_alert_unloaded_mid_run",
        "test_an_upload_that_fails_is_no_pass",
        "test_case[alert-stops-early]",
        "test_case[chain-id-reused-while-nodes-live-seinetwork]",
        "test_case[evaluator-killed-too-often]",
        "test_case[never-serves]",
        "test_case[never-serves-seinetwork]",
        "test_case[seid-crash-loops]",
        "test_case[seid-crash-loops-seinetwork]",
        "test_controller_restarted",
        "test_hostile_workflow_defaults",
        "test_node_status_offloaded",
        "test_quota_full_at_finalize",
        "test_quota_freed_at_finalize",
        "test_resubmitted",
        "test_same_workflow_name_again",
        "test_terminated",
        "test_two_runs_with_one_chain_id",
    }
)
"""Each takes two to four minutes."""

LANDS: Final[Mapping[str, Collection[str]]] = {
    "test_alerts.py": (),
    "test_cases.py": [
        f"test_case[{name}]"
        for name in (
            "alert-never-loaded",
            "alert-stops-early",
            "chain-id-in-use",
            "chain-reports-failed",
            "ends-by-signal",
            "evaluator-killed-once",
            "evm-load-passes",
            "final-sweep-fails",
            "finalize-is-killed",
            "follower-fails-degraded",
            "forged-result",
            "load-ends-early",
            "load-job-killed",
            "network-node-fails",
            "one-shard-fails",
            "parameters-overridden",
            "passes",
            "passes-seinetwork",
            "prometheus-goes-away",
            "ready-before-pods",
            "role-lacks-a-verb",
            "rules-only",
            "stopped",
            "stops-early",
            "validator-vanishes",
            "workload-has-a-fault",
        )
    ],
    "test_daily.py": ["test_a_run_explains_itself_to_whoever_looks_at_argo"],
    "test_endings.py": ["test_deleted", "test_terminated"],
    "test_identity.py": ["test_two_runs_with_one_chain_id"],
    "test_installation.py": ["test_api_server_restarted", "test_controller_restarted"],
    "test_many.py": (),
    "test_older_argo.py": [
        "test_case[finalize-is-killed]",
        "test_case[one-shard-fails]",
        "test_case[passes]",
        "test_the_newer_definitions_hold_what_the_older_controller_writes",
    ],
    "test_results.py": ["test_an_upload_that_fails_is_no_pass", "test_results_are_uploaded_whole[passes]"],
    "test_schedules.py": ["test_a_schedule_fires_gives_a_verdict_and_is_seen_when_it_stops"],
    "test_starters.py": ["test_a_starter_brings_its_chain_up[nightly-SeiNetwork]"],
    "test_suites.py": [
        "test_a_failure_starts_no_further_run[4]",
        "test_a_suite_finalize_that_is_killed_is_tried_again",
        "test_a_terminated_suite[4]",
        "test_two_suites_at_once",
    ],
}
"""
What of these files `make e2e` runs, and so every change: one of each kind of run. Each of the others has a near relative among
them and is left to `make e2e-rest`, because a change must not wait longer, on a slow machine either. Files that are not named
here run whole.
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first: none of them is left to a single worker when all others are done."""
    items.sort(key=lambda item: item.name not in LONG)
    for item in items:
        if item.name not in LANDS.get(item.path.name, {item.name}):
            item.add_marker(pytest.mark.rest)


@pytest.fixture(scope="session", autouse=True)
def definition() -> None:
    """Idempotent, so that workers side by side may all do it."""
    context = os.environ.get("E2E_CONTEXT")
    install_crds(connect(None if context else str(KUBECONFIG), context))


@pytest.fixture
def controller(request: pytest.FixtureRequest) -> Iterator[Sequence[str]]:
    """The options of `compile` and `submit` for the controller of a line of Argo: `4` or `3.7`."""
    if request.param == "4":
        yield ()
    else:
        with older_controller() as older:
            yield ("--instance-id", older.instance)
