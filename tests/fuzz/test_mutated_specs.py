"""
2,000 damaged specs: each ends within seconds in a diagnostic with a place or in valid output, never in an exception.

Half of the damage is done to the text (bytes, lines, encodings), half to the data (types, names, values);
the cruellest inputs that we know of are listed one by one. All of it is seeded: a failure names a spec that can be built again.
"""

import copy
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from validationrun.compiling.emit.header import header_of
from validationrun.compiling.emit.options import EmitOptions
from validationrun.compiling.pipeline import CompileResult, compile_all
from validationrun.spec.findings import Diagnostic, Severity, render, render_github
from validationrun.spec.source import read

ROOT = pathlib.Path(__file__).parents[2]
BASES = [
    path.read_text("utf-8")
    for path in (*sorted((ROOT / "examples").glob("*.yaml")), *sorted((ROOT / "tests/fixtures/valid").glob("*.yaml")))
]
NIGHTLY = (ROOT / "examples" / "nightly.yaml").read_text("utf-8")

COUNT = 2000
CHUNK = 50
LIMIT_S = 5.0
"""Of processor time: on a busy machine the wall clock measures the neighbours."""
CLI_EVERY = 65
# C0 but tab and newline, DEL, C1: what a terminal could obey.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")

NASTY: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**63, 2**64 - 1, 10**30, 1.5, 1e300, "", " ", "\n", "\t", "x", "{{workflow.name}}",
    "{{=workflow.uid}}", "{{", "}}", "${x}", "${chainId}", "${window}", "$(RUN_ID)", "---", "...", "- a", "a: b", "# c", "'", '"', "`",
    "\\", "\r\n", "\u0085", "\u2028", "\u202e\u202dabc", "\ufeff", "\u200b", "é", "日本語", "😀", "e\u0301", "\x7f", "null", "yes", "012",
    "1e3", "0x1f", "1:30", "2024-01-01", "=", "<<", "*a", "&a", "!a", "%a", "@a", "10m", "0s", "-5m", "1h1h", "99999999h", "1.5s",
    "9" * 400, "1e" + "9" * 400, "x" * 63, "x" * 64, "x" * 254, "a" * 100_000, "\U0001f600" * 25_000, "line\n" * 20_000, "x" * 99 + "\n",
    [], {}, [[]], [None], {"": ""}, {"a": {"b": {"c": [1, 2, {"d": None}]}}}, ["a"] * 2000, {f"k{i}": i for i in range(500)},
    "up", "up{", "sum(", "sum(up) by", "rate(up[5m])", 'up{a="${chainId}"}', "(" * 100_000 + "1" + ")" * 100_000, "-" * 50_000 + "1",
    "1" + "+1" * 20_000, '"' + '\\"' * 50_000, "'" * 50_001, "${a}" * 20_000, "${windov}" * 10_000, "up[${window}]", "up[1e9y]",
    'up{a=~"' + "(" * 5000 + '"}', 'up{a=~"' + "(a{1,1000}){1,1000}" + '"}', "registry/x:latest", "a@sha256:" + "0" * 64,
    "http://x", "javascript:alert(1)", "../../etc/passwd", "/", "/a/../../b", "a/b", "..", ".", "CHAIN_ID", "validator", "fullNode",
    "query", "alert", "SeiNetwork", "ValidationSuite", "Retain", ">", "=>", "==", "1e400", "nan", ".nan", "-0", "+1", "١٢٣",
]  # fmt: skip


# Damage to the data.

Place = tuple[Any, Any]
"""A container and the key or index of one value in it."""


def _places(data: Any) -> list[Place]:
    found: list[Place] = []
    todo = [data]
    while todo:
        value = todo.pop()
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, item in items:
            found.append((value, key))
            todo.append(item)
    return found


def drop(rng: random.Random, data: Any) -> None:
    container, key = rng.choice(_places(data))
    del container[key]


def replace(rng: random.Random, data: Any) -> None:
    container, key = rng.choice(_places(data))
    container[key] = copy.deepcopy(rng.choice(NASTY))


