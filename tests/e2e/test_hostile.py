"""
Text of every sort in every free field of a run, for real: it reaches the workload, the chain and Prometheus byte for byte, and
breaks out of nowhere.

The judge is the workload itself, hostile_workload.py, which is told nothing but hashes of what must arrive.
"""

import hashlib
import html
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

import pytest
from tests.e2e.checks import check_nothing_left, check_outcome, check_record, check_status, check_workflow
from tests.e2e.running import CASES, Outcome, prepare, run_operator, run_to_its_end
from tests.e2e.world import World

from validationrun.compiling.plan.load import literal
from validationrun.contract.diagnostics import Diagnostics
from validationrun.kube.cluster import PODS, SEI_NODE_DEPLOYMENTS, WORKFLOWS, Object
from validationrun.kube.env_expansion import expand

PROGRAM: Final = (Path(__file__).parent / "hostile_workload.py").read_text()
TEXTS: Final = {
    "tag": "{{workflow.name}} {{inputs.parameters.bundle}} {{ open",
    "expression": "{{=sprig.env('HOME')}}{{=workflow.uid + 'x'}}",
    "places": "${evmEndpoint} ${workflowUid} ${window} ${nothing}x ${",
    "references": "$$(RUN_ID) $(NOBODY) $$$(RUN_ID) $(RUN_ID $( $$ $",
    "quotes": """ "'`\\"'\\' \\n \\\\ %s %n """,
    "lines": "\n  a\n\n\tb \r\n c\r\n",
    "documents": "---\na: x\n...\n---\n- &a *a !!str << # |2-\n",
    "unicode": "\u00e9 \U0001f680 \U0001f469\u200d\U0001f680 \u202eRTL\u2066 \u200b\ufeff\x85\u2028 \U0010fffd",
    "html": "</script><b>&amp;<!-- ]]>",
    "shell": "`id`; rm -rf / | cat && exit 3 # $HOME ${HOME}",
    "control": "\x1b[2J\x1b]0;owned\x07\x7f\x08",
    "number": "0777",
    "bool": "yes",
    "null": "~",
    "empty": "",
    "long": "{{x}} ${chainId \U0001f680\"' " * 1000,
}

FILLED: Final = "${chainId}x ${chainId}${runId} $${chainId} \\${runId} {{${chainId}}} "
ARRIVES: Final = "<<chain>>x <<chain>><<run>> $<<chain>> \\<<run>> {{<<chain>>}} "
"""FILLED as a config file and a label of PromQL get it."""

