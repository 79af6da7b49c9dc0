"""A folder of specs holds neighbours too: rule tests, kustomizations, other objects. Each verb takes what it is for."""

import errno
import os

import pytest

from cli_helpers import call
from emit_helpers import as_yaml, edited, full_run, rules_only

TEST = """\
apiVersion: validation.sei.io/v1alpha1
kind: ValidationRuleTest
spec: run.yaml
tests:
  - name: a chain that stands still fails
    interval: 15s
    input_series: [{series: 'tendermint_consensus_height{chain_id="base"}', values: 2x60}]
    expect: {verdict: Failed, rules: [{name: height, verdict: Failed, reason: ThresholdViolated}]}
"""
KUSTOMIZATION = "resources: [run.yaml]\n"
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: beside}\ndata: {}\n"


@pytest.fixture
def folder(tmp_path):
    """A run, its rule test, and two files that are not of validationrun."""
    folder = tmp_path / "specs"
    folder.mkdir()
    (folder / "run.yaml").write_bytes(as_yaml(full_run()))
    (folder / "run.test.yaml").write_text(TEST)
    (folder / "kustomization.yaml").write_text(KUSTOMIZATION)
    (folder / "map.yaml").write_text(CONFIG_MAP)
    return folder


def test_lint_checks_runs_and_rule_tests_and_passes_the_rest_over(folder):
    result = call("lint", folder)
    assert (result.code, result.out, result.err.splitlines()[0]) == (
        0,
        "",
        "2 files: no findings; 2 others passed over",
    )
    assert call("lint", f"{folder}/*.yaml").err == result.err


def test_lint_shows_what_is_wrong_with_a_rule_test(folder):
    (folder / "run.test.yaml").write_text(TEST.replace("{name: height,", "{name: heigth,"))
    for named in (folder, folder / "run.test.yaml"):
        result = call("lint", named)
        assert result.code == 1
        assert f"{folder}/run.test.yaml:8:" in result.out
        assert '"heigth" is no rule that is judged here' in result.out


def test_a_spec_that_has_an_error_is_told_once(folder):
    """Not again at the rule test that names it, when both are checked together."""
    (folder / "run.yaml").write_bytes(as_yaml(edited(lambda run: run["spec"]["rules"][0]["query"].update(op="=>"))))
    result = call("lint", folder)
    assert (result.code, result.err) == (1, "2 files: 1 error; 2 others passed over\n")
    alone = call("lint", folder / "run.test.yaml")
    assert (alone.code, alone.err) == (1, "1 file: 1 error\n")
    assert "run.yaml has errors" in alone.out


def test_compile_takes_the_runs_of_a_folder(folder, tmp_path):
    result = call("compile", folder, "-o", tmp_path / "out")
    assert result.code == 0, result.err
    assert [path.name for path in (tmp_path / "out").glob("*/*")] == ["nightly"]


def test_compile_takes_the_runs_of_a_file_with_several_documents(folder, tmp_path):
    (folder / "run.yaml").write_bytes(as_yaml(full_run()) + b"\n---\n" + CONFIG_MAP.encode())
    assert call("compile", folder, "-o", tmp_path / "out").code == 0
    assert [path.name for path in (tmp_path / "out").glob("*/*")] == ["nightly"]


def test_its_own_output_may_lie_in_the_folder(folder):
    for _ in range(2):
        assert call("compile", folder, "-o", folder / "generated").code == 0
    assert call("lint", folder).code == 0


def test_explain_takes_the_runs_of_a_folder(folder):
    result = call("explain", folder)
    assert (result.code, result.err) == (0, "")
    assert "nightly" in result.out


def test_a_folder_without_a_run_compiles_to_nothing_and_removes_nothing(folder, tmp_path):
    call("compile", folder, "-o", tmp_path / "out")
    (folder / "run.yaml").unlink()
    result = call("compile", folder, "-o", tmp_path / "out", "--prune")
    assert (result.code, result.err) == (2, f"validationrun: no ValidationRun in {folder}\n")
    assert (tmp_path / "out/eng-ada/nightly/bundle.yaml").exists()


def test_test_takes_the_rule_tests_of_a_folder(folder):
    (folder / "run.test.yaml").write_text(TEST.replace("{name: height,", "{name: heigth,"))
    result = call("test", folder)
    assert (result.code, result.err.splitlines()[-1]) == (2, "validationrun: 1 error; nothing was tested")