def swap(rng: random.Random, data: Any) -> None:
    places = _places(data)
    (one, a), (other, b) = rng.choice(places), rng.choice(places)
    one[a], other[b] = copy.deepcopy(other[b]), copy.deepcopy(one[a])


def repeat(rng: random.Random, data: Any) -> None:
    lists = [container[key] for container, key in _places(data) if isinstance(container[key], list)]
    if lists:
        chosen = rng.choice(lists)
        chosen += copy.deepcopy(chosen) * rng.choice((1, 1, 2, 40))


def rename(rng: random.Random, data: Any) -> None:
    container, key = rng.choice([place for place in _places(data) if isinstance(place[0], dict)])
    names = (
        f"{key}x",
        str(key).upper(),
        str(key)[:-1],
        "{{workflow.name}}",
        "é",
        "a" * 5000,
        "",
        "on",
        "\x85",
        "__class__",
    )
    container[rng.choice(names)] = container.pop(key)


def bury(rng: random.Random, data: Any) -> None:
    container, key = rng.choice(_places(data))
    for _ in range(rng.choice((1, 5, 40, 70))):
        container[key] = [container[key]] if rng.random() < 0.5 else {"a": container[key]}


def add_unknown(rng: random.Random, data: Any) -> None:
    mappings = [data, *(container[key] for container, key in _places(data) if isinstance(container[key], dict))]
    rng.choice(mappings)[rng.choice(("extra", "Rules", "run_duration", "😀", "a.b/c"))] = copy.deepcopy(
        rng.choice(NASTY)
    )


def inject(rng: random.Random, data: Any) -> None:
    """Something in the middle of a text that is there."""
    texts = [(container, key) for container, key in _places(data) if isinstance(container[key], str)]
    if texts:
        container, key = rng.choice(texts)
        at = rng.randrange(len(container[key]) + 1)
        container[key] = container[key][:at] + str(rng.choice(NASTY)) + container[key][at:]


DATA_DAMAGE: tuple[Callable[[random.Random, Any], None], ...] = (
    drop, replace, replace, swap, repeat, rename, bury, add_unknown, inject, inject,
)  # fmt: skip


