"""VR422: which commands start an interpreter whose crash ends with 1."""

import pytest

from emit_helpers import edited
from validationrun.compiling.check import check
from validationrun.spec.parse import parse_document


def warned(command, **workload):
    fields = {"command": command, **workload}
    run, findings = parse_document(edited(lambda run: run["spec"]["load"]["workload"].update(fields)))
    assert run is not None, findings
    return [finding.message.split(" ends with 1")[0] for finding in check(run) if finding.code == "VR422"]


@pytest.mark.parametrize(
    ("command", "program"),
    [
        (["python3", "/a.py"], "python3"),
        (["/usr/bin/python3.12", "-u", "/a.py"], "python3.12"),
        (["node", "/a.js"], "node"),
        (["/usr/bin/env", "python3", "/a.py"], "python3"),
        (["env", "-i", "-u", "HOME", "A=1", "python3", "/a.py"], "python3"),
        (["env", "-S", "python3 -u", "/a.py"], "python3"),
        (["uv", "run", "x.py"], "python"),
        (["uv", "run", "--with", "requests", "--frozen", "x.py"], "python"),
        (["uv", "run", "python3", "x.py"], "python3"),
        (["uv", "run", "--script", "x"], "python"),
        (["uv", "run", "-m", "suite"], "python"),
        (["sh", "-c", "python3 /a.py"], "python3"),
        (["/bin/bash", "-ec", "exec python3 /a.py"], "python3"),
        (["bash", "-o", "pipefail", "-c", "A=1 python3 $(CONFIG_DIR)/a.py > /tmp/log 2>&1"], "python3"),
        (["sh", "-c", "python3 /a.py && echo done"], "python3"),
        (["sh", "-c", "env A=1 python3 /a.py\n"], "python3"),
        (["bash", "-c", "cd /suite && python3 a.py"], "python3"),
        (["sh", "-ec", "cd /suite; python3 a.py; echo done"], "python3"),
        (["sh", "-c", "# prepare\nset -eu\npython3 a.py # the suite\necho done\n"], "python3"),
        (["sh", "-c", "set -o errexit; python3 a.py; exit 0"], "python3"),
        (["bash", "-o", "errexit", "-c", "python3 a.py; exit 0"], "python3"),
        (["sh", "-c", "python3 -m pytest; python3 report.py"], "python3"),
        (["sh", "-c", "sleep 1; python3 /a.py;"], "python3"),
        (["tini", "--", "python3", "/a.py"], "python3"),
        (["/sbin/tini", "-g", "-e", "143", "--", "python3", "/a.py"], "python3"),
        (["timeout", "-k", "5", "600", "python3", "/a.py"], "python3"),
        (["nice", "-n", "5", "nohup", "stdbuf", "-oL", "node", "/a.js"], "node"),
        (["gosu", "suite", "python3", "/a.py"], "python3"),
        (["poetry", "run", "python", "a.py"], "python"),
        (["npm", "test"], "npm"),
        (["npx", "mocha"], "npx"),
        (["deno", "run", "a.ts"], "deno"),
        (["bun", "a.ts"], "bun"),
        (["java", "-jar", "suite.jar"], "java"),
        (["go", "test", "./..."], "go"),
        (["python3", "-m", "suite", "-m", "pytest"], "python3"),
        (["python3", "/a.py", "-m", "pytest"], "python3"),
        (["python3", "-c", "import pytest"], "python3"),
    ],
)  # fmt: skip
def test_an_interpreter_is_found_behind_what_starts_it(command, program):
    assert warned(command) == [program]


@pytest.mark.parametrize(
    "command",
    [
        ["python3", "-m", "pytest"],
        ["python3", "-u", "-m", "pytest", "/suite"],
        ["python3", "-um", "pytest"],
        ["python3", "-mpytest"],
        ["python3", "-W", "error", "-X", "dev", "-m", "pytest"],
        ["python3", "/usr/bin/pytest"],
        ["env", "A=1", "python3", "-m", "pytest"],
        ["uv", "run", "-m", "pytest"],
        ["uv", "run", "pytest"],
        ["sh", "-c", "python3 -m pytest /suite"],
        ["sh", "-c", "python3 /a.py || exit 99"],
        ["sh", "-c", "python3 /a.py; exit 0"],
        ["sh", "-c", "python3 /a.py\nexit 0"],
        ["sh", "-c", "python3 /a.py | tee log"],
        ["sh", "-c", "echo 'not closed"],
        ["sh", "-c", "if python3 /a.py; then exit 0; else exit 99; fi"],
        ["sh", "-c", "python3 /a.py & wait"],
        ["sh", "-ec", "python3 /a.py && echo done; exit 0"],
        ["sh", "-ec", "cd /suite; python3 -m pytest; echo done"],
        ["sh", "-c", "echo 1 > python3"],
        ["timeout", "600", "pytest"],
        ["poetry", "run", "pytest"],
        ["poetry", "install"],
        ["go", "version"],
        ["/suite/suite.test", "-test.v"],
        ["sh", "-c", "load --script a.py"],
        ["sh", "/run.sh"],
        ["sh", "-c"],
        ["env"],
        ["uv", "run"],
        ["uv", "sync"],
        ["pythonic", "/a.py"],
        ["k6", "run", "python3"],
    ],
)
def test_a_suite_and_what_gives_the_code_another_meaning_stay_silent(command):
    assert warned(command) == []


def test_args_belong_to_the_command_and_another_code_is_no_crash():
    assert warned(["python3"], args=["-m", "pytest"]) == []
    assert warned(["sh", "-c"], args=["python3 /a.py"]) == ["python3"]
    assert warned(["python3", "/a.py"], exitCodes={"failed": [99]}) == []


def test_go_test_ends_with_1_when_it_does_not_compile():
    run, _ = parse_document(edited(lambda run: run["spec"]["load"]["workload"].update(command=["go", "test", "./..."])))
    (found,) = [finding for finding in check(run) if finding.code == "VR422"]
    assert found.message.startswith("go ends with 1 when its tests do not compile")
