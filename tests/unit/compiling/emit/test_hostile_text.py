"""
A user's text, whatever it holds, arrives byte for byte in the bundle and never enters a WorkflowTemplate.

The fields are found by walking the models, so that a new one cannot be forgotten:
`EVERYTHING` must hold a value at each, or the first test says which is missing.
"""

import json
import re
import types
import typing
from collections.abc import Iterator
from typing import Any

import pydantic
import pytest

from emit_helpers import Output, as_yaml, compile_one, compiled, full_run, node, query_rule, strings
from validationrun.base import conventions
from validationrun.oracle.rules import type_of
from validationrun.spec.v1alpha1 import ValidationRun

MARK = "h0st1le"
"""Stands in every text below, and nowhere else."""

TEXTS = {
    "quotes": f"""{MARK}"'`\\"'\\'{MARK}""",
    "newlines": f"{MARK}\n\n  {MARK}\n",
    "blank-lines": f"\n{MARK}\n \n\t\n",
    "expression": f"{{{{=workflow.name + '{MARK}'}}}}",
    "tag": f"{{{{workflow.name}}}}{MARK}{{{{inputs.parameters.x}}}}",
    "unclosed": f"{{{{ {MARK}",
    "closing": f"}}}} {MARK} }}}}",
    "places": f"${{{MARK}}}${{chainId}}${{runId}}${{workflowUid}}$(RUN_ID)",
    "document": f"---\n{MARK}: x\n...\n---\n",
    "key": f"{MARK}: x\n- {MARK}\n# {MARK}",
    "comment": f" # {MARK}",
    "block": f"|2-\n  {MARK}",
    "anchor": f"&a {MARK} *a !!str <<",
    "emoji": f"🚀{MARK}👩\u200d🚀",
    "bidi": f"\u202e{MARK}\u2066\u200f",
    "carriage": f"{MARK}\r\n{MARK}\r",
    "next-line": f"{MARK}\x85{MARK}\u2028{MARK}\u2029",
    "bom": f"\ufeff{MARK}\ufeff",
    "control": f"{MARK}\x1b[31m\x00\x07\x7f",
    "spaces": f"  {MARK}  ",
    "json": f'{{"{MARK}": ["\\u0000"]}}',
    "html": f"</script><b>{MARK}</b>&amp;",
    "shell": f"$({MARK}); `rm -rf {MARK}` | %s %n",
}
LONG = (MARK + "🚀{{=x}}\n---\n\"' ${chainId} ") * 4000
assert len(LONG.encode()) > 100_000

FIELDS_THAT_ARE_REPLACED = {
    # Injected: role and chain id are the compiler's own. A value here is warned about (VR310).
    "spec.chain.deployments[].spec.genesis.chainId",
    "spec.chain.deployments[].spec.template.spec.chainId",
}
OF_THE_OTHER_API = {"spec.chain.deployments[].spec.genesis.accounts[].vesting.amount"}
"""Does not exist with `api: SeiNodeDeployment`; `tests/unit/compiling/plan/test_sei_network.py` has the texts of SeiNetwork."""

PROMQL = ("promql", ".of", ".selector", ".alive")
NOT_SUPPORTED_YET = {"spec.sequence", "spec.chaos"}
CHECKED_OTHERWISE = {
    # Quantities: a validator of their own holds them to a pattern.
    "spec.load.workload.resources.requests{}",
    "spec.load.workload.resources.limits{}",
    "spec.chain.deployments[].spec.template.spec.sidecar.resources.requests{}",
    "spec.chain.deployments[].spec.template.spec.sidecar.resources.limits{}",
    "spec.load.workload.env[].valueFrom.resourceFieldRef.divisor",
    "spec.load.workload.podTemplate.initContainers[].resources.requests{}",
    "spec.load.workload.podTemplate.initContainers[].resources.limits{}",
    "spec.load.workload.podTemplate.initContainers[].env[].valueFrom.resourceFieldRef.divisor",
}
_PROBES = ("{{=x}}", "/{{=x}}", "a\nb", "/a\nb", '"', "${x}", " a", "é")


# Finding the fields.


