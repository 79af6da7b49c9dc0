"""The bundle: names, hashes, sizes, and the plan that the runner reads."""

import hashlib
import json
from dataclasses import replace

import pytest

from emit_helpers import SEID, alert_rule, at, compile_one, compiled, edited, full_run, query_rule, rules_only
from validationrun.base.hashing import bundle_hash
from validationrun.compiling.emit.bundle import build_bundle, readable_json
from validationrun.compiling.emit.files import emit
from validationrun.compiling.emit.options import EmitOptions
from validationrun.spec.findings import Severity


def config_files(**files):
    def edit(run):
        run["spec"]["load"]["workload"]["config"] = {"files": files}

    return edited(edit)


def test_the_name_ends_in_the_hash_of_the_data():
    output = compiled(full_run())
    document = output.document("bundle.yaml")
    canonical = json.dumps(document["data"], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    assert document["metadata"]["name"] == f"nightly-bundle-{digest[:8]}"
    assert (
        document["metadata"]["annotations"]["validation.sei.io/bundle-hash"] == digest == bundle_hash(document["data"])
    )
    assert document["metadata"]["annotations"]["validation.sei.io/spec-hash"] == output.plan.spec_hash
    assert document["immutable"] is True
    assert document["metadata"]["namespace"] == "eng-ada"


def test_the_hash_does_not_depend_on_the_order_of_the_data():
    assert bundle_hash({"a": "1", "b": "2"}) == bundle_hash({"b": "2", "a": "1"})
    assert bundle_hash({"a": "12"}) != bundle_hash({"a1": "2"})


def test_the_same_spec_gives_the_same_name_and_another_config_file_gives_another():
    names = [
        compiled(run).document("bundle.yaml")["metadata"]["name"]
        for run in (full_run(), full_run(), config_files(a="x"), config_files(a="y"))
    ]
    assert names[0] == names[1]
    assert len(set(names[1:])) == 3


def test_options_that_only_the_template_shows_leave_the_bundle_as_it_is():
    options = {"label": False, "executor_patch": False, "instance_id": "a", "priority_class": "b"}
    plain, other = compiled(full_run()), compiled(full_run(), **options)
    # --no-label changes what finalize may do, not what it reads.
    assert other.text["bundle.yaml"] == plain.text["bundle.yaml"]


def test_neither_argo_cd_nor_flux_prunes_a_bundle_that_a_run_may_still_need():
    annotations = compiled(full_run()).document("bundle.yaml")["metadata"]["annotations"]
    assert "Prune=false" in annotations["argocd.argoproj.io/sync-options"]
    assert annotations["kustomize.toolkit.fluxcd.io/prune"] == "disabled"


def test_the_keys_are_those_of_the_contract():
    assert list(compiled(config_files(**{"a.json": "{}"})).data) == [
        *("plan.json", "rules.yaml", "chain.validators.yaml", "chain.rpc.yaml", "job.yaml", "config.a.json")
    ]
    assert list(compiled(rules_only()).data) == ["plan.json", "rules.yaml"]

    def edit(run):
        del run["spec"]["rules"]

    assert "rules.yaml" not in compiled(edited(edit)).data


def test_the_plan_says_where_each_run_time_value_goes():
    text = "🚀 ${chainId} ${mine} ${rpcEndpointsJson}"
    output = compiled(config_files(profile=text, plain="x"))
    places = output.plan_json["places"]
    assert list(places) == ["chain.validators.yaml", "chain.rpc.yaml", "job.yaml", "config.profile"]
    for key in ("chain.validators.yaml", "chain.rpc.yaml", "job.yaml"):
        document = output.inner(key)
        for pointer in places[key]:
            assert "${" in at(document, pointer)
    for place in places["config.profile"]:
        stored = output.data["config.profile"]
        assert stored[place["offset"] :].startswith(place["token"])
    assert [place["token"] for place in places["config.profile"]] == ["${chainId}", "${rpcEndpointsJson}"]


def test_each_place_in_a_query_holds_its_token():
    def edit(run):
        run["spec"]["rules"].append(alert_rule())

    output = compiled(edited(edit))
    rules = output.inner("rules.yaml")
    for rule, planned in zip(rules, output.plan_json["rules"], strict=True):
        promql = planned.get("promql") or rule["query"]["promql"]
        assert planned["places"]
        for place in planned["places"]:
            assert promql[place["offset"] :].startswith(place["token"])
    window = output.plan_json["rules"][1]["places"][-1]
    assert window == {"offset": window["offset"], "token": "${window}"}


def test_the_plan_holds_what_the_steps_need():
    plan = compiled(full_run()).plan_json
    assert plan["format"] == 1
    assert (plan["name"], plan["namespace"], plan["cleanup"]) == ("nightly", "eng-ada", "Always")
    assert plan["seconds"] == {
        "chainReady": 1200,
        "cooldown": 0,
        "loadStart": 300,
        "runDuration": 900,
        "window": 600,
        "workflowDeadline": 3000,
        "finalize": 960,
    }
    assert plan["chain"]["bringUp"] is True
    assert plan["chain"]["deployments"][1] == {
        "name": "rpc",
        "role": "fullNode",
        "object": "${chainId}-rpc",
        "replicas": 2,
        "file": "chain.rpc.yaml",
    }
    assert plan["load"]["shards"] == 1
    assert plan["results"] is None
    assert plan["parameters"]["image-rpc"] == {
        "compiled": SEID,
        "file": "chain.rpc.yaml",
        "path": "/spec/template/spec/image",
    }
    assert plan["parameters"]["duration"] == {"compiled": "10m"}
    assert plan["prometheusUrl"] == "http://prometheus-k8s.monitoring.svc:9090"
    assert plan["locked"] == []
    passive = compiled(rules_only()).plan_json
    assert passive["load"] is None
    assert passive["chain"]["bringUp"] is False
    assert passive["places"] == {}


def test_the_results_say_bucket_endpoint_and_uri():
    output = compiled(edited(lambda run: run["spec"].update(results={"s3": {"bucket": "abc"}})))
    assert output.plan_json["results"] == {
        "bucket": "abc",
        "endpoint": "s3.amazonaws.com",
        "prefix": "eng-ada/evm_transfer/${runId}/",
        "uri": "s3://abc/eng-ada/evm_transfer/${runId}/",
    }


def test_rules_have_every_default_written_out():
    rule = query_rule(
        runProperties={"interval": "10s", "startAfter": "1m", "finalSweep": True, "stopOnFailure": True, "retry": 0}
    )
    output = compiled(edited(lambda run: run["spec"].update(rules=[rule, query_rule("other")])))
    first, second = output.inner("rules.yaml")
    properties = {**rule["runProperties"], "minCoverage": "0.8", "until": "LoadEnd"}
    assert first == {
        **rule,
        "runProperties": properties,
        "query": {**rule["query"], "maxAge": "2m30s", "timeout": "10s"},
    }
    assert second["runProperties"] == {
        "interval": "30s",
        "startAfter": "0s",
        "finalSweep": True,
        "stopOnFailure": False,
        "minCoverage": "0.8",
        "until": "LoadEnd",
        "retry": 3,
    }
    assert second["query"]["timeout"] == "30s"


def test_a_threshold_is_kept_as_it_was_written():
    rule = query_rule()
    rule["query"]["threshold"] = "0.10000000000000000000001e-5"
    assert (
        compiled(edited(lambda run: run["spec"].update(rules=[rule]))).inner("rules.yaml")[0]["query"]["threshold"]
        == rule["query"]["threshold"]
    )


# Size.


def findings_of(run):
    result = compile_one(run)
    return result, [d for d in result.diagnostics if d.code.startswith("VR60")]


def test_a_bundle_of_ordinary_size_is_no_finding():
    assert findings_of(config_files(a="x" * 200_000))[1] == []


def test_above_240_kib_a_bundle_is_a_warning_with_the_way_out():
    result, (finding,) = findings_of(config_files(a="x" * 250_000))
    assert (finding.code, finding.severity) == ("VR602", Severity.WARNING)
    assert "--server-side" in finding.help
    assert finding.path == "spec.load.workload.config.files"
    assert result.compiled


def test_above_900_kib_a_bundle_is_an_error_and_nothing_is_compiled():
    result, (finding,) = findings_of(config_files(a="x" * 920_000))
    assert (finding.code, finding.severity) == ("VR601", Severity.ERROR)
    assert result.compiled == []


def test_an_error_in_one_run_keeps_the_others_from_being_compiled_too():
    from emit_helpers import as_yaml
    from validationrun.compiling.pipeline import compile_all

    other = edited(lambda run: run["metadata"].update(name="other"))
    files = [("a", as_yaml(other)), ("b", as_yaml(config_files(a="x" * 920_000)))]
    result = compile_all(files, EmitOptions())
    assert not result.ok
    assert result.compiled == []


@pytest.mark.parametrize("name", ["rpcEndpoints", "evmEndpointsJson", "chainId", "runId", "namespace"])
def test_the_size_counts_what_the_placeholders_may_become(name):
    token = f"${{{name}}}"
    plan = compiled(config_files(a=token * 100)).plan
    bundle = build_bundle(plan)
    urls = {"rpcEndpoints": plan.endpoints.rpc, "evmEndpointsJson": plan.endpoints.evm}
    longest = {"chainId": "c" * 48, "runId": "r" * 63, "namespace": "eng-ada"}
    if name in urls:
        filled = [url.replace("${chainId}", "c" * 48) for url in urls[name]]
        value = json.dumps(filled) if name.endswith("Json") else ",".join(filled)
    else:
        value = longest[name]
    growth = 100 * (len(value) - len(token))
    assert bundle.filled_size - bundle.size >= max(0, growth)
    assert bundle.filled_size - bundle.size <= 1.2 * max(0, growth) + 100 * 100


def test_the_filled_size_decides_and_no_files_come_with_an_error():
    def edit(run):
        run["spec"]["load"]["workload"]["config"] = {"files": {"a": "${rpcEndpoints}" * 5000}}
        run["spec"]["chain"]["deployments"][1]["spec"]["replicas"] = 2

    result, (finding,) = findings_of(edited(edit))
    assert finding.code == "VR601"
    assert result.compiled == []


def test_a_large_bundle_is_refused_before_anything_is_built():
    plan = compile_plan(config_files(a="x"))
    (file,) = plan.load.config
    large = replace(plan, load=replace(plan.load, config=(replace(file, text="x" * 920_000),)))
    files, (finding,) = emit(large, EmitOptions())
    assert files == []
    assert finding.code == "VR601"


def compile_plan(run):
    from emit_helpers import plan_of

    return plan_of(run)


def test_json_is_spread_over_lines_only_where_it_must_be():
    assert readable_json({"a": [1, 2]}, "") == '{"a": [1, 2]}'
    long = {"a": ["x" * 60, "y" * 60], "é": {}}
    text = readable_json(long, "")
    assert json.loads(text) == long
    assert text.splitlines() == ["{", '  "a": [', f'    "{"x" * 60}",', f'    "{"y" * 60}"', "  ],", '  "é": {}', "}"]
    assert readable_json("z" * 200, "") == f'"{"z" * 200}"'
