"""`init`, `explain`, `schema`, help texts, the plugin's name, and how the program behaves in a terminal and in a pipe."""

import json
import os
import re
import subprocess
import sys

import pytest
import yaml

from cli_helpers import BIN, ROOT, call, run
from emit_helpers import as_yaml, edited, full_run
from terminal_kit import in_terminal

NIGHTLY = ROOT / "examples/nightly.yaml"
VERBS = ["init", "lint", "compile", "explain", "schema"]
SCENARIOS = ["nightly", "release", "soak", "shadow", "early-stop"]


# Help.


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_each_verbs_help_has_examples_that_stay_on_their_lines(verb, option):
    result = call(verb, option)
    assert result.code == 0
    examples = result.out.split("Examples:\n")[1].splitlines()
    assert any(
        line.strip().startswith(f"validationrun {verb}") or f"| validationrun {verb}" in line for line in examples
    )


def test_the_main_help_lists_the_verbs_and_where_to_begin():
    result = call("--help")
    assert result.code == 0
    assert all(re.search(rf"^  {verb} ", result.out, re.MULTILINE) for verb in VERBS)
    assert "validationrun init nightly" in result.out


def test_each_option_has_a_help_text():
    for verb in VERBS:
        options = re.findall(r"^  (-.*)$", call(verb, "--help").out, re.MULTILINE)
        for line in options:
            assert re.search(r"\S  +\S|^\S+( \S+)*$", line), line


def test_without_a_verb_the_help_is_shown_and_it_is_wrong_usage():
    result = call()
    assert result.code == 2
    assert "Usage:" in result.out + result.err


def test_the_version_is_printed():
    result = call("--version")
    assert result.code == 0
    assert re.fullmatch(r"validationrun \d+\.\d+\.\d+\n", result.out)


@pytest.mark.parametrize("command", [["validationrun"], ["-m"]])
def test_the_program_and_the_module_are_one(command):
    program = [str(BIN / command[0])] if command != ["-m"] else [sys.executable, "-m", "validationrun"]
    done = subprocess.run([*program, "--version"], capture_output=True, check=True)
    assert done.stdout.startswith(b"validationrun ")


def test_the_kubectl_plugin_names_itself():
    result = run("lint", "--help", name="kubectl-validationrun")
    assert result.code == 0
    assert "Usage: kubectl validationrun lint" in result.out
    assert call("lint", name="kubectl-validationrun").err.startswith("Usage: kubectl validationrun lint")


# What is not imported.


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["lint", "--help"],
        ["lint", str(NIGHTLY)],
        ["explain", str(NIGHTLY)],
        ["schema"],
        ["init"],
    ],
    ids=" ".join,
)
def test_nothing_but_compile_imports_hera(arguments):
    code = (
        "import sys; from validationrun import cli; sys.argv = ['validationrun', *sys.argv[1:]]\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        "print(*sorted(name for name in sys.modules if name.split('.')[0] in ('hera', 'kubernetes')), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, check=True, text=True)
    assert done.stderr.splitlines()[-1:] in ([], [""])


def test_help_imports_no_verb_nor_the_models_nor_a_yaml_reader():
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "validationrun", "--help"],
        capture_output=True,
        check=True,
        text=True,
    )
    imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert not {"pydantic", "yaml", "hera", "promql_parser", "jinja2", "logging", "msgspec"} & imported
    verbs = {path.stem for path in (ROOT / "compiler/validationrun/cli").glob("*.py")}
    shared = {"__init__", "console", "option_groups", "standard_output", "verbosity"}
    assert not {f"validationrun.cli.{verb}" for verb in verbs - shared} & imported


# init


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_init_prints_a_spec_that_lints_without_a_finding(scenario):
    printed = call("init", scenario, "--name", "mine", "-n", "eng-bob")
    assert printed.code == 0
    result = call("lint", "-", stdin=printed.out.encode())
    assert (result.code, result.out, result.err.splitlines()[0]) == (0, "", "1 file: no findings")


def test_init_without_a_scenario_is_nightly():
    assert call("init").out == call("init", "nightly").out


