"""What the benchmarks compare must be the same; the benchmarks themselves run in a lane of their own."""

import subprocess
import sys

from tests.house.source import ROOT

BENCHMARKS = ROOT / "tests" / "benchmarks"


def test_the_baseline_of_compile_writes_the_compilers_files() -> None:
    code = "import run; print(run.assert_same_output())"
    done = subprocess.run([sys.executable, "-c", code], cwd=BENCHMARKS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == 5