def damaged_data(rng: random.Random) -> bytes:
    # Our own reader: PyYAML's tables know values that Kubernetes does not, such as `=`.
    data = copy.deepcopy(rng.choice(read(rng.choice(BASES).encode(), "base.yaml").documents).data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        if data and isinstance(data, dict):
            rng.choice(DATA_DAMAGE)(rng, data)
    if rng.random() < 0.5:
        return json.dumps(data, ensure_ascii=rng.random() < 0.3, indent=rng.choice((None, 1))).encode(
            "utf-8", "replace"
        )
    text: str = yaml.dump(
        data, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False, width=rng.choice((40, 10**6))
    )
    return text.encode("utf-8", "replace")


# Damage to the text.


def _lines(edit: Callable[[random.Random, list[str], int], None]) -> Callable[[random.Random, str], bytes]:
    def apply(rng: random.Random, text: str) -> bytes:
        lines = text.split("\n")
        for _ in range(rng.choice((1, 1, 3))):
            edit(rng, lines, rng.randrange(len(lines)))
        return "\n".join(lines).encode()

    apply.__name__ = edit.__name__
    return apply


def _set(lines: list[str], at: int, text: str) -> None:
    lines[at] = text


SNIPPETS = (
    "---", "...", "%YAML 1.2", "%TAG ! tag:x:", "!!python/object/apply:os.system [id]", "  <<: *a", "<<: {a: 1}", "  <<: [1]", "a: &a [*a]",
    "? {a: b}\n: c", "? |\n  x\n: y", "  {{workflow.name}}", "  x: {{workflow.name}}", "- - - a", "\t a: b", "a:\tb", "'", '"', "[", "{", "]", "}",
    "# validationrun: ignore VR406", "# validationrun: ignore VR999, VR201", "!!binary aGk=", "!!set {a, b}", "x: 1e400", "x: .inf", "1: a",
    "null: a", "1.5: a", "on: a", "true: a", "[a]: b", "x: !!int a", "x: !!str", "\u2028", "\x85", "x: 012345678901234567890", "x: 1_0_0", "@x", "`x",
    "metadata: *nightly", "spec: &s {a: *s}", 'x: "\\ud800"', 'x: "\\uD83D\\uDE00"', 'x: "\\x1b[31m"', "x: '\x1b[2J'", "x: \x9b31m",
)  # fmt: skip

TEXT_DAMAGE: dict[str, Callable[[random.Random, str], bytes]] = {
    "cut": lambda rng, text: text.encode()[: rng.randrange(len(text.encode()))],
    "cut the head off": lambda rng, text: text.encode()[rng.randrange(len(text.encode())) :],
    "flip bits": lambda rng, text: _flip(rng, text, rng.choice((1, 1, 5, 100))),
    "insert bytes": lambda rng, text: _splice(rng, text.encode(), rng.randbytes(rng.choice((1, 4, 64)))),
    "insert a control character": lambda rng, text: _splice(
        rng, text.encode(), chr(rng.choice((0, 1, 7, 8, 11, 27, 127, 0x80, 0x9B, 0xFEFF, 0xFFFE, 0x202E))).encode()
    ),
    "byte order mark": lambda rng, text: (
        rng.choice((b"\xef\xbb\xbf", b"\xef\xbb\xbf" * 2, b"\xff\xfe", b"\xfe\xff")) + text.encode()
    ),
    "utf-16": lambda rng, text: text.encode(rng.choice(("utf-16", "utf-16-le", "utf-32", "utf-7"))),
    "latin-1": lambda rng, text: _splice(rng, text.encode(), "ä€".encode("cp1252")),
    "line ends": lambda rng, text: text.replace(
        "\n", rng.choice(("\r\n", "\r", "\n\r", "\n\n", "\x85", "\u2028", "\v"))
    ).encode(),
    "tabs": lambda rng, text: text.replace("  ", "\t", rng.choice((1, 5, -1))).encode(),
    "indentation": lambda rng, text: re.sub(r"(?m)^ +", lambda m: m[0] + " " * (rng.random() < 0.05), text).encode(),
    "twice": lambda rng, text: (text + rng.choice(("", "\n", "---\n", "...\n")) + text).encode(),
    "snippet": _lines(lambda rng, lines, at: lines.insert(at, rng.choice(SNIPPETS))),
    "snippet, indented": _lines(
        lambda rng, lines, at: lines.insert(at, " " * rng.randrange(12) + rng.choice(SNIPPETS).strip())
    ),
    "snippet at the end": _lines(
        lambda rng, lines, at: _set(lines, at, lines[at] + " " + rng.choice(SNIPPETS).strip())
    ),
    "line twice": _lines(lambda rng, lines, at: lines.insert(at, lines[at])),
    "line away": _lines(lambda rng, lines, at: lines.pop(at) and None if len(lines) > 1 else None),
    "lines swapped": _lines(lambda rng, lines, at: lines.insert(rng.randrange(len(lines)), lines.pop(at))),
    "long line": _lines(
        lambda rng, lines, at: _set(lines, at, lines[at] + rng.choice("x #'\"[{&*!\u202e😀") * 200_000)
    ),
    "anchor": _lines(
        lambda rng, lines, at: _set(
            lines, at, re.sub(r": ", ": " + rng.choice(("&a ", "*a ", "!x ", "!!str ")), lines[at], count=1)
        )
    ),
    "value away": _lines(lambda rng, lines, at: _set(lines, at, re.sub(r":.*", ":", lines[at]))),
    "template": lambda rng, text: re.sub(
        r"[a-z]{4,}", lambda m: m[0] if rng.random() < 0.98 else "{{workflow.name}}", text
    ).encode(),
}


def _flip(rng: random.Random, text: str, count: int) -> bytes:
    content = bytearray(text.encode())
    for _ in range(count):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return bytes(content)


def _splice(rng: random.Random, content: bytes, piece: bytes) -> bytes:
    at = rng.randrange(len(content) + 1)
    return content[:at] + piece + content[at:]


# The cruellest inputs that we know of.


def _query(promql: str) -> bytes:
    data = yaml.load(NIGHTLY, Loader=yaml.CSafeLoader)
    data["spec"]["rules"][0]["query"]["promql"] = promql
    return json.dumps(data).encode()


def _config(text: str) -> bytes:
    data = yaml.load(NIGHTLY, Loader=yaml.CSafeLoader)
    data["spec"]["load"]["workload"]["config"]["files"]["profile.json"] = text
    return json.dumps(data, ensure_ascii=False).encode()


LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30)
)
MERGES = "a0: &a0 {x: 1}\n" + "".join(
    f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}], k{i}: 1}}\n" for i in range(1, 30)
)