def test_init_prints_the_committed_example():
    for scenario in SCENARIOS:
        printed = call("init", scenario, "--schema", "../schemas/validationrun.schema.json").out
        assert printed == (ROOT / f"examples/{scenario}.yaml").read_text()


def test_init_writes_the_api_that_is_asked_for():
    newer, older = (call("init", "nightly", "--api", api).out for api in ("SeiNetwork", "SeiNodeDeployment"))
    assert newer == call("init", "nightly").out
    assert "    api: SeiNetwork\n" in newer
    assert "monitoring:" not in newer
    assert "    api: SeiNodeDeployment\n" in older
    assert "memiavl_only" not in older
    refused = call("init", "nightly", "--api", "SeiNode")
    assert refused.code == 2
    assert "SeiNetwork" in refused.err


def test_init_writes_a_file_once(tmp_path):
    path = tmp_path / "mine.yaml"
    result = call("init", "soak", "-f", path)
    assert (result.code, result.out) == (0, f"{path} written; next: validationrun lint {path}\n")
    path.write_text("changed")
    result = call("init", "soak", "-f", path)
    assert (result.code, result.err) == (2, f"validationrun: {path}: File exists\n")
    assert path.read_text() == "changed"
    assert call("init", "-f", tmp_path / "no/such/folder.yaml").code == 2


@pytest.mark.parametrize(("option", "value"), [("--name", "Nightly"), ("--name", "x" * 41), ("-n", "a b"), ("-n", "")])
def test_init_refuses_a_name_that_lint_would_refuse(option, value):
    result = call("init", "nightly", option, value)
    assert result.code == 2
    assert "DNS label" in result.err
    assert result.out == ""


def test_init_of_an_unknown_scenario_names_the_known_ones():
    result = call("init", "weekly")
    assert result.code == 2
    assert all(scenario in result.err for scenario in SCENARIOS)


# explain


def test_explain_draws_the_run_as_a_tree():
    result = call("explain", NIGHTLY)
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[0] == "ValidationRun nightly in namespace eng-ada"
    for text in (
        *("WorkflowTemplate nightly", "ConfigMap nightly-bundle-", "Role and RoleBinding nightly-finalize"),
        *("1. ensure-chain", "3. load-job", "4. rule-evaluator, beside load-job", "5. finalize, whatever happened"),
        *("SeiNetwork nightly-<uid8>-validators (validator, 4 nodes)", "SeiNode nightly-<uid8>-rpc-0..1 (fullNode)"),
        *("Job nightly-xxxxx-<uid8> (1 pod, 10m"),
        *("rule height-advances: passes when value > 0", "rule double-sign: passes when alert ValidatorDoubleSign"),
        *("pods: 12", "5 steps, whatever the number of rules", "1 of the load", "6 of the chain"),
        *("account eng-ada-validation-finalize", "get, patch jobs.batch"),
        *("access-shared.yaml (read PrometheusRule chain-alerts)", "access-cluster.yaml", "worst case: "),
    ):
        assert text in result.out, text


def test_explain_of_rules_on_an_existing_chain_has_neither_load_nor_chain():
    out = call("explain", ROOT / "examples/shadow.yaml").out
    assert "SeiNodeDeployment" not in out
    assert "load-job" not in out
    assert "pods: 4" in out
    assert "of the load" not in out
    assert "until 1 full node serves RPC, caught up" in out


@pytest.mark.parametrize(
    ("overrides", "kinds"),
    [
        ({}, "2 full nodes serve RPC, EVM and WebSocket, caught up"),
        ({"evm.ws_enabled": "false"}, "2 full nodes serve RPC and EVM, caught up"),
        ({"evm.http_enabled": "false", "evm.ws_enabled": "true"}, "2 full nodes serve RPC and WebSocket, caught up"),
        ({"evm.http_enabled": "false"}, "2 full nodes serve RPC, caught up"),
    ],
)
def test_explain_names_each_probe_of_the_full_nodes(tmp_path, overrides, kinds):
    run = yaml.safe_load(NIGHTLY.read_text("utf-8"))
    for entry in run["spec"]["chain"]["deployments"]:
        entry["spec"]["template"]["spec"].setdefault("overrides", {}).update(overrides)
    # The starter's load uses EVM.
    run["spec"]["load"]["workload"]["config"] = {"files": {}}
    path = tmp_path / "run.yaml"
    path.write_text(json.dumps(run))
    assert f"until {kinds}" in call("explain", path).out