def free_text(model: type[pydantic.BaseModel], path: str = "") -> Iterator[str]:
    """The path of every field that takes text without a pattern that would keep it harmless; `[]` an item, `{}` a value, `{key}` a key."""
    for field in model.model_fields.values():
        name = f"{path}.{field.alias}".lstrip(".")
        yield from _walk(field.annotation, field.metadata, name)
    if model.model_config.get("extra") == "allow":
        yield f"{path}.*"


def _walk(annotation: Any, metadata: list[Any], path: str) -> Iterator[str]:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        yield from _walk(arguments[0], [*metadata, *_flat(arguments[1:])], path)
    elif origin in (typing.Union, types.UnionType):
        for argument in arguments:
            yield from _walk(argument, metadata, path)
    elif origin is list:
        yield from _walk(arguments[0], [], f"{path}[]")
    elif origin is dict:
        yield from _walk(arguments[0], [], f"{path}{{key}}")
        yield from _walk(arguments[1], [], f"{path}{{}}")
    elif isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        yield from free_text(annotation, path)
    elif annotation in (Any, pydantic.JsonValue) or (annotation is str and not _is_harmless(metadata)):
        yield path


def _flat(metadata: typing.Iterable[Any]) -> Iterator[Any]:
    for one in metadata:
        yield from one.metadata if isinstance(one, pydantic.fields.FieldInfo) else (one,)


def _is_harmless(metadata: list[Any]) -> bool:
    patterns = [one.pattern for one in metadata if getattr(one, "pattern", None)]
    return bool(patterns) and not any(all(re.search(p, probe) for p in patterns) for probe in _PROBES)


FOUND = sorted(set(free_text(ValidationRun)))
NOT_HERE = FIELDS_THAT_ARE_REPLACED | NOT_SUPPORTED_YET | OF_THE_OTHER_API | CHECKED_OTHERWISE
FIELDS = [path for path in FOUND if path not in NOT_HERE]


# A run that has a value at each of them.

_TERM = {
    "matchExpressions": [{"key": "a", "operator": "In", "values": ["x"]}],
    "matchFields": [{"key": "metadata.name", "operator": "In", "values": ["x"]}],
}
_SELECTOR = {"matchExpressions": [{"key": "a", "operator": "In", "values": ["x"]}]}
_POD_TERM = {"topologyKey": "a", "labelSelector": _SELECTOR, "namespaceSelector": _SELECTOR}
_POD_AFFINITY = {
    "requiredDuringSchedulingIgnoredDuringExecution": [_POD_TERM],
    "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": _POD_TERM}],
}
_VOLUME_SOURCES = (
    *("configMap", "secret", "emptyDir", "persistentVolumeClaim", "projected", "downwardAPI", "csi", "ephemeral"),
    "extra",
)