CRUEL: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "10 MB of config": lambda: _config("x" * 10_000_000),
    "10 MB of keys": lambda: NIGHTLY.encode() + b"  a: 1\n" * 1_500_000,
    "10 MB of brackets": lambda: b"[" * 10_000_000,
    "10 MB of zero bytes": lambda: bytes(10_000_000),
    "10 MB of comments": lambda: NIGHTLY.encode() + b"# x\n" * 2_500_000,
    "1 MB of brackets": lambda: b"[" * 1_000_000,
    "1 MB of braces": lambda: b"{a: " * 250_000,
    "1 MB of dashes": lambda: b"- " * 500_000,
    "1 MB of question marks": lambda: b"? " * 500_000,
    "1 MB of colons": lambda: b": " * 500_000,
    "1 MB of anchors": lambda: b"&a " * 300_000,
    "1 MB of tags": lambda: b"!a " * 300_000,
    "1 MB of newlines": lambda: b"\n" * 1_000_000,
    "1 MB of spaces": lambda: b" " * 1_000_000,
    "1 MB of directives": lambda: b"%a b\n" * 150_000,
    "1 MB of documents": lambda: b"---\na: 1\n" * 100_000,
    "1 MB of specs": lambda: (NIGHTLY.encode() + b"\n---\n") * 200,
    "1 MB in one key": lambda: b"a" * 1_000_000 + b": b",
    "1 MB folded": lambda: b"a: >\n" + b"  x\n" * 250_000,
    "1 MB of escapes": lambda: b'"' + b"\\x41" * 250_000 + b'"',
    "1 MB list": lambda: b"[" + b"a," * 400_000 + b"]",
    "1 MB number": lambda: b"x: " + b"9" * 1_000_000,
    "1 MB float": lambda: b"x: 1." + b"9" * 1_000_000,
    "1 MB exponent": lambda: b"x: 1e" + b"9" * 1_000_000,
    "duplicate keys": lambda: NIGHTLY.encode() + b"  cleanup: Never\n" * 40_000,
    "unknown keys": lambda: NIGHTLY.encode() + b"".join(b"  runDuration%d: 1\n" % i for i in range(15_000)),
    "nulls": lambda: NIGHTLY.encode() + b"".join(b"  k%d:\n" % i for i in range(30_000)),
    "ignore comments": lambda: NIGHTLY.encode() + b"\n# validationrun: ignore VR406" * 20_000,
    "ignore comments in a long list": lambda: NIGHTLY.encode() + b"\n# validationrun: ignore VR406" * 8_000 + b"\n---\n" + b"- 1\n" * 40_000,
    "ignore codes": lambda: NIGHTLY.encode() + b"\n# validationrun: ignore VR406" + b", VR406" * 90_000,
    "ignore comments in a block": lambda: _config("# validationrun: ignore VR406\n" * 25_000),
    "billion laughs": lambda: LAUGHS.encode(),
    "billion laughs in a spec": lambda: NIGHTLY.encode() + b"\nlaughs:\n" + LAUGHS.encode().replace(b"\na", b"\n  a").replace(b"a0:", b"  a0:", 1),
    "billion merges": lambda: MERGES.encode(),
    "wide merge": lambda: b"a: &a {" + b",".join(b"k%d: 1" % i for i in range(10_000)) + b"}\nb:\n  <<: [" + b"*a," * 20_000 + b"]\n",
    "alias of itself": lambda: b"a: &a\n  b: *a\n",
    "merge of itself": lambda: b"a: &a\n  <<: *a\n",
    "alias without anchor": lambda: b"a: *b\n",
    "lone surrogate": lambda: NIGHTLY.replace("nightly", '"\\ud800"', 1).encode(),
    "surrogate bytes": lambda: b"a: \xed\xa0\x80\n",
    "surrogate pair": lambda: _config("").replace(b'profile.json": ""', b'profile.json": "\\ud83d\\ude00"'),
    "code point beyond Unicode": lambda: b'a: "\\U00110000"\n',
    "escape sequence": lambda: NIGHTLY.replace("name: nightly", 'name: "\\e]0;owned\\a\\x9b31m"', 1).encode(),
    "parentheses": lambda: _query("(" * 100_000 + "up" + ")" * 100_000),
    "functions": lambda: _query("abs(" * 100_000 + "up" + ")" * 100_000),
    "minus signs": lambda: _query("-" * 100_000 + "1"),
    "spaced minus signs": lambda: _query("- " * 100_000 + "1"),
    "not": lambda: _query("up " + "unless up " * 50_000),
    "subqueries": lambda: _query("up" + "[5m:1m]" * 50_000),
    "offsets": lambda: _query("up" + " offset 5m" * 50_000),
    "powers": lambda: _query("2" + "^2" * 50_000),
    "matchers": lambda: _query("up{" + "a='b'," * 30_000 + "}"),
    "or matchers": lambda: _query("up{" + " or ".join(["a='b'"] * 400) + "}"),
    "groupings": lambda: _query("sum by (" + "a," * 100_000 + "b) (up)"),
    "brackets in strings": lambda: _query('up{a="' + "(" * 100_000 + '"}'),
    "unclosed string": lambda: _query('"' + '\\"' * 50_000),
    "unclosed strings": lambda: _query("up{a='" + "\\'" * 50_000 + '"`'),
    "placeholders": lambda: _query("${a}" * 25_000),
    "distinct placeholders": lambda: _query("".join(f"${{a{i}}}" for i in range(10_000))),
    "near placeholders": lambda: _query('up{a="' + "${chainid}" * 10_000 + '"}'),
    "braces": lambda: _query("{" * 100_000),
    "backtracking": lambda: _query('up{a=~"' + "(a|b|ab)*" * 10_000 + 'c"}'),
    "nested repetitions": lambda: _query('up{a=~"' + "(" * 900 + "a" + "{1,9})" * 900 + '"}'),
    "places in a config file": lambda: _config("${chainId}" * 60_000),
    "400 kB config": lambda: _config("{{workflow.name}}\n" * 22_000),
    "astral config": lambda: _config("😀\x00\x1b\u2028\r\n" * 20_000),
}  # fmt: skip


