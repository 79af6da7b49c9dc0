"""
How fast the compiler is beside bare libraries doing the same work. `make bench`; exits 1 when a bar is missed.

    python tests/benchmarks/run.py [--repeat 5] [--json FILE]

Both sides of a ratio are measured in turn, each time in a fresh process; the ratio is that of the medians.
"""

import argparse
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import bare_hera
import measure
import yaml
from specs import specs

HERE = pathlib.Path(__file__).parent
SMALL, MIDDLE, LARGE = 10, 500, 1000
COMPILE_BAR, LINT_BAR, MARGINAL_BAR, HELP_BAR = 1.5, 2.0, 1.15, 20.0
HELP_REPEAT = 21


def seconds(kind: str, count: int) -> float:
    folder = tempfile.mkdtemp(prefix="bench-")
    try:
        command = [sys.executable, str(HERE / "measure.py"), kind, str(count), folder]
        return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    finally:
        shutil.rmtree(folder)


def program_seconds(arguments: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
    return time.perf_counter() - start


def assert_same_output() -> int:
    """The baseline writes the same files with the same content, so that it does not win by doing less. Returns their number."""
    with tempfile.TemporaryDirectory() as name:
        ours, bare = pathlib.Path(name, "ours"), pathlib.Path(name, "bare")
        measure.compile_ours(specs(1), ours)
        measure.compile_bare(specs(1), bare)
        names = sorted(str(path.relative_to(ours)) for path in ours.rglob("*.yaml"))
        assert names == sorted(str(path.relative_to(bare)) for path in bare.rglob("*.yaml")), (
            "the files differ in number or name"
        )
        for one in names:
            assert _content(ours / one) == _content(bare / one), f"{one} differs"
    return len(names)


def _content(path: pathlib.Path) -> list[dict]:
    """The objects, with texts that are YAML or JSON themselves parsed, and hashes of those texts left out."""
    text = path.read_text("utf-8")
    documents = list(yaml.load_all(text, Loader=yaml.CSafeLoader))
    for document in documents:
        if document["kind"] == "ConfigMap":
            digest = document["metadata"]["annotations"]["validation.sei.io/bundle-hash"]
            document["data"] = {
                key: yaml.load(value, Loader=yaml.CSafeLoader) if key.endswith((".yaml", ".json")) else value
                for key, value in document["data"].items()
            }
        elif document["kind"] == "WorkflowTemplate":
            digest = document["metadata"]["annotations"]["validation.sei.io/bundle-hash"]
            document["spec"]["podSpecPatch"] = yaml.load(document["spec"]["podSpecPatch"], Loader=yaml.CSafeLoader)
            document["spec"]["templates"].sort(key=lambda one: one["name"])
        else:
            continue
        # The texts are the same data in another layout, so that their hash is another.
        as_text = json.dumps(document).replace(digest, "DIGEST").replace(digest[:8], "DIGEST8")
        documents[documents.index(document)] = json.loads(as_text)
    return documents


def never_imports_hera() -> list[str]:
    """The verbs that import Hera although they should not."""
    guilty = []
    example = str(HERE.parents[1] / "examples" / "nightly.yaml")
    for arguments in (["--help"], ["lint", example], ["explain", example], ["compile", "--help"]):
        code = (
            "import sys; sys.argv[1:] = sys.argv[1:]\n"
            "from validationrun.cli import main\n"
            "try: main()\n"
            "except SystemExit: pass\n"
            "sys.exit(3 if any(name.split('.')[0] == 'hera' for name in sys.modules) else 0)"
        )
        done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, check=False)
        if done.returncode != 0:
            guilty.append(arguments[0])
    return guilty


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", type=pathlib.Path, default=None)
    arguments = parser.parse_args()
    files = assert_same_output()
    print(f"{files} files a spec; every object equal to the baseline's")

    runs = [("compile_ours", LARGE), ("compile_bare", LARGE), ("lint_ours", LARGE), ("lint_bare", LARGE)]
    runs += [(kind, count) for kind in ("compile_ours", "lint_ours") for count in (SMALL, MIDDLE)]
    taken: dict[tuple[str, int], list[float]] = {run: [] for run in runs}
    for _ in range(arguments.repeat):
        for run in runs:
            taken[run].append(seconds(*run))
    helps: dict[str, list[float]] = {"help": [], "pass": []}
    for _ in range(HELP_REPEAT):
        helps["help"].append(program_seconds(["-m", "validationrun", "--help"]))
        helps["pass"].append(program_seconds(["-c", "pass"]))

    median = {run: statistics.median(times) for run, times in taken.items()}
    rows = [
        _row(
            "compile 1,000 / bare Hera + libyaml",
            median["compile_ours", LARGE],
            median["compile_bare", LARGE],
            COMPILE_BAR,
            "s",
        ),
        _row(
            "lint 1,000 / libyaml + pydantic + promql",
            median["lint_ours", LARGE],
            median["lint_bare", LARGE],
            LINT_BAR,
            "s",
        ),
        _marginal("compile", median, "compile_ours"),
        _marginal("lint", median, "lint_ours"),
        _row(
            "--help / python -c pass",
            statistics.median(helps["help"]) * 1000,
            statistics.median(helps["pass"]) * 1000,
            HELP_BAR,
            "ms",
        ),
    ]
    print(f"\n{'':44} {'ours':>12} {'base':>12} {'ratio':>7} {'bar':>6}")
    for row in rows:
        print(f"{row['what']:44} {row['ours']:9.3f} {row['unit']:2} {row['base']:9.3f} {row['unit']:2} {row['ratio']:7.2f} {row['bar']:6.2f}"
              f"  {'ok' if row['ok'] else 'MISSED'}")  # fmt: skip
    guilty = never_imports_hera()
    print(f"\nlint, explain, --help import Hera: {', '.join(guilty) or 'never'}")
    if arguments.json is not None:
        result = {
            "rows": rows, "importsHera": guilty,
            "seconds": {f"{kind} {count}": times for (kind, count), times in taken.items()}, "help": helps,
        }  # fmt: skip
        arguments.json.write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    return 0 if all(row["ok"] for row in rows) and not guilty else 1


def _row(what: str, ours: float, base: float, bar: float, unit: str) -> dict:
    return {
        "what": what,
        "ours": ours,
        "base": base,
        "unit": unit,
        "ratio": ours / base,
        "bar": bar,
        "ok": ours / base <= bar,
    }


def _marginal(verb: str, median: dict[tuple[str, int], float], kind: str) -> dict:
    """Milliseconds that one more spec costs, late against early."""
    late = (median[kind, LARGE] - median[kind, MIDDLE]) / (LARGE - MIDDLE) * 1000
    early = (median[kind, MIDDLE] - median[kind, SMALL]) / (MIDDLE - SMALL) * 1000
    return _row(f"{verb}: one more spec, 500-1,000 / 10-500", late, early, MARGINAL_BAR, "ms")


if __name__ == "__main__":
    assert bare_hera.__file__ is not None
    sys.exit(main())
