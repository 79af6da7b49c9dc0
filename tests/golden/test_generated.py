"""What is committed is what the code makes: generated/, schemas/, examples/."""

import json
import re
import subprocess
import sys

import jsonschema
import pytest
import yaml

from emit_helpers import ROOT
from validationrun.base.templates import render_template
from validationrun.cli.init import Api, Scenario
from validationrun.compiling.emit.options import EmitOptions
from validationrun.compiling.pipeline import compile_all, lint
from validationrun.contract.schemas import schemas
from validationrun.spec.schema import render_schema

OF_OTHER_KINDS = [
    "nightly-schedule.yaml",
    "release-suite.yaml",
    "seinodedeployment/release-suite.yaml",
    "weekly-schedule.yaml",
]
EXAMPLES = sorted((ROOT / "examples").rglob("*.yaml"))
SCENARIOS = [scenario.value for scenario in Scenario]
APIS = [api.value for api in Api]
BRING_A_CHAIN_UP = [scenario for scenario in SCENARIOS if scenario != "shadow"]
SCHEMA_PATH = "schemas/validationrun.schema.json"


def starter(scenario, api="SeiNetwork", name="mine", namespace="eng-bob", schema="x.json"):
    return render_template(f"init/{scenario}.yaml.j2", name=name, namespace=namespace, api=api, schema=schema)


def compiled_examples() -> dict[str, bytes]:
    result = compile_all([(str(path), path.read_bytes()) for path in EXAMPLES], EmitOptions())
    assert result.ok
    return {f"{one.folder}/{file.name}": file.text.encode() for one in result.compiled for file in one.files}


def test_generated_is_what_the_examples_compile_to_byte_for_byte():
    wanted = compiled_examples()
    folder = ROOT / "generated"
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert sorted(found) == sorted(wanted), "run: make generate"
    stale = [name for name in wanted if found[name] != wanted[name]]
    assert not stale, "run: make generate, and read the diff"


def test_the_schema_is_what_the_models_say():
    found = (ROOT / "schemas/validationrun.schema.json").read_bytes()
    assert found == render_schema().encode(), "run: make schemas"


@pytest.mark.parametrize("name", schemas())
def test_the_schema_of_a_document_is_what_its_type_says(name):
    assert json.loads((ROOT / "schemas" / name).read_bytes()) == json.loads(json.dumps(schemas()[name])), (
        "run: make schemas"
    )


def test_the_command_prints_the_committed_schema():
    printed = subprocess.run([sys.executable, "-m", "validationrun", "schema"], check=True, capture_output=True).stdout
    assert printed == (ROOT / "schemas/validationrun.schema.json").read_bytes()


def test_each_scenario_has_an_example_and_each_example_a_scenario():
    found = [path.relative_to(ROOT / "examples").as_posix() for path in EXAMPLES]
    older = [f"seinodedeployment/{scenario}.yaml" for scenario in BRING_A_CHAIN_UP]
    assert found == sorted([*(f"{scenario}.yaml" for scenario in SCENARIOS), *older, *OF_OTHER_KINDS])
    templates = (ROOT / "templates/init").iterdir()
    assert sorted(path.name for path in templates) == sorted(f"{name}.yaml.j2" for name in SCENARIOS)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_an_example_is_what_init_prints(scenario):
    text = starter(scenario, name=scenario, namespace="eng-ada", schema=f"../{SCHEMA_PATH}")
    assert (ROOT / f"examples/{scenario}.yaml").read_bytes() == text.encode(), "run: make examples"


@pytest.mark.parametrize("scenario", BRING_A_CHAIN_UP)
def test_an_example_of_the_older_api_is_what_init_prints(scenario):
    text = starter(scenario, "SeiNodeDeployment", f"{scenario}-snd", "eng-ada", f"../../{SCHEMA_PATH}")
    assert (ROOT / f"examples/seinodedeployment/{scenario}.yaml").read_bytes() == text.encode(), "run: make examples"


