"""
How the compiler takes a suite of many runs: the time beside that of half as many, and the largest object. `make bench`.

    python tests/benchmarks/suite.py [--short] [--repeat 5]

Each run is written inside the suite and differs from every other one, as those of specs.py do. The sizes are compiled in turn, each
time in a process of its own that has imported everything; a ratio is that of the medians. Exits 1 when twice as many runs take more
than 2.3 times as long, or an object is larger than 512 KiB. With --short each size is compiled once, and only the objects are judged.
"""

import argparse
import itertools
import json
import pathlib
import statistics
import subprocess
import sys
import textwrap
from typing import Final

import yaml
from specs import spec

from validationrun.compiling.emit.options import EmitOptions
from validationrun.compiling.pipeline import compile_all

HERE: Final = pathlib.Path(__file__).parent
SIZES: Final = (16, 32, 64)
_MOST_TIMES: Final = 2.3
_LARGEST: Final = 512 * 1024
_MEASURE: Final = """
import sys, time
from suite import files_of
files_of(1)
start = time.perf_counter()
files_of(int(sys.argv[1]))
print(time.perf_counter() - start)
"""


def suite(count: int) -> bytes:
    """The text of a suite of so many runs, each with a load, all at once."""
    entries = []
    for number in range(count):
        body = spec(number).partition("\nspec:\n")[2]
        entries.append(f"  - name: run-{number}\n    spec:\n{textwrap.indent(body, '    ')}")
    head = "apiVersion: validation.sei.io/v1alpha1\nkind: ValidationSuite\nmetadata: {name: gate, namespace: eng-ada}\n"
    return (head + "spec:\n  concurrency: Parallel\n  runs:\n" + "\n".join(entries)).encode()


def files_of(count: int) -> dict[str, str]:
    """The compiled files of the suite, those of its runs too, by path."""
    result = compile_all([("suite.yaml", suite(count))], EmitOptions())
    assert result.ok, [finding.message for finding in result.diagnostics if finding.severity.value == "error"][:3]
    return {f"{each.folder}/{file.name}": file.text for each in result.compiled for file in each.files}


def seconds(count: int) -> float:
    command = [sys.executable, "-c", _MEASURE, str(count)]
    return float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=HERE).stdout)


def largest(files: dict[str, str]) -> tuple[int, str]:
    """The size in bytes of the largest object, as the API server gets it, and where it stands."""
    objects = [
        (len(json.dumps(document, separators=(",", ":")).encode()), f"{path}: {document['kind']}")
        for path, text in files.items()
        for document in yaml.load_all(text, Loader=yaml.CSafeLoader)
    ]
    return max(objects)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--short", action="store_true", help="each size once; the times are not judged")
    parser.add_argument("--repeat", type=int, default=5)
    given = parser.parse_args()
    rounds = 1 if given.short else given.repeat
    times = {count: [] for count in SIZES}  # type: dict[int, list[float]]
    for _ in range(rounds):
        for count in SIZES:
            times[count].append(seconds(count))
    medians = {count: statistics.median(values) for count, values in times.items()}
    missed = []
    for before, count in ((None, SIZES[0]), *itertools.pairwise(SIZES)):
        ratio = medians[count] / medians[before] if before else 1.0
        told = f"{ratio:.2f} times that of {before}" if before else ""
        print(
            f"compile a suite of {count:>2} runs {medians[count]:>7.2f} s  {medians[count] / count * 1000:>6.1f} ms a run  {told}"
        )
        if before and not given.short and ratio > _MOST_TIMES:
            missed.append(f"{count} runs take more than {_MOST_TIMES} times as long as {before}")
    size, where = largest(files_of(SIZES[-1]))
    print(
        f"largest object of the suite of {SIZES[-1]}: {size / 1024:.0f} KiB ({where}); at most {_LARGEST // 1024} KiB"
    )
    if size > _LARGEST:
        missed.append(f"{where} is larger than {_LARGEST // 1024} KiB")
    print("\n".join(missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