IN_LABELS: Final = FILLED + TEXTS["tag"] + TEXTS["quotes"] + TEXTS["lines"] + TEXTS["unicode"] + TEXTS["html"]
MOUNT: Final = "/etc/con fig {{workflow.name}} \"'\\ \u00e9\U0001f680 $(RUN_ID) $$x"
FOLDER: Final = "/mnt/$(RUN_ID) {{=1}}"
OVERRIDES: Final = {f"a/b.{name} {{{{workflow.name}}}} ${{chainId}}": text for name, text in TEXTS.items()}
POD_LABELS: Final = {"hostile.example.com/a_b.C-d": "x_.y--Z"}


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def quoted(text: str) -> str:
    """In PromQL's own quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def environment() -> dict[str, str]:
    return {
        **{f"T_{name}": text for name, text in TEXTS.items()},
        "LATER-of.all": "$(T_tag)|$(RUN_ID)|$$(T_tag)|$(DURATION_SECONDS)s",
    }


def files() -> dict[str, str]:
    texts = {f"{name}.txt": FILLED + text for name, text in TEXTS.items()}
    return {**texts, "-rf": TEXTS["shell"], ".hidden": "x", "_" * 200: "\x00", "shown": IN_LABELS, "none": ""}


def arguments() -> list[str]:
    return [*TEXTS.values(), "-x", "--", "$(T_unicode)tail", "$(DURATION_SECONDS)s", "$$(DURATION_SECONDS)", FILLED]


def expected() -> Object:
    """What Kubernetes makes of it, and we where a file has places: as hashes."""
    known = {"RUN_ID": "<<run>>", "DURATION_SECONDS": "20"}
    for name, text in environment().items():
        known[name] = expand(text, known)
    variables = {name: known[name] for name in environment()}
    variables |= {f"ANNOTATION_{name}": text for name, text in TEXTS.items()}
    variables |= {"CONFIG_DIR": MOUNT, "DURATION_SECONDS": "20"}
    return {
        "argv": [sha(expand(one, known)) for one in [*TEXTS.values(), *arguments()]],
        "env": {name: sha(text) for name, text in variables.items()},
        "files": {name: sha(text.replace(FILLED, ARRIVES)) for name, text in files().items()},
        "folders": {FOLDER: sha("")},
        "shown": ["shown"],
    }


def workload(told: Mapping[str, Any]) -> Object:
    annotations = {f"hostile.example.com/{name}": text for name, text in TEXTS.items()}
    sources = [
        {"name": f"ANNOTATION_{name}", "valueFrom": {"fieldRef": {"fieldPath": f"metadata.annotations['{key}']"}}}
        for name, key in ((key.partition("/")[2], key) for key in annotations)
    ]
    variables = [{"name": name, "value": text} for name, text in environment().items()]
    return {
        "image": "validationrun-runner:v1",
        "command": ["python3", "-c", PROGRAM, *TEXTS.values()],
        "args": arguments(),
        "env": [*variables, *sources, {"name": "EXPECTED", "value": literal(json.dumps(told))}],
        "config": {"mountPath": MOUNT, "files": files()},
        "podTemplate": {
            "annotations": annotations,
            "labels": POD_LABELS,
            "volumes": [{"name": "scratch", "emptyDir": {}}],
            "volumeMounts": [{"name": "scratch", "mountPath": FOLDER, "subPath": "a {{workflow.name}} \U0001f680"}],
        },
    }


def query(name: str, promql: str, **properties: Any) -> Object:
    body = {"promql": promql, "op": "==", "threshold": "1"}
    return {"name": name, "type": "query", "query": body, "runProperties": {"interval": "5s", **properties}}


def alert() -> Object:
    matchers = [
        {"name": "chain_id", "op": "=", "value": "${chainId}"},
        {"name": "a", "op": "!=", "value": IN_LABELS},
        {"name": "b", "op": "!~", "value": "${chainId}x|\\{\\{workflow.name\\}\\}|\"'`\U0001f680\u202e$"},
    ]
    reference = {"name": "test-alerts", "namespace": "monitoring", "alertname": "TestChainHalted"}
    return {
        "name": "chain-halted",
        "type": "alert",
        "alert": {"ruleRef": reference, "matchers": matchers},
        "runProperties": {"interval": "5s"},
    }


def hostile_spec(told: Mapping[str, Any]) -> Object:
    """A merge patch for base.yaml."""
    image = "localhost/validationrun/chain:test"
    template = {"metadata": {"annotations": OVERRIDES_AS_ANNOTATIONS}, "spec": {"image": image, "overrides": OVERRIDES}}
    deployments = [
        {"name": "val", "role": "validator", "spec": {"replicas": 1, "template": template}},
        {"name": "rpc", "role": "fullNode", "spec": {"replicas": 1, "template": template}},
    ]
    shown = f'hostile_text{{run_id="${{runId}}",text={quoted(IN_LABELS)}}}'
    return {
        "spec": {
            "chain": {"deployments": deployments},
            "load": {"workload": workload(told)},
            "rules": [query("arrived-whole", f"sum({shown})", startAfter="5s"), alert()],
        }
    }


OVERRIDES_AS_ANNOTATIONS: Final = {f"hostile.example.com/{name}": text for name, text in TEXTS.items()}


@pytest.mark.parametrize("place", ["argv", "env", "files", "folders", "more", "less"])
def test_the_judge_sees_each_difference(place: str, tmp_path: Path) -> None:
    """Without a cluster: one byte elsewhere, one file more or less, and it ends with 1 and says where."""
    config, empty = tmp_path / "config", tmp_path / "empty"
    config.mkdir()
    empty.mkdir()
    (config / "a").write_text(f"run-1 chain-1 {TEXTS['unicode']}", newline="")
    told: dict[str, Any] = {
        "argv": [sha("x" + TEXTS["lines"])],
        "env": {"T": sha(TEXTS["control"])},
        "files": {"a": sha(f"<<run>> <<chain>> {TEXTS['unicode']}")},
        "folders": {str(empty): sha("")},
        "shown": [],
    }
    variables = {"CONFIG_DIR": str(config), "RUN_ID": "run-1", "CHAIN_ID": "chain-1", "T": TEXTS["control"]}

    def judged() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", PROGRAM, "x" + TEXTS["lines"]]
        environment = {**variables, "EXPECTED": json.dumps(told)}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert (judged().returncode, judged().stdout) == (0, "all arrived\n")
    words = {"argv": "argv 0: differs", "env": "env T: differs", "files": "file a: differs", "folders": "folder /"}
    words |= {"more": "file b: nobody sent it", "less": "file b: never arrived"}
    match place:
        case "argv":
            told["argv"] = [sha("x" + TEXTS["lines"] + "\n")]
        case "more":
            (config / "b").write_text("")
        case "less":
            told["files"] = {**told["files"], "b": sha("")}
        case _:
            told[place] = dict.fromkeys(told[place], sha("other"))
    found = judged()
    assert found.returncode == 1
    assert words[place] in found.stdout


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with World.open("hostile") as opened, run_operator(opened):
        yield opened


def test_hostile_text(world: World, tmp_path: Path) -> None:
    """Everything arrives as it was written; the run passes."""
    case = CASES["hostile-text"]
    patch = hostile_spec(expected())
    # So that the chain's objects can be looked at.
    patch["spec"]["cleanup"] = "Never"
    prepared = prepare(world, tmp_path, patch)
    outcome = run_to_its_end(world, prepared)
    print(shown_by(world, outcome)["logs"])
    check_status(case["expect"], outcome.status, outcome.code)
    check_workflow(case["expect"], outcome)
    check_record(world, outcome)
    check_chain(world)
    for verb, text in shown_by(world, outcome).items():
        check_printable(verb, text)
    check_reports(world, outcome)
    world.cluster.delete(WORKFLOWS, outcome.name)
    check_nothing_left(world, outcome.before)


def test_hostile_text_told(world: World, tmp_path: Path) -> None:
    """One expectation is broken. What the workload and Prometheus then say is told by every reader, and commands no terminal."""
    case = CASES["hostile-text-told"]
    told = expected()
    told["argv"][0] = sha("something else")
    patch = hostile_spec(told)
    lost = f'hostile_text{{run_id="${{runId}}",text={quoted(IN_LABELS + "x")}}}'
    many = 'label_replace(vector(1), "a", "\\x1b[31m", "", "") or label_replace(vector(1), "a", "{{x}}", "", "")'
    patch["spec"]["rules"] = [query("no-such-text", f"sum({lost})"), query("several", many, retry=0)]
    outcome = run_to_its_end(world, prepare(world, tmp_path, patch))
    shown = shown_by(world, outcome)
    for verb, text in shown.items():
        check_printable(verb, text)
    assert "argv 0: differs" in shown["logs"]
    check_reports(world, outcome)
    found = world.record(outcome.workflow)
    assert found is not None
    assert "argv 0: differs" in found.need(Diagnostics).to_json()
    check_outcome(world, case["expect"], outcome)


def check_chain(world: World) -> None:
    """The chain's objects hold the text of the spec as it was written."""
    chain = world.cluster.list(SEI_NODE_DEPLOYMENTS)
    assert len(chain) == 2
    for one in chain:
        template = one["spec"]["template"]
        assert template["spec"]["overrides"] == OVERRIDES
        annotations = template["metadata"]["annotations"]
        assert {key: annotations.get(key) for key in OVERRIDES_AS_ANNOTATIONS} == OVERRIDES_AS_ANNOTATIONS
    pods = world.cluster.list(PODS, labels=",".join(f"{key}={value}" for key, value in POD_LABELS.items()))
    assert len(pods) == 1