def everything() -> dict[str, Any]:
    run = full_run()
    spec = run["spec"]
    ceremony = {"chainId": "x", "stakingAmount": "x", "accountBalance": "x", "genesisParams": "x", "index": 0}
    validators, rpc = node("validators", "validator"), node("rpc", "fullNode")
    validators["spec"] = {
        "template": {
            "metadata": {"annotations": {"a": "x"}},
            "spec": {
                "image": validators["spec"]["template"]["spec"]["image"],
                "entrypoint": {"command": ["x"], "args": ["x"]},
                "peers": [
                    {"label": {"selector": {"a": "x"}, "namespace": "x"}},
                    {"static": {"addresses": ["x"]}},
                    {"ec2Tags": {"region": "x", "tags": {"a": "x"}}},
                ],
                "overrides": {"a": "x"},
                "sidecar": {
                    "resources": {
                        "requests": {"cpu": "1"},
                        "limits": {"cpu": "1"},
                        "claims": [{"name": "x", "request": "x"}],
                    }
                },
                "validator": {"genesisCeremony": ceremony},
            },
        },
        "genesis": {
            "stakingAmount": "x",
            "accountBalance": "x",
            "accounts": [{"address": "x", "balance": "x"}],
            "overrides": {"a": "x"},
            "fork": {"sourceChainId": "x", "sourceImage": "x", "exportHeight": 1},
        },
        "monitoring": {"serviceMonitor": {}},
    }
    replayer = node("replayer", "fullNode")
    replayer["spec"]["template"]["spec"]["replayer"] = {
        "snapshot": {"s3": {"targetHeight": 1}},
        "resultExport": {"shadowResult": {"canonicalRpc": "x"}},
    }
    spec["chain"]["deployments"] = [validators, rpc, replayer]
    environment: dict[str, Any] = {
        "command": ["x"],
        "args": ["x"],
        "env": [
            {"name": "A", "value": "x"},
            {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "x", "apiVersion": "x"}}},
            {"name": "C", "valueFrom": {"resourceFieldRef": {"resource": "x", "containerName": "x"}}},
            {"name": "D", "valueFrom": {"configMapKeyRef": {"name": "x", "key": "x"}}},
            {"name": "E", "valueFrom": {"secretKeyRef": {"name": "x", "key": "x"}}},
        ],
        "resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "1"}, "claims": [{"name": "x", "request": "x"}]},
    }
    mounts = [{"name": "v0", "mountPath": "/y", "subPath": "x", "subPathExpr": "x"}]
    image = spec["load"]["workload"]["image"]
    spec["load"]["workload"] |= {
        **environment,
        "config": {"files": {"a.txt": "x"}, "mountPath": "/x"},
        "podTemplate": {
            "annotations": {"a": "x"},
            "tolerations": [{"key": "x", "value": "x"}],
            "affinity": {
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [_TERM]},
                    "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": _TERM}],
                },
                "podAffinity": _POD_AFFINITY,
                "podAntiAffinity": _POD_AFFINITY,
            },
            "securityContext": {
                "seccompProfile": {"type": "Localhost", "localhostProfile": "x"},
                "appArmorProfile": {"type": "Localhost", "localhostProfile": "x"},
                "sysctls": [{"name": "kernel.shm_rmid_forced", "value": "x"}],
            },
            "volumes": [{"name": f"v{index}", source: {"a": "x"}} for index, source in enumerate(_VOLUME_SOURCES)],
            "volumeMounts": mounts,
            "initContainers": [{"name": "first", "image": image, "volumeMounts": mounts, **environment}],
        },
    }
    alert = {
        "ruleRef": {"name": "alerts", "namespace": "monitoring", "alertname": "x"},
        "matchers": [{"name": "a", "op": "=", "value": "x"}],
    }
    query = query_rule()
    query["query"]["series"] = {"min": 1, "of": "x"}
    counter = {"selector": "x", "op": "==", "threshold": "0", "alive": "x", "series": {"min": 1, "of": "x"}}
    spec["rules"] = [
        query,
        {"name": "failed", "type": "alert", "alert": alert},
        {"name": "panics", "type": "counter", "counter": counter},
    ]
    # Through text, so that nothing is shared: a change in one place is a change in one place.
    return json.loads(json.dumps(run))


EVERYTHING = everything()
Path = tuple[str | int, ...]


def find(path: str) -> tuple[Path, bool]:
    """The first place in EVERYTHING that a field's path leads to, and whether its key is meant."""
    parts = re.findall(r"\{key\}|\{\}|\[\]|\*|[^.\[\]{}*]+", path)
    is_key = parts[-1] == "{key}"
    found = _search(EVERYTHING, parts[:-1] if is_key else parts)
    assert found is not None, f"give EVERYTHING a value at {path}"
    return (*found, "a") if is_key and found[-1] != "a" else found, is_key


def _search(value: Any, parts: list[str]) -> Path | None:
    if not parts:
        return ()
    head, rest = parts[0], parts[1:]
    if head == "[]":
        candidates: list[str | int] = list(range(len(value))) if isinstance(value, list) else []
    elif head == "{}":
        candidates = ["a", *(key for key in value if key != "a")] if isinstance(value, dict) else []
    else:
        candidates = ["extra" if head == "*" else head]
    for key in candidates:
        inside = (isinstance(value, list) and isinstance(key, int)) or (isinstance(value, dict) and key in value)
        if inside:
            tail = _search(value[key], rest)
            if tail is not None:
                return (key, *tail)
    return None


# Putting a text in, and finding it again.


def put(run: dict[str, Any], path: str, text: str) -> Path:
    """Writes the text where the field's path leads, and returns where it then stands."""
    place, is_key = find(path)
    parent: Any = run
    for part in place[:-1]:
        parent = parent[part]
    if is_key:
        parent[text] = "1" if "resources" in place else "x"
        return (*place[:-1], text)
    if path.endswith(PROMQL):
        # PromQL is no free text; its label values are.
        text = f"up{{a={_promql_string(text)}}}"
    if path.endswith("mountPath"):
        text = f"/{place[-2]}/{text.replace(chr(0), '').replace(':', '')}"
    parent[place[-1]] = text
    return place


