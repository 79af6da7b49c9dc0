"""What the fixtures do not show: the sides on which a check stays silent, and its edges."""

import pytest

from emit_helpers import LOAD_IMAGE, alert_rule, edited, full_run, node, query_rule, rules_only
from validationrun.compiling.check import CHECKS, check
from validationrun.spec.findings import Finding
from validationrun.spec.v1alpha1 import ValidationRun

LONG = 'min(increase(height{chain_id="${chainId}"}[5m]))'
"""Looks at all of the longest interval."""


def _check(run: dict) -> list[Finding]:
    return check(ValidationRun.model_validate(run))


def _codes(edit, base=rules_only) -> list[str]:
    return [finding.code for finding in _check(edited(edit, base))]


def _query(promql: str, *, op: str = ">", threshold: str = "0", base=rules_only, **fields) -> list[str]:
    query = {"promql": promql, "op": op, "threshold": threshold}
    return _codes(
        lambda run: run["spec"].update(rules=[{"name": "r", "type": "query", "query": query, **fields}]), base
    )


def test_every_check_is_a_function_of_its_own():
    assert len({one.__name__ + one.__module__ for one in CHECKS}) == len(CHECKS)


def test_the_smallest_run_has_no_finding():
    assert _check(rules_only()) == []


def test_a_query_is_not_judged_when_the_rules_type_is_another():
    """Only the type is told; what the body says is judged once it is meant."""
    assert _codes(
        lambda run: run["spec"]["rules"][0].update(type="alert", query={"promql": "((", "op": ">", "threshold": "0"})
    ) == ["VR504"]


def test_an_alert_body_is_not_judged_when_the_rules_type_is_another():
    rule = {**alert_rule(), "type": "query"}
    rule["alert"]["matchers"] = [{"name": "pod", "op": "=~", "value": "["}]
    assert _codes(lambda run: run["spec"].update(rules=[rule])) == ["VR504"]


def test_a_misplaced_placeholder_stops_further_findings_about_the_query():
    assert _query("up{a=${chainId}} [${nope}]") == ["VR503", "VR503"]


def test_a_near_miss_in_text_does_not_stop_them():
    assert _query('up{chain_id="${chainId}", run="${RUNID}"}') == ["VR503", "VR551"]


def test_text_that_is_near_no_placeholder_is_left_alone():
    assert _query('min(up{chain_id="${chainId}", a="${HOME}", b="${1}"})') == []


@pytest.mark.parametrize(
    "matcher",
    [
        'chain_id="${chainId}"',
        'namespace="${namespace}"',
        'pod=~"${runId}-.*"',
        'namespace="eng-ada"',
        'chain_id="pacific-1"',
        'chain_id="${chainId}" or b="${runId}"',
    ],
)
def test_any_matcher_that_holds_a_value_of_this_run_ties_a_rule_to_it(matcher: str):
    assert _query(f"min(up{{{matcher}}})") == []


@pytest.mark.parametrize("matcher", ['chain_id!="${chainId}"', 'pod!~"${runId}.*"', 'job="namespace"', 'a="run"', ""])
def test_no_other_matcher_does(matcher: str):
    assert _query(f"min(up{{{matcher}}})" if matcher else "min(up)") == ["VR554"]


def test_a_run_without_a_namespace_of_its_own_is_not_tied_by_an_empty_text():
    def edit(run):
        del run["metadata"]["namespace"]
        run["spec"]["rules"][0]["query"]["promql"] = 'min(up{a=""})'

    assert _codes(edit) == ["VR554"]


@pytest.mark.parametrize(("seconds", "codes"), [(3600, []), (3601, ["VR552"])])
def test_a_range_may_be_as_long_as_the_window(seconds: int, codes: list[str]):
    assert _query(f'min(rate(up{{chain_id="${{chainId}}"}}[{seconds}s]))') == codes


@pytest.mark.parametrize(("seconds", "codes"), [(60, []), (59, ["VR553"])])
def test_a_range_must_hold_two_scrapes(seconds: int, codes: list[str]):
    assert _query(f'min(rate(up{{chain_id="${{chainId}}"}}[{seconds}s]))') == codes


def test_several_short_ranges_are_told_once():
    assert _query('min(rate(up{chain_id="${chainId}"}[1s])) / min(rate(up{chain_id="${chainId}"}[1s]))') == ["VR553"]