@pytest.mark.parametrize(
    ("found", "used", "line"),
    [
        ("validation.sei.io/v1alpha1", "validation.sei.io/v1", 'apiVersion "validation.sei.io/v1" is not known'),
        ("validation.sei.io/v1alpha1", "validation.sei.oi/v1alpha1", "is not known"),
        ("ValidationRun", "ValidatonRun", 'kind "ValidatonRun" is not known'),
        ("kind: ValidationRun", "", "kind is required"),
        ("apiVersion: validation.sei.io/v1alpha1", "", "apiVersion is required"),
    ],
)  # fmt: skip
def test_a_misspelt_run_is_no_neighbour(folder, found, used, line):
    """Nobody may believe that a run was checked that was passed over."""
    text = "apiVersion: validation.sei.io/v1alpha1\nkind: ValidationRun\nmetadata: {name: b, namespace: eng-ada}\nspec: {}\n"
    (folder / "b.yaml").write_text(text.replace(found, used))
    result = call("lint", folder)
    assert result.code == 1
    assert line in result.out


@pytest.mark.parametrize("verb", [("lint",), ("compile", "-o", "out")])
def test_a_file_that_is_named_is_no_neighbour(folder, verb):
    result = call(*verb, folder / "map.yaml")
    assert result.code == 1
    assert 'apiVersion "v1" is not known' in result.out + result.err


def test_compile_says_what_a_rule_test_is_for(folder):
    result = call("compile", folder / "run.test.yaml", "-o", folder / "out")
    assert result.code == 1
    assert "kind ValidationRuleTest is a rule test, which does not compile" in result.err
    assert "`validationrun test` runs it" in result.err


def test_a_run_among_neighbours_is_judged_by_the_verbs_that_take_one(folder):
    """`evaluate` and `submit` find it too; here it gets as far as a Prometheus that is not there."""
    (folder / "run.yaml").write_bytes(as_yaml(rules_only()))
    result = call("evaluate", folder, "--prometheus", "http://127.0.0.1:9", "--results", folder / "results")
    assert (result.code, "Prometheus does not answer" in result.err) == (2, True), result.err


# What a walk through a folder finds beside files and folders.


@pytest.fixture
def parts(tmp_path):
    """A folder of specs with two folders below it, each with a run of its own name."""
    for name in ("a", "b"):
        (tmp_path / "sp" / name).mkdir(parents=True)
        spec = as_yaml(edited(lambda run, name=name: run["metadata"].update(name=name)))
        (tmp_path / "sp" / name / "run.yaml").write_bytes(spec)
    return tmp_path / "sp"


def compiled(out):
    return sorted(path.name for path in out.glob("*/*"))


@pytest.mark.parametrize("verb", ["lint", "explain", "test"])
def test_a_folder_that_cannot_be_read_is_no_empty_one(parts, monkeypatch, verb):
    # Not by permissions: root reads everything.
    deny(monkeypatch, parts / "b")
    result = call(verb, parts)
    assert (result.code, result.err) == (2, f"validationrun: cannot read {parts}/b: Permission denied\n")


def test_a_folder_that_cannot_be_read_costs_no_output(parts, tmp_path, monkeypatch):
    out = tmp_path / "out"
    call("compile", parts, "-o", out)
    deny(monkeypatch, parts / "b")
    result = call("compile", parts, "-o", out, "--prune")
    assert (result.code, result.err) == (2, f"validationrun: cannot read {parts}/b: Permission denied\n")
    assert compiled(out) == ["a", "b"]


def deny(monkeypatch, folder):
    """The folder cannot be listed."""
    scandir = os.scandir

    def denied(path="."):
        if os.fspath(path) == str(folder):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", denied)


@pytest.mark.parametrize("name", ["gone", "gone.yaml"])
def test_a_link_that_leads_nowhere_is_2_as_it_is_by_its_name(parts, name):
    (parts / name).symlink_to("nowhere")
    result = call("lint", parts)
    assert (result.code, result.err) == (2, f"validationrun: cannot read {parts}/{name}: No such file or directory\n")
    assert call("lint", parts / name).err == result.err


def test_a_lock_of_an_editor_is_no_spec(parts):
    """Emacs marks an open file by a link to nowhere beside it."""
    (parts / "a/.#run.yaml").symlink_to("ada@host.42:1764000000")
    assert call("lint", parts).code == 0


def test_a_linked_folder_is_followed(parts, tmp_path):
    (parts / "b").rename(tmp_path / "elsewhere")
    (parts / "b").symlink_to(tmp_path / "elsewhere")
    assert call("compile", parts, "-o", tmp_path / "out").code == 0
    assert compiled(tmp_path / "out") == ["a", "b"]


def test_no_folder_is_read_twice_however_many_links_lead_there(parts):
    """Also none that holds the link itself."""
    (parts / "a/up").symlink_to("..")
    (parts / "a/again").symlink_to("../b")
    (parts / "also-b").symlink_to("b")
    result = call("lint", parts, "-o", "json")
    assert (result.code, result.out) == (0, "[]\n"), result.out
    assert "2 files: no findings" in call("lint", parts).err