def _promql_string(text: str) -> str:
    """The text in PromQL's own quotes; `$` is left as it is."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def arrived(run: dict[str, Any], place: Path, output: Output) -> tuple[Any, Any]:
    """What was given at a place, and what stands at its counterpart in the bundle."""
    key, inside = counterpart(run, place)
    given: Any = run
    for part in place:
        given = given[part]
    found: Any = output.data[key] if not inside else output.inner(key)
    for part in inside[1:] if inside else ():
        found = found[part]
    return given, found


def counterpart(run: dict[str, Any], place: Path) -> tuple[str, Path]:
    """The bundle's key and the path in it (after a first part that is not used) of a place in the spec."""
    match place:
        case ("spec", "chain", "deployments", int(index), *rest):
            return f"chain.{run['spec']['chain']['deployments'][index]['name']}.yaml", ("", *rest)
        case ("spec", "rules", *rest):
            return "rules.yaml", ("", *rest)
        case ("spec", "load", "workload", "config", "files", name):
            return f"config.{name}", ()
        case ("spec", "load", "workload", "config", "mountPath"):
            return "job.yaml", ("", *_CONTAINER, "volumeMounts", 1, "mountPath")
        case ("spec", "load", "workload", "env", int(index), *rest):
            return "job.yaml", ("", *_CONTAINER, "env", index + len(conventions.RESERVED_ENV), *rest)
        case ("spec", "load", "workload", "podTemplate", "annotations", *rest):
            return "job.yaml", ("", "spec", "template", "metadata", "annotations", *rest)
        case ("spec", "load", "workload", "podTemplate", "volumes", int(index), *rest):
            return "job.yaml", ("", *_POD, "volumes", index + 2, *rest)
        case ("spec", "load", "workload", "podTemplate", "volumeMounts", int(index), *rest):
            return "job.yaml", ("", *_CONTAINER, "volumeMounts", index + 2, *rest)
        case ("spec", "load", "workload", "podTemplate", "initContainers", int(number), "env", int(index), *rest):
            first = len(conventions.RESERVED_ENV)
            return "job.yaml", ("", *_POD, "initContainers", number, "env", index + first, *rest)
        case (
            "spec",
            "load",
            "workload",
            "podTemplate",
            "initContainers",
            int(number),
            "volumeMounts",
            int(index),
            *rest,
        ):
            return "job.yaml", ("", *_POD, "initContainers", number, "volumeMounts", index + 2, *rest)
        case ("spec", "load", "workload", "podTemplate", *rest):
            return "job.yaml", ("", *_POD, *rest)
        case ("spec", "load", "workload", *rest):
            return "job.yaml", ("", *_CONTAINER, *rest)
    raise AssertionError(f"where does {place} go?")


_POD = ("spec", "template", "spec")
_CONTAINER = (*_POD, "containers", 0)


def without_hashes(output: Output) -> dict[str, str]:
    """Every file but the bundle, with what follows from the bundle's content taken out."""
    bundle = output.document("bundle.yaml")["metadata"]
    hashes = [bundle["name"], *bundle["annotations"].values()]
    texts = {name: text for name, text in output.text.items() if name != "bundle.yaml"}
    for value in hashes:
        texts = {name: text.replace(f'"{value}"', "HASH").replace(value, "HASH") for name, text in texts.items()}
    return texts


# The tests.


def test_the_walk_finds_the_fields_that_anyone_would_name():
    named = {
        "spec.load.workload.args[]",
        "spec.load.workload.command[]",
        "spec.load.workload.env[].value",
        "spec.load.workload.config.files{}",
        "spec.load.workload.config.mountPath",
        "spec.load.workload.podTemplate.annotations{}",
        "spec.load.workload.podTemplate.tolerations[].value",
        "spec.load.workload.podTemplate.volumes[].csi{}",
        "spec.load.workload.podTemplate.volumes[].*",
        "spec.rules[].alert.ruleRef.alertname",
        "spec.rules[].alert.matchers[].value",
        "spec.rules[].query.promql",
        "spec.chain.deployments[].spec.template.spec.peers[].static.addresses[]",
        "spec.chain.deployments[].spec.template.spec.overrides{}",
        "spec.chain.deployments[].spec.template.spec.overrides{key}",
        "spec.chain.deployments[].spec.genesis.stakingAmount",
    }
    assert named <= set(FIELDS)


