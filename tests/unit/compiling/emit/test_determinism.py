"""The same bytes for the same spec: whatever the hash seed, the locale, the time zone, the folder, the Python."""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from emit_helpers import ROOT, as_yaml, compiled, edited, full_run

# Prints the sha256 of everything that compiling the examples gives, in the order of the files' paths.
PROGRAM = """
import hashlib, pathlib, sys
from validationrun.compiling.emit.options import EmitOptions
from validationrun.compiling.pipeline import compile_all
from validationrun.spec.schema import render_schema
files = [(path.name, path.read_bytes()) for path in sorted(pathlib.Path(sys.argv[1]).rglob("*.yaml"))]
result = compile_all(files, EmitOptions())
assert result.ok and result.compiled
digest = hashlib.sha256()
texts = {f"{one.folder}/{file.name}": file.text for one in result.compiled for file in one.files}
for path, text in sorted(texts.items()):
    digest.update(f"{path}\\n{text}".encode())
digest.update(render_schema().encode())
print(digest.hexdigest())
"""


def digest(python=sys.executable, cwd=ROOT, **environment):
    env = {**os.environ, **environment}
    done = subprocess.run(
        [python, "-c", PROGRAM, ROOT / "examples"], cwd=cwd, env=env, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def expected():
    """What lies in generated/ and schemas/, put together in the same way."""
    found = hashlib.sha256()
    paths = {path.relative_to(ROOT / "generated").as_posix(): path for path in (ROOT / "generated").glob("*/*/*")}
    for name, path in sorted(paths.items()):
        found.update(f"{name}\n".encode() + path.read_bytes())
    found.update((ROOT / "schemas/validationrun.schema.json").read_bytes())
    return found.hexdigest()


@pytest.mark.parametrize("seed", ["0", "1", "random"])
def test_the_hash_seed_changes_nothing(seed, expected):
    assert digest(PYTHONHASHSEED=seed) == expected


def test_locale_time_zone_and_folder_change_nothing(expected, tmp_path):
    env = {"LC_ALL": "C", "PYTHONUTF8": "0", "TZ": "Pacific/Kiritimati", "HOME": str(tmp_path), "COLUMNS": "20"}
    assert digest(cwd=tmp_path, **env) == expected


def test_optimised_byte_code_changes_nothing(expected):
    assert digest(PYTHONOPTIMIZE="1") == expected


def _other_pythons():
    """Interpreters besides this one in which the package can be imported."""
    names = [f"python3.{minor}" for minor in range(11, 16)]
    found = [shutil.which(name) for name in names]
    found += [str(path) for path in pathlib.Path.home().glob(".pyenv/versions/3.*/bin/python3")]
    # VALIDATIONRUN_PYTHONS: further ones, as in PATH; for example of environments with an installed wheel.
    found += os.environ.get("VALIDATIONRUN_PYTHONS", "").split(os.pathsep)
    this = pathlib.Path(sys.executable).resolve()
    for python in sorted({one for one in found if one and pathlib.Path(one).resolve() != this}):
        done = subprocess.run(
            [python, "-c", "import validationrun.compiling.pipeline, hera"], capture_output=True, check=False, cwd="/"
        )
        if done.returncode == 0:
            yield python


def test_every_other_python_that_has_the_package_gives_the_same_bytes(expected):
    assert {python: digest(python) for python in _other_pythons()} == dict.fromkeys(_other_pythons(), expected)


def test_the_order_of_keys_in_the_spec_shows_only_where_the_user_gave_it():
    def turned(value):
        if isinstance(value, dict):
            return {key: turned(value[key]) for key in reversed(value)}
        return [turned(item) for item in value] if isinstance(value, list) else value

    assert compiled(turned(full_run())).text == compiled(full_run()).text


def test_the_form_of_the_yaml_shows_nowhere():
    written = as_yaml(full_run())
    assert compiled(b"# comment\n---\n" + written + b"\n...\n").text == compiled(full_run()).text


def test_a_duration_in_other_units_shows_nowhere():
    other = edited(lambda run: run["spec"].update(timeouts={"chainReady": "1200s"}))
    assert compiled(other).text == compiled(full_run()).text


def test_compiling_one_run_leaves_no_trace_in_the_next():
    first = compiled(full_run()).text
    compiled(edited(lambda run: run["metadata"].update(name="other")))
    assert compiled(full_run()).text == first
