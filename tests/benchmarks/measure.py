"""
One measurement in a process of its own: `measure.py WHAT COUNT FOLDER`, seconds on standard output.

A fresh process each time, because what earlier runs left in memory slows later ones down; a warm-up on other specs
first, because imports and first calls are measured elsewhere (`--help`).
Seconds of processor time: the work is done by one thread, and on a busy machine the wall clock measures the neighbours.
"""

import gc
import pathlib
import sys
import time

from specs import specs

from validationrun.cli import GC_THRESHOLD

WARM_UP = 10


def compile_ours(files, out):
    from validationrun.cli.output_dir import write
    from validationrun.compiling.emit.options import EmitOptions
    from validationrun.compiling.pipeline import compile_all

    result = compile_all(files, EmitOptions())
    assert result.ok
    write(out, {one.folder: {file.name: file.text for file in one.files} for one in result.compiled})


def compile_bare(files, out):
    import bare_hera

    bare_hera.compile_files(files, out)


def lint_ours(files, out):
    from validationrun.compiling.pipeline import lint_all

    assert lint_all(files).ok


def lint_bare(files, out):
    import promql_parser
    import yaml

    from validationrun.spec.v1alpha1 import ValidationRun

    for _, content in files:
        run = ValidationRun.model_validate(yaml.load(content, Loader=yaml.CSafeLoader))
        for rule in run.spec.rules:
            promql_parser.parse(rule.query.promql.replace("${chainId}", "chain-0a1b2c3d"))


KINDS = {function.__name__: function for function in (compile_ours, compile_bare, lint_ours, lint_bare)}


def main():
    # The garbage collector as the command line sets it, for both sides.
    gc.set_threshold(*GC_THRESHOLD)
    kind, count, folder = KINDS[sys.argv[1]], int(sys.argv[2]), pathlib.Path(sys.argv[3])
    kind(specs(WARM_UP, first=10**5), folder / "warm-up")
    files = specs(count)
    gc.collect()
    start = time.process_time()
    kind(files, folder / "out")
    print(time.process_time() - start)


if __name__ == "__main__":
    main()