def test_the_whole_window_is_long_enough_however_short_the_run_is():
    def edit(run):
        run["spec"]["timeouts"] = {"runDuration": "40s"}
        run["spec"]["rules"] = [
            query_rule(query={"promql": 'min(rate(up{chain_id="${chainId}"}[${window}]))', "op": ">", "threshold": "0"})
        ]

    assert _codes(edit) == []


@pytest.mark.parametrize(
    ("interval", "codes"),
    [("15s", []), ("60s", []), ("61s", ["VR553"]), ("500ms", []), ("99999999999h", []), ("1" * 4000 + "h", [])],
)
def test_the_scrape_interval_of_the_spec_counts(interval: str, codes: list[str]):
    def edit(run):
        run["spec"]["chain"]["deployments"][0]["spec"]["monitoring"] = {"serviceMonitor": {"interval": interval}}

    assert _codes(edit, full_run) == codes


def test_monitoring_without_an_interval_means_the_default():
    assert (
        _codes(
            lambda run: run["spec"]["chain"]["deployments"][0]["spec"].update(monitoring={"serviceMonitor": {}}),
            full_run,
        )
        == []
    )


def test_monitoring_without_a_service_monitor_scrapes_nothing():
    def edit(run):
        for entry in run["spec"]["chain"]["deployments"]:
            entry["spec"]["monitoring"] = {}

    assert _codes(edit, full_run) == ["VR557"]


def test_without_rules_nothing_needs_to_be_scraped():
    assert _codes(lambda run: run["spec"].update(rules=[]), full_run) == ["VR408"]


@pytest.mark.parametrize(
    ("promql", "op", "threshold", "codes"),
    [
        ("sum", "==", "0", []), ("sum", "!=", "5", []), ("sum", "==", "0.5", ["VR556"]), ("avg", "==", "1", ["VR556"]),
        ("avg", "==", "0", []), ("avg", ">=", "0.5", []), ("sum", "==", "-1e3", []), ("sum", "!=", "-0.0", []),
    ],
)  # fmt: skip
def test_equality_is_doubted_only_between_fractions(promql: str, op: str, threshold: str, codes: list[str]):
    assert _query(f'{promql}(drift{{chain_id="${{chainId}}"}})', op=op, threshold=threshold) == codes


def test_a_whole_quotient_of_whole_numbers_is_exact():
    share = 'sum(up{chain_id="${chainId}"}) / count(up{chain_id="${chainId}"})'
    assert _query(share, op="==", threshold="1") == []
    assert _query(f"1 + {share}", op="==", threshold="2") == ["VR556"]


@pytest.mark.parametrize("threshold", ["1" * 64, "0e-999", "-0.0"])
@pytest.mark.parametrize("op", ["==", ">"])
def test_a_threshold_that_floats_hold_is_fine(op: str, threshold: str):
    assert set(_query('sum(up{chain_id="${chainId}"})', op=op, threshold=threshold)) <= {"VR556"}


@pytest.mark.parametrize("threshold", ["1e99999", "-1e309", "5e-400"])
@pytest.mark.parametrize("op", ["==", ">"])
def test_a_threshold_beyond_all_floats_is_refused(op: str, threshold: str):
    assert "VR510" in _query('sum(up{chain_id="${chainId}"})', op=op, threshold=threshold)


def test_a_count_may_be_compared_with_another_number():
    assert _query('count(height{chain_id="${chainId}"})', threshold="3") == []


def test_a_scalar_gives_no_series_at_all():
    assert _query('scalar(up{chain_id="${chainId}"})') == []


@pytest.mark.parametrize(("timeout", "codes"), [("30s", []), ("31s", ["VR506"])])
def test_a_timeout_may_be_as_long_as_the_interval(timeout: str, codes: list[str]):
    assert _codes(lambda run: run["spec"]["rules"][0]["query"].update(timeout=timeout)) == codes


@pytest.mark.parametrize(("start", "codes"), [("3599s", []), ("3600s", ["VR507"])])
def test_a_rule_may_start_until_just_before_the_end(start: str, codes: list[str]):
    assert _codes(lambda run: run["spec"]["rules"][0].update(runProperties={"startAfter": start})) == codes


def test_a_rule_that_starts_too_late_is_not_told_twice():
    def edit(run):
        run["spec"]["rules"][0]["query"]["series"] = {"min": 1}
        run["spec"]["rules"][0]["runProperties"] = {"startAfter": "2h", "finalSweep": False}

    assert _codes(edit) == ["VR507"]