def spec(number: int) -> tuple[str, bytes]:
    """The name and the content of one damaged spec."""
    names = list(CRUEL)
    if number < len(names):
        return names[number], CRUEL[names[number]]()
    rng = random.Random(number)
    if number % 2:
        return "data", damaged_data(rng)
    name = rng.choice(list(TEXT_DAMAGE))
    return name, TEXT_DAMAGE[name](rng, rng.choice(BASES))


# What must hold.


def lines_of(content: bytes) -> list[str]:
    if len(content) > 1024 * 1024:
        return [""]
    return LINE_END.split(content.decode("utf-8", "replace").removeprefix("\ufeff"))


def assert_placed(diagnostic: Diagnostic, lines: list[str]) -> None:
    assert 1 <= diagnostic.line <= len(lines), diagnostic
    assert 1 <= diagnostic.column <= len(lines[diagnostic.line - 1]) + 1, diagnostic
    assert diagnostic.span.end_column > diagnostic.span.column, diagnostic
    assert re.fullmatch(r"VR\d{3}", diagnostic.code)
    assert diagnostic.message
    assert diagnostic.help


def assert_printable(diagnostic: Diagnostic) -> None:
    assert not CONTROL.search(render(diagnostic))
    assert not CONTROL.search(render_github(diagnostic))
    assert "\n" not in render_github(diagnostic)
    json.dumps(diagnostic.as_json(), ensure_ascii=False).encode()


