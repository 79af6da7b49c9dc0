"""The wheel and the source distribution: built offline, and complete without the checkout."""

import email
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest

from emit_helpers import ROOT

IGNORED = shutil.ignore_patterns(".*", "build", "dist", "__pycache__", "judge", "node_modules")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A copy of the tree, built by the backend that is installed here: no network, no isolation."""
    folder = tmp_path_factory.mktemp("build")
    tree = folder / "tree"
    shutil.copytree(ROOT, tree, ignore=IGNORED)
    env = {**os.environ, "PIP_NO_INDEX": "1", "SOURCE_DATE_EPOCH": "1700000000"}
    subprocess.run([sys.executable, "-m", "hatchling", "build"], cwd=tree, env=env, check=True, capture_output=True)
    (wheel,) = tree.glob("dist/*.whl")
    (sdist,) = tree.glob("dist/*.tar.gz")
    return shutil.copy(wheel, folder), shutil.copy(sdist, folder)


def data_files():
    """What the package reads at run time, as it lies in the checkout."""
    return {
        f"{kind}/{path.relative_to(ROOT / kind).as_posix()}"
        for kind in ("templates", "schemas")
        for path in (ROOT / kind).rglob("*")
        if path.is_file()
    }


def test_the_wheel_carries_every_module_and_all_data_and_nothing_else(built):
    with zipfile.ZipFile(built[0]) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    modules = {
        path.relative_to(ROOT / "compiler").as_posix() for path in (ROOT / "compiler/validationrun").rglob("*.py")
    }
    data = {f"validationrun/_data/{name}" for name in data_files()}
    assert names == modules | data | {"validationrun/py.typed"}


def test_the_wheel_installs_both_programs(built):
    with zipfile.ZipFile(built[0]) as wheel:
        (name,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
        points = wheel.read(name).decode()
    assert "validationrun = validationrun.cli:main" in points
    assert "kubectl-validationrun = validationrun.cli:main" in points


def test_the_wheel_says_whose_it_is_and_under_which_license(built):
    with zipfile.ZipFile(built[0]) as wheel:
        (name,) = [name for name in wheel.namelist() if name.endswith("/METADATA")]
        metadata = email.message_from_bytes(wheel.read(name))
        license_text = wheel.read(f"{name.removesuffix('METADATA')}licenses/LICENSE")
    assert metadata["License-Expression"] == "Apache-2.0"
    assert license_text == (ROOT / "LICENSE").read_bytes()
    assert metadata["Author"] == "validationrun maintainers"
    assert "Typing :: Typed" in metadata.get_all("Classifier")


def test_the_source_distribution_has_all_pages_and_folders(built):
    with tarfile.open(built[1]) as sdist:
        top = {name.split("/")[1] for name in sdist.getnames()}
    seen = [path.name for path in ROOT.iterdir()]
    assert top - {"PKG-INFO", ".gitignore"} == set(seen) - IGNORED(ROOT, seen) - {"validation-results"}


def test_the_source_distribution_can_build_the_wheel_again(built, tmp_path):
    with tarfile.open(built[1]) as sdist:
        sdist.extractall(tmp_path, filter="data")
    (tree,) = tmp_path.iterdir()
    for name in data_files():
        assert (tree / name).is_file()
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel"]
    subprocess.run(command, cwd=tree, check=True, capture_output=True)
    (again,) = tree.glob("dist/*.whl")
    with zipfile.ZipFile(again) as one, zipfile.ZipFile(built[0]) as other:
        assert sorted(one.namelist()) == sorted(other.namelist())


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    target = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "--no-index"]
    subprocess.run([*command, "--target", target, built[0]], check=True, capture_output=True)
    return target


def run_installed(target, *arguments, stdin=b""):
    """The installed package in a folder far from the checkout; its dependencies come from this environment."""
    env = {**os.environ, "PYTHONPATH": str(target)}
    command = [sys.executable, "-m", "validationrun", *arguments]
    return subprocess.run(command, cwd="/", env=env, input=stdin, capture_output=True, check=False)


def test_the_installed_package_is_the_one_that_runs(installed):
    code = "import validationrun, validationrun.base.resources as r; print(validationrun.__file__); print(r.data_folder('templates'))"
    env = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run([sys.executable, "-c", code], cwd="/", env=env, capture_output=True, check=True, text=True)
    module, templates = map(pathlib.Path, done.stdout.splitlines())
    assert module == installed / "validationrun/__init__.py"
    assert templates == installed / "validationrun/_data/templates"


def test_every_verb_works_from_the_wheel(installed, tmp_path):
    spec = run_installed(installed, "init", "nightly")
    assert (spec.returncode, spec.stderr) == (0, b"")
    linted = run_installed(installed, "lint", "-", stdin=spec.stdout)
    assert (linted.returncode, linted.stderr.splitlines()[0]) == (0, b"1 file: no findings")
    compiled = run_installed(installed, "compile", "-", "-o", str(tmp_path), stdin=spec.stdout)
    assert compiled.returncode == 0
    assert len(list(tmp_path.rglob("*.yaml"))) == 6
    assert run_installed(installed, "explain", "-", stdin=spec.stdout).stdout.startswith(b"ValidationRun nightly")
    assert run_installed(installed, "schema").stdout == (ROOT / "schemas/validationrun.schema.json").read_bytes()


def test_a_broken_installation_says_what_it_lacks(installed, tmp_path):
    shutil.copytree(installed, tmp_path / "broken")
    shutil.rmtree(tmp_path / "broken/validationrun/_data")
    done = run_installed(tmp_path / "broken", "init")
    assert done.returncode == 70
    assert b"the installation lacks its templates" in done.stderr