@pytest.mark.parametrize(("start", "codes"), [("3570s", []), ("3571s", ["VR508"])])
def test_without_a_final_sweep_one_tick_is_needed(start: str, codes: list[str]):
    def edit(run):
        run["spec"]["rules"][0]["query"]["series"] = {"min": 1}
        run["spec"]["rules"][0]["runProperties"] = {"startAfter": start, "finalSweep": False}

    assert _codes(edit) == codes


@pytest.mark.parametrize(("timeout", "codes"), [("115s", []), ("116s", ["VR558"])])
def test_the_final_sweep_has_8_minutes(timeout: str, codes: list[str]):
    def edit(run):
        run["spec"]["rules"][0]["query"].update(timeout=timeout, promql=LONG)
        run["spec"]["rules"][0]["runProperties"] = {"interval": "5m"}

    assert _codes(edit) == codes


def test_without_a_final_sweep_it_takes_no_time():
    def edit(run):
        run["spec"]["rules"][0]["query"].update(timeout="2m", promql=LONG, series={"min": 1})
        run["spec"]["rules"][0]["runProperties"] = {"interval": "5m", "finalSweep": False}

    assert _codes(edit) == []


@pytest.mark.parametrize(
    ("op", "value", "codes"),
    [("=", "eng-ada", []), ("=", "pacific-1", []), ("=~", "${chainId}-.*", []), ("=", "x-${runId}", []), ("!=", "${namespace}", ["VR554"]),
     ("!~", "pacific-1", ["VR554"]), ("=", "other", ["VR554"])],
)  # fmt: skip
def test_an_alert_is_tied_to_the_run_by_a_matcher_that_demands_its_value(op: str, value: str, codes: list[str]):
    rule = alert_rule()
    rule["alert"]["matchers"] = [{"name": "label", "op": op, "value": value}]
    assert _codes(lambda run: run["spec"].update(rules=[rule])) == codes


@pytest.mark.parametrize("name", ["__name__", "alertname", "alertstate"])
def test_an_alert_sets_its_own_labels_itself(name: str):
    rule = alert_rule()
    rule["alert"]["matchers"].append({"name": name, "op": "=", "value": "x"})
    assert _codes(lambda run: run["spec"].update(rules=[rule])) == ["VR509"]


@pytest.mark.parametrize("value", ['"', "\\", "\n", "}", "\0", "`", "# x", "é😀"])
def test_no_text_of_a_matcher_is_taken_for_promql(value: str):
    rule = alert_rule()
    rule["alert"]["matchers"].append({"name": "label", "op": "=", "value": value})
    assert _codes(lambda run: run["spec"].update(rules=[rule])) == []


def test_the_bad_one_of_several_patterns_is_pointed_at():
    rule = alert_rule()
    rule["alert"]["matchers"] += [{"name": "a", "op": "=~", "value": ".*"}, {"name": "b", "op": "!~", "value": "["}]
    (finding,) = _check(edited(lambda run: run["spec"].update(rules=[rule]), rules_only))
    assert finding.loc[-2:] == (2, "value")


# The chain and the load.


@pytest.mark.parametrize(
    ("image", "codes"),
    [
        (LOAD_IMAGE, []), (LOAD_IMAGE.replace("@", ":1.2@"), []), ("seiload:1.2", ["VR406"]), ("seiload", ["VR407"]),
        ("seiload:latest", ["VR407"]),
        ("registry:5000/seiload", ["VR407"]), ("registry:5000/seiload:2", ["VR406"]), ("registry:5000/a:latest/b:1", ["VR406"]),
    ],
)  # fmt: skip
def test_an_image_is_doubted_unless_it_has_a_digest(image: str, codes: list[str]):
    def edit(run):
        run["spec"]["chain"] = rules_only()["spec"]["chain"]
        run["spec"]["rules"][0]["query"]["promql"] = 'min(up{chain_id="${chainId}"})'
        run["spec"]["load"]["workload"]["image"] = image

    assert _codes(edit, full_run) == codes


def _workload(**fields) -> list[str]:
    return _codes(lambda run: (run["spec"]["load"]["workload"].update(fields), run["spec"].update(rules=[])), full_run)[
        1:
    ]