def test_explain_says_how_many_full_nodes_serve_a_kind(tmp_path):
    run = yaml.safe_load(NIGHTLY.read_text("utf-8"))
    (node,) = [entry for entry in run["spec"]["chain"]["deployments"] if entry["role"] == "fullNode"]
    quiet = json.loads(json.dumps({**node, "name": "quiet"}))
    quiet["spec"]["replicas"] = 1
    quiet["spec"]["template"]["spec"]["overrides"] = {"evm.http_enabled": "false"}
    run["spec"]["chain"]["deployments"].append(quiet)
    path = tmp_path / "run.yaml"
    path.write_text(json.dumps(run))
    assert (
        "until 3 full nodes serve RPC, EVM (2 of them) and WebSocket (2 of them), caught up"
        in call("explain", path).out
    )


def test_explain_names_the_bundle_that_compile_writes(tmp_path):
    call("compile", NIGHTLY, "-o", tmp_path)
    written = re.search(r"name: (nightly-bundle-\w+)", (tmp_path / "eng-ada/nightly/bundle.yaml").read_text())
    assert written
    assert written[1] in call("explain", NIGHTLY).out


def test_explain_without_labels_uses_fewer_rights():
    out = call("explain", NIGHTLY, "--no-label").out
    assert "get workflows.argoproj.io: how the run ended" in out
    assert "access-cluster.yaml" not in out


@pytest.mark.parametrize("cleanup", ["Always", "OnSuccess", "Never"])
def test_explain_says_what_becomes_of_the_chain(cleanup):
    words = {
        "Always": "deletes the chain\n",
        "OnSuccess": "deletes the chain if it Passed",
        "Never": "leaves the chain",
    }
    out = call("explain", "-", stdin=as_yaml(edited(lambda run: run["spec"].update(cleanup=cleanup)))).out
    assert words[cleanup] in out


def test_explain_says_how_long_at_worst():
    out = call("explain", "-", stdin=as_yaml(full_run())).out
    # 20m chain, 5m start, 15m window, 10m slack; three attempts of finalize at 16m.
    assert "worst case: 1h38m" in out


def test_explain_draws_a_flowchart():
    result = call("explain", NIGHTLY, "--format", "mermaid")
    lines = result.out.splitlines()
    assert lines[0] == "flowchart LR"
    for line in (
        *(
            "  ensure-chain --> wait-chain-ready",
            "  wait-chain-ready --> load-job",
            "  wait-chain-ready --> rule-evaluator",
        ),
        *("  load-job -. always .-> finalize", "  rule-evaluator -. always .-> finalize"),
    ):
        assert line in lines
    # A node for each rule.
    rules = re.findall(r"^    - name: ", NIGHTLY.read_text().split("  rules:")[1], re.MULTILINE)
    assert sum(line.count('(["') for line in lines) == len(rules) > 0
    assert "<uid8>" not in result.out
    assert "Mermaid" not in result.err
    assert call("explain", ROOT / "examples/shadow.yaml", "--format", "mermaid").out.startswith("flowchart LR\n")


def test_explain_of_several_documents_gives_each_diagram_a_heading_and_a_block():
    out = call("explain", ROOT / "examples/release-suite.yaml", "--format", "mermaid").out
    blocks = re.findall(
        r"^## (\w+ [\w-]+) in namespace eng-ada\n\n```mermaid\n(.*?)^```$", out, re.MULTILINE | re.DOTALL
    )
    names = ["transfers", "tokens", "mixed"]
    assert [heading for heading, _ in blocks] == [
        *(f"ValidationRun release-suite-{name}" for name in names),
        "ValidationSuite release-suite",
    ]
    assert all(text.startswith("flowchart LR\n") and text.count("flowchart") == 1 for _, text in blocks)
    rest = re.sub(r"^## .*\n\n```mermaid\n.*?^```$", "", out, flags=re.MULTILINE | re.DOTALL)
    assert rest.strip() == ""