@pytest.mark.parametrize("scenario", BRING_A_CHAIN_UP)
def test_both_apis_have_the_same_starter_but_for_the_chain(scenario):
    """So the rule tests and the worlds of the one prove the other."""
    newer, older = (yaml.safe_load(starter(scenario, api)) for api in APIS)
    chains = [run["spec"].pop("chain") for run in (newer, older)]
    assert newer == older
    assert [chain["api"] for chain in chains] == APIS
    sizes = [[(e["name"], e["role"], e["spec"]["replicas"]) for e in chain["deployments"]] for chain in chains]
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize("scenario", BRING_A_CHAIN_UP)
def test_a_starter_has_what_controllers_and_images_of_its_time_take(scenario):
    """`docs/platform.md` has the dates."""
    newer, older = (yaml.safe_load(starter(scenario, api))["spec"]["chain"]["deployments"] for api in APIS)
    for entry in newer:
        assert entry["spec"]["template"]["spec"]["overrides"]["storage.state_commit.write_mode"] == "memiavl_only"
        assert not {"monitoring", "updateStrategy"} & entry["spec"].keys()
    for entry in older:
        assert "serviceMonitor" in entry["spec"]["monitoring"]
        overrides = entry["spec"]["template"]["spec"].get("overrides", {})
        assert not {"storage.state_commit.write_mode", "tx_index.indexer"} & overrides.keys()


def sei_load(scenario, api):
    """The workload of a starter, and its profile with sample values."""
    workload = yaml.safe_load(starter(scenario, api))["spec"]["load"]["workload"]
    profile = workload["config"]["files"]["profile.json"]
    return workload, json.loads(re.sub(r"\$\{(\w+Json)\}", "[]", profile).replace("${chainId}", "chain"))


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("scenario", ["nightly", "soak", "early-stop"])
def test_a_starter_gives_sei_load_no_rate_beside_its_duration(scenario, api):
    """With both it ends with 1 on a healthy chain; without `settings` always. `docs/workload.md` says so."""
    workload, profile = sei_load(scenario, api)
    timed = any(argument.startswith("--duration") for argument in workload["args"])
    ends_by_signal = yaml.safe_load(starter(scenario, api))["spec"]["load"].get("endBy") == "Signal"
    assert timed is not ends_by_signal
    assert not (timed and profile["settings"].get("tps", 0))
    assert not {"trackBlocks", "trackReceipts"} & profile["settings"].keys()


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_starter_refers_to_the_controllers_own_alerts(scenario, api):
    """They cannot fire once the chain is up, and their `namespace` is the controller's; `docs/platform.md` says so."""
    rules = yaml.safe_load(starter(scenario, api))["spec"]["rules"]
    references = [rule["alert"]["ruleRef"] for rule in rules if rule["type"] == "alert"]
    assert not [one for one in references if "sei-k8s-controller" in one["name"] or one["alertname"].startswith("Sei")]


def test_the_starter_that_brings_no_chain_up_is_the_same_for_both_apis():
    newer, older = (starter("shadow", api) for api in APIS)
    assert newer == older


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_tells_the_editor_where_its_schema_is(path):
    first = path.read_text().splitlines()[0]
    (given,) = re.findall(r"^# yaml-language-server: \$schema=(.+)$", first)
    assert (path.parent / given).resolve() == ROOT / SCHEMA_PATH


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_fits_the_json_schema(path):
    schema = json.loads(render_schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader))


def test_the_json_schema_refuses_what_is_not_a_run():
    schema = json.loads(render_schema())
    spec = yaml.load((ROOT / "examples/nightly.yaml").read_bytes(), Loader=yaml.CSafeLoader)
    spec["spec"]["lod"] = {}
    assert not jsonschema.Draft202012Validator(schema).is_valid(spec)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_starter_spec_lints_without_a_finding_and_compiles(scenario, api):
    content = starter(scenario, api).encode()
    assert lint(content, "mine.yaml").diagnostics == []
    result = compile_all([("mine.yaml", content)], EmitOptions())
    assert [one.folder for one in result.compiled] == ["eng-bob/mine"]


def test_each_field_of_the_schema_has_a_description():
    bare = []
    schema = json.loads(render_schema())
    for name, definition in {"ValidationRun": schema, **schema["$defs"]}.items():
        bare += [
            f"{name}.{field}" for field, value in definition.get("properties", {}).items() if "description" not in value
        ]
    assert bare == []