def assert_valid_output(result: CompileResult) -> None:
    for compiled in result.compiled:
        assert {file.name for file in compiled.files} >= {"bundle.yaml", "workflowtemplate.yaml", "kustomization.yaml"}
        for file in compiled.files:
            documents = list(yaml.load_all(file.text, Loader=yaml.CSafeLoader))
            assert all(isinstance(document, dict) for document in documents)
            if file.name == "bundle.yaml":
                for key, text in documents[0]["data"].items():
                    if key.endswith(".json") and not key.startswith("config."):
                        json.loads(text)
                    elif not key.startswith("config."):
                        assert yaml.load(text, Loader=yaml.CSafeLoader)


@pytest.mark.parametrize("first", range(0, COUNT, CHUNK))
def test_a_damaged_spec_ends_in_a_diagnostic_or_in_valid_output(first: int) -> None:
    for number in range(first, first + CHUNK):
        name, content = spec(number)
        start = time.process_time()
        result = compile_all([("spec.yaml", content)], EmitOptions(), None)
        elapsed = time.process_time() - start
        where = f"spec {number} ({name})"
        assert elapsed < LIMIT_S, f"{where}: {elapsed:.1f} s"
        lines = lines_of(content)
        for diagnostic in result.diagnostics:
            assert_placed(diagnostic, lines)
        for diagnostic in result.diagnostics[:50]:
            assert_printable(diagnostic)
        errors = [d for d in result.diagnostics if d.severity is Severity.ERROR]
        assert bool(errors) != bool(result.compiled), where
        assert_valid_output(result)


@pytest.mark.parametrize("number", range(1, COUNT, CLI_EVERY))
def test_the_command_line_reports_a_damaged_spec_and_writes_all_or_nothing(number: int, tmp_path: pathlib.Path) -> None:
    name, content = spec(number)
    (tmp_path / "spec.yaml").write_bytes(content)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "validationrun", "compile", "spec.yaml", "-o", str(out)]
    environment = {**os.environ, "PYTHONUTF8": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, timeout=60, check=False)
    output = (done.stdout + done.stderr).decode("utf-8")
    result = compile_all([("spec.yaml", content)], EmitOptions(), None)
    assert done.returncode == (0 if result.ok else 1), f"spec {number} ({name}):\n{output[-2000:]}"
    assert "Traceback" not in output
    assert not CONTROL.search(output)
    written = {str(path.relative_to(out)): path.read_text("utf-8") for path in out.rglob("*") if path.is_file()}
    wanted = {f"{one.folder}/{file.name}": file.text for one in result.compiled for file in one.files}
    assert written == wanted
    assert all(header_of(text) for text in written.values())
    if not result.ok:
        assert "spec.yaml:" in output
        assert not out.exists()


def test_the_damage_reaches_both_endings() -> None:
    """A fuzz whose every spec fails in the first stage would prove little."""
    results = [compile_all([("spec.yaml", spec(number)[1])], EmitOptions(), None) for number in range(200, 500)]
    codes = {diagnostic.code[:3] for result in results for diagnostic in result.diagnostics}
    assert sum(bool(result.compiled) for result in results) >= 20
    assert codes >= {"VR1", "VR2", "VR3", "VR4", "VR5"}