def test_the_walk_leaves_out_what_a_pattern_keeps_harmless():
    assert not {"metadata.name", "spec.chain.chainId", "spec.load.workload.image", "spec.rules[].name"} & set(FOUND)


def test_each_exception_is_a_field_that_exists():
    assert set(FOUND) >= NOT_HERE


@pytest.mark.parametrize(
    "path", FIELDS, ids=[path.replace("DuringSchedulingIgnoredDuringExecution", "") for path in FIELDS]
)
def test_the_run_under_test_has_a_value_in_each_free_text_field(path):
    find(path)


def test_the_run_under_test_compiles_as_it_is():
    compiled(EVERYTHING)


@pytest.fixture(scope="module")
def benign() -> dict[str, str]:
    run = everything()
    for path in FIELDS:
        put(run, path, "x")
    return without_hashes(compiled(run))


@pytest.mark.parametrize("name", TEXTS)
def test_a_hostile_text_in_every_field_at_once_arrives_in_the_bundle_and_nowhere_else(name, benign):
    run = everything()
    places = [put(run, path, TEXTS[name]) for path in FIELDS]
    output = compiled(run)
    assert len(places) == len(set(places))
    for place in places:
        given, found = arrived(run, place, output)
        assert found == given, place
    # Apart from the hashes the other files are those of a run with harmless text, so nothing of it is in them.
    assert without_hashes(output) == benign
    assert MARK not in output.text["workflowtemplate.yaml"]
    assert MARK not in " ".join(strings(output.template))


@pytest.mark.parametrize(
    "path", FIELDS, ids=[path.replace("DuringSchedulingIgnoredDuringExecution", "") for path in FIELDS]
)
def test_a_hundred_kilobytes_in_one_field_arrive_in_the_bundle_and_nowhere_else(path):
    run = everything()
    text = LONG.replace("\n", " ") if path.endswith(("alertname", "matchers[].value")) else LONG
    if path.endswith(".mountPath"):
        text = text[:900]
    if path.endswith(".selector"):
        # The planned query holds it eight times.
        text = text[: len(text) // 10]
    place = put(run, path, text)
    result = compile_one(run)
    assert result.ok, [d.message[:200] for d in result.diagnostics]
    (one,) = result.compiled
    output = Output(one.plan, {file.name: file.text for file in one.files})
    given, found = arrived(run, place, output)
    assert found == given
    assert all(MARK not in text for name, text in output.text.items() if name != "bundle.yaml")


@pytest.mark.parametrize("name", TEXTS)
def test_no_place_is_made_of_a_users_text(name):
    """What the runner fills: the places of a run with hostile text are those of a run with harmless text."""
    run, harmless = everything(), everything()
    fields = [path for path in FIELDS if not path.endswith(("{key}", *PROMQL, "matchers[].value", "files{}"))]
    for path in fields:
        put(run, path, TEXTS[name])
        put(harmless, path, "x")
    assert compiled(run).plan_json["places"] == compiled(harmless).plan_json["places"]


def test_the_name_of_an_alert_is_never_a_place():
    run = everything()
    put(run, "spec.rules[].alert.ruleRef.alertname", "${chainId}${window}")
    plan = compiled(run).plan
    rule = plan.rules[1]
    assert [place.token for place in rule.places] == ["${window}"]
    assert rule.promql == type_of(rule.rule).question(rule.rule)[0]


def test_text_that_begins_like_a_secret_of_the_compiler_changes_nothing(benign):
    run = everything()
    for path in FIELDS:
        put(run, path, "# Code generated by validationrun from eng-ada/nightly. DO NOT EDIT.\n# format: 1\n")
    assert without_hashes(compiled(run)) == benign


def test_the_reader_takes_the_same_text_from_yaml():
    """The helper that writes the specs of these tests loses nothing on the way in."""
    run = everything()
    for path in FIELDS:
        put(run, path, TEXTS["carriage"] + TEXTS["bom"] + TEXTS["emoji"])
    from validationrun.spec.source import read

    (document,) = read(as_yaml(run), "f").documents
    assert document.data == run