def shown_by(world: World, outcome: Outcome) -> dict[str, str]:
    """What each reader prints, by its name."""
    where = ["-n", world.namespace]
    verbs = {
        "status": ["status", outcome.name, *where],
        "status-json": ["status", outcome.name, *where, "-o", "json"],
        "list": ["list", *where],
        "logs": ["logs", outcome.name, *where],
    }
    shown = {}
    for name, arguments_ in verbs.items():
        done = world.run(*arguments_)
        assert done.returncode == 0, done.stderr
        shown[name] = done.stdout + done.stderr
    json.loads(world.run(*verbs["status-json"]).stdout)
    shown["argo"] = world.argo("get", outcome.name, "--no-color")
    return shown


def check_reports(world: World, outcome: Outcome) -> None:
    """Each form is what it is: no text in it is markup or a command. The page tells the queries."""

    def report(form: str) -> str:
        done = world.run("report", outcome.name, "-n", world.namespace, "-o", form)
        assert done.returncode == 0, done.stderr
        return done.stdout

    check_printable("report", report("text"))
    page = report("html")
    assert "hostile_text{" in page
    assert TEXTS["html"] not in page
    assert html.escape("</script><b>") in page
    ET.fromstring(report("junit"))  # noqa: S314 - of our own making
    json.loads(report("json"))


def check_printable(verb: str, text: str) -> None:
    """No character of it commands a terminal or changes the direction of a line."""
    rude = {character for character in text if not character.isprintable() and character not in "\n\t"}
    assert not rude, (verb, sorted(map(ascii, rude)))