@pytest.mark.parametrize(
    ("prefix", "codes"),
    [("CHAIN_", ["VR405"]), ("C", ["VR405"]), ("CHAIN_ID", ["VR405"]), ("CHAIN_ID_", []), ("MY_", []), ("", [])],
)
def test_a_prefix_is_doubted_when_it_can_form_a_name_of_ours(prefix: str, codes: list[str]):
    assert _workload(envFrom=[{"prefix": prefix, "secretRef": {"name": "keys"}}]) == codes


def test_the_sources_of_a_variable_exclude_each_other():
    both = {"configMapRef": {"name": "a"}, "secretRef": {"name": "b"}}
    assert _workload(envFrom=[both]) == ["VR413"]
    assert _workload(env=[{"name": "A", "value": "", "valueFrom": {}}]) == ["VR413", "VR413"]


@pytest.mark.parametrize(
    ("name", "codes"), [(".", ["VR412"]), ("..", ["VR412"]), ("..a", ["VR412"]), (".a", []), ("a..", []), ("-", [])]
)
def test_a_config_file_may_not_have_a_name_of_the_kubelets(name: str, codes: list[str]):
    assert _workload(config={"files": {name: ""}}) == codes


def _mounts(mounts: list[str], **config) -> list[str]:
    pod = {
        "volumes": [{"name": "data", "emptyDir": {}}],
        "volumeMounts": [{"name": "data", "mountPath": path} for path in mounts],
    }
    return _workload(podTemplate=pod, config=config)


def test_without_config_files_their_folder_is_free():
    assert _mounts(["/etc/validation/config"]) == []
    assert _mounts(["/etc/validation/config"], files={"a": ""}) == ["VR411"]


def test_paths_are_compared_as_paths():
    assert _mounts(["/data/../var/run/validation/results/", "/data/.", "/data"]) == ["VR411", "VR411"]


def test_config_files_may_not_lie_in_the_results_folder():
    assert _mounts([], mountPath="/var/run/validation/./results") == ["VR411"]


def test_a_source_of_a_volume_that_we_do_not_know_counts():
    assert _workload(podTemplate={"volumes": [{"name": "a", "nfs": {}}]}) == []
    assert _workload(podTemplate={"volumes": [{"name": "a", "nfs": {}, "csi": {}}]}) == ["VR413"]


def test_ports_without_names_are_not_twins():
    assert _workload(ports=[{"containerPort": 1}, {"containerPort": 2}]) == []


@pytest.mark.parametrize(
    ("label", "codes"),
    [("sei.io/chain-id", ["VR309"]), ("app.kubernetes.io/part-of", ["VR309"]), ("batch.kubernetes.io/x", ["VR309"]),
     ("validation.sei.io/verdict", ["VR309"]), ("app.kubernetes.io/name", []), ("sei.io/team", [])],
)  # fmt: skip
def test_labels_that_are_ours_are_reserved(label: str, codes: list[str]):
    assert _workload(podTemplate={"labels": {label: "x"}}) == codes


@pytest.mark.parametrize(("chain_id", "codes"), [("a" * 29, []), ("a" * 30, ["VR305"])])
def test_chain_id_and_name_share_39_characters(chain_id: str, codes: list[str]):
    assert [
        code for code in _codes(lambda run: run["spec"]["chain"].update(chainId=chain_id), full_run) if code == "VR305"
    ] == codes


def test_three_validators_are_two_too_many():
    more = [node(f"v{i}", "validator") for i in range(2)]
    assert _codes(lambda run: run["spec"]["chain"]["deployments"].extend(more), full_run).count("VR302") == 2


@pytest.mark.parametrize(("cleanup", "codes"), [("Always", ["VR308"]), ("OnSuccess", ["VR308"]), ("Never", [])])
def test_nodes_may_be_retained_only_when_nothing_is_cleaned_up(cleanup: str, codes: list[str]):
    def edit(run):
        run["spec"]["cleanup"] = cleanup
        run["spec"]["chain"]["deployments"][1]["spec"]["deletionPolicy"] = "Retain"

    assert [code for code in _codes(edit, full_run) if code == "VR308"] == codes


@pytest.mark.parametrize(("duration", "codes"), [("10m", []), ("599s", ["VR404"])])
def test_a_run_may_be_as_long_as_its_load(duration: str, codes: list[str]):
    assert [
        code
        for code in _codes(lambda run: run["spec"].update(timeouts={"runDuration": duration}), full_run)
        if code == "VR404"
    ] == codes