def test_explain_of_a_wrong_spec_shows_the_findings():
    result = call("explain", "-", stdin=as_yaml(edited(lambda run: run["spec"].update(cleanup="x"))))
    assert result.code == 1
    assert result.out == ""
    assert "VR203" in result.err


def test_hostile_names_cannot_move_the_cursor_in_the_tree():
    def edit(run):
        alert = {"ruleRef": {"name": "a", "namespace": "monitoring", "alertname": "\x1b[2J\u202e[bold]x[/bold]"}}
        run["spec"]["rules"].append({"name": "x", "type": "alert", "alert": alert})

    out = call("explain", "-", stdin=as_yaml(edited(edit))).out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "[bold]x[/bold]" in out


# schema


def test_schema_prints_json_schema():
    result = call("schema")
    assert json.loads(result.out)["title"] == "validation.sei.io/v1alpha1"


# Terminals and pipes.


@pytest.fixture
def bad(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(NIGHTLY.read_text().replace("replicas: 4", "replicas: four"))
    return path


def test_findings_are_coloured_on_a_terminal_only(bad):
    code, out = in_terminal("lint", bad)
    assert code == 1
    assert "\x1b[1;31merror[VR204]\x1b[0m" in out
    assert "\x1b" not in run("lint", bad).out


def test_no_color_is_obeyed(bad):
    _, out = in_terminal("lint", bad, NO_COLOR="1")
    assert "error[VR204]" in out
    assert "\x1b" not in out


def test_a_diff_is_coloured_on_a_terminal_only(tmp_path):
    run("compile", NIGHTLY, "-o", tmp_path)
    path = tmp_path / "eng-ada/nightly/access.yaml"
    path.write_text(path.read_text().replace("nightly-steps", "nightly-other"))
    _, out = in_terminal("compile", NIGHTLY, "-o", tmp_path, "--check")
    assert "\x1b[32m+" in out
    assert "\x1b[31m-" in out
    assert "\x1b" not in run("compile", NIGHTLY, "-o", tmp_path, "--check").out


def test_many_files_show_progress_on_a_terminal_and_none_elsewhere(tmp_path):
    for number in range(25):
        spec = edited(lambda run, number=number: run["metadata"].update(name=f"run-{number}"))
        (tmp_path / f"{number:02}.yaml").write_bytes(as_yaml(spec))
    code, out = in_terminal("lint", tmp_path)
    assert code == 0
    assert "Linting" in out
    assert run("lint", tmp_path).err.splitlines()[0] == "25 files: no findings"


def test_a_reader_that_goes_away_is_no_bug():
    process = subprocess.Popen([BIN / "validationrun", "schema"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout
    process.stdout.close()
    assert process.stderr
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 2
    assert b"Traceback" not in err
    assert b"bug" not in err


WRITES = [
    ["init"],
    ["schema"],
    ["explain", NIGHTLY],
    ["lint", "nowhere.json", "-o", "json"],
    ["compile", NIGHTLY, "-o", "OUT"],
    ["compile", NIGHTLY, "-o", "OUT", "--check"],
    ["--help"],
    ["lint", "--help"],
    ["--version"],
]


@pytest.fixture
def writes(tmp_path):
    """Starts the program with arguments of WRITES. Returns its exit code and standard error."""
    (tmp_path / "nowhere.json").write_text("kind: x\n")

    def start(arguments, stdout):
        words = [{"OUT": "out"}.get(each, each) for each in map(str, arguments)]
        # A shell can close a stream, which subprocess can't.
        command = ["sh", "-c", f'exec "$@" {stdout}', "sh", BIN / "validationrun", *words]
        done = subprocess.run(command, cwd=tmp_path, stderr=subprocess.PIPE, check=False)
        return done.returncode, done.stderr.decode()

    return start


@pytest.mark.parametrize("arguments", WRITES, ids=lambda arguments: "-".join(map(str, arguments[:1] + arguments[2:])))
@pytest.mark.parametrize(
    ("stdout", "why"),
    [(">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")],
    ids=["full", "closed"],
)
def test_a_standard_output_that_cannot_be_written_is_no_bug(writes, arguments, stdout, why):
    code, err = writes(arguments, stdout)
    assert (code, err.splitlines()[-1]) == (2, f"validationrun: cannot write standard output: {why}")
    assert "Traceback" not in err


def test_a_closed_standard_output_is_no_fault_of_a_verb_without_output(writes):
    code, err = writes(["lint", NIGHTLY], ">&-")
    assert (code, err.splitlines()[0]) == (0, "1 file: no findings")


def test_a_closed_standard_error_leaves_standard_output_alone(tmp_path):
    command = ["sh", "-c", 'exec "$@" 2>&-', "sh", BIN / "validationrun", "lint", NIGHTLY]
    assert subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout == b""


def test_compile_names_no_folder_when_the_reader_goes_away(tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    command = [BIN / "validationrun", "compile", NIGHTLY, "-o", tmp_path / "out"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert done.returncode == 2
    assert b"roken pipe" not in done.stderr
    assert (tmp_path / "out/eng-ada/nightly/bundle.yaml").exists()


def test_a_fault_of_ours_is_70_and_asks_for_a_report(monkeypatch):
    from validationrun.compiling import pipeline

    def fail(*_):
        raise RuntimeError("oh")

    monkeypatch.setattr(pipeline, "lint_all", fail)
    result = call("lint", NIGHTLY)
    assert result.code == 70
    assert "RuntimeError: oh" in result.err
    assert "This is a bug in validationrun" in result.err


def test_ctrl_c_is_2(monkeypatch):
    from validationrun.compiling import pipeline

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "lint_all", interrupt)
    result = call("lint", NIGHTLY)
    assert result.code == 2
    assert "Traceback" not in result.err


def test_a_real_run_of_the_program_compiles(tmp_path):
    result = run("compile", "-", "-o", tmp_path, stdin=as_yaml(full_run()))
    assert result.code == 0
    assert (tmp_path / "eng-ada/nightly/workflowtemplate.yaml").is_file()


def test_output_is_utf_8_whatever_the_locale(tmp_path):
    path = tmp_path / "é.yaml"
    path.write_text("kind: é🚀\n", encoding="utf-8")
    result = run("lint", path, env={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"})
    assert result.code == 1
    assert "Traceback" not in result.err


def test_a_file_name_that_is_not_utf_8_is_shown_escaped(tmp_path):
    (tmp_path / os.fsdecode(b"\xff.yaml")).write_text("kind: x\n")
    result = call("lint", tmp_path)
    assert result.code == 1
    assert "\\udcff.yaml:1:" in result.out


def test_tree_and_diagram_allow_each_step_the_same_time():
    tree = call("explain", NIGHTLY).out
    diagram = call("explain", NIGHTLY, "--format", "mermaid").out
    allowed = dict(re.findall(r'  ([a-z-]+)\["\1<br/>.*<br/>at most ([0-9hms]+)"\]', diagram))
    assert allowed == dict(re.findall(r"\d\. ([a-z-]+)(?:, [a-z -]+)?: at most ([0-9hms]+)", tree))
    assert len(allowed) == 5


@pytest.mark.parametrize("verb", ["status", "logs", "wait"])
def test_a_verb_for_a_run_on_a_cluster_says_which_verb_shows_a_folder(tmp_path, verb):
    result = call(verb, f"{tmp_path}/")
    assert (result.code, result.err) == (
        2,
        f"validationrun: '{tmp_path}/' is a folder, not a run on a cluster; `validationrun report {tmp_path}/` shows its results\n",
    )


def test_compile_does_not_take_standard_output_for_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = call("compile", NIGHTLY, "-o", "-")
    assert result.code == 2
    assert "--out must be a folder" in result.err
    assert list(tmp_path.iterdir()) == []
