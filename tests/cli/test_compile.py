"""`validationrun compile`: what is written, compared, removed, and left alone."""

import shutil

import pytest

from cli_helpers import ROOT, call
from emit_helpers import alert_rule, as_yaml, edited, full_run
from suite_helpers import entry, suite

EXAMPLES = ROOT / "examples"


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_bytes(as_yaml(full_run()))
    return path


@pytest.fixture
def shared_spec(tmp_path):
    """The same run with a rule of another namespace, and so one file more."""
    path = tmp_path / "spec.yaml"
    path.write_bytes(as_yaml(edited(lambda run: run["spec"]["rules"].append(alert_rule()))))
    return path


@pytest.fixture
def other(tmp_path):
    path = tmp_path / "other.yaml"
    path.write_bytes(as_yaml(edited(lambda run: run["metadata"].update(name="other"))))
    return path


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def tree(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def stamps(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


FILES = ["access-cluster.yaml", "access.yaml", "bundle.yaml", "kustomization.yaml", "workflowtemplate.yaml"]


def test_the_first_run_creates_the_files_and_says_which(spec, out):
    result = call("compile", spec, "-o", out)
    assert result.code == 0
    assert sorted(tree(out)) == [f"eng-ada/nightly/{name}" for name in FILES]
    assert result.out.splitlines() == [f"created: {out}/eng-ada/nightly/{name}" for name in FILES]
    assert f"1 run compiled to {out}: 5 files changed" in result.err


def test_the_second_run_changes_nothing_and_touches_nothing(spec, out):
    call("compile", spec, "-o", out)
    before = stamps(out)
    result = call("compile", spec, "-o", out)
    assert (result.code, result.out) == (0, "")
    assert result.err.endswith(f"1 run compiled to {out}: nothing changed\n")
    assert stamps(out) == before


def test_a_change_of_the_spec_changes_the_files_it_must(spec, out):
    call("compile", spec, "-o", out)
    spec.write_bytes(as_yaml(edited(lambda run: run["spec"]["load"].update(duration="11m"))))
    result = call("compile", spec, "-o", out)
    assert result.out.splitlines() == [
        f"changed: {out}/eng-ada/nightly/bundle.yaml",
        f"changed: {out}/eng-ada/nightly/workflowtemplate.yaml",
    ]


def test_standard_input_and_a_namespace_from_outside(out):
    def edit(run):
        del run["metadata"]["namespace"]

    result = call("compile", "-", "-o", out, "-n", "eng-bob", stdin=as_yaml(edited(edit)))
    assert result.code == 0
    assert (out / "eng-bob/nightly/bundle.yaml").is_file()


def test_files_can_be_read_by_everyone_and_nothing_is_left_beside_them(spec, out):
    call("compile", spec, "-o", out)
    assert {path.stat().st_mode & 0o777 for path in out.rglob("*.yaml")} == {0o644}
    assert not list(out.rglob(".*"))


def test_an_error_in_any_spec_and_nothing_is_written(spec, out, tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_bytes(as_yaml(edited(lambda run: run["spec"].update(cleanup="Sometimes"))))
    result = call("compile", spec, bad, "-o", out)
    assert result.code == 1
    assert not out.exists()
    assert "VR203" in result.err
    # Both files hold a run of one name, which an error elsewhere does not hide.
    assert "VR112" in result.err
    assert result.err.endswith("2 files: 2 errors; nothing was written\n")
    assert result.out == ""


def test_an_error_that_is_found_while_compiling_writes_nothing_either(spec, out, tmp_path):
    def edit(run):
        run["metadata"]["name"] = "big"
        run["spec"]["load"]["workload"]["config"] = {"files": {"a": "x" * 930_000}}

    big = tmp_path / "big.yaml"
    big.write_bytes(as_yaml(edited(edit)))
    result = call("compile", spec, big, "-o", out)
    assert result.code == 1
    assert "VR601" in result.err
    assert not out.exists()


def test_strict_writes_nothing_for_a_warning(out, tmp_path):
    path = tmp_path / "warned.yaml"
    path.write_text((EXAMPLES / "nightly.yaml").read_text().replace("@sha256:" + "2" * 64, ":v1"))
    assert call("compile", path, "-o", out, "--strict").code == 1
    assert not out.exists()
    result = call("compile", path, "-o", out)
    assert result.code == 0
    assert "warning[VR" in result.err


@pytest.mark.parametrize(("form", "start"), [("json", "["), ("github", "::warning file=")])
def test_findings_may_be_json_or_annotations(out, tmp_path, form, start):
    path = tmp_path / "warned.yaml"
    path.write_text((EXAMPLES / "nightly.yaml").read_text().replace("@sha256:" + "2" * 64, ":v1"))
    result = call("compile", path, "-o", out, "--findings", form)
    assert result.err.startswith(start)


# --check


@pytest.fixture
def committed(spec, out):
    call("compile", spec, "-o", out)
    return out


def check(spec, out, *options):
    before = tree(out) if out.exists() else {}
    result = call("compile", spec, "-o", out, "--check", *options)
    assert (tree(out) if out.exists() else {}) == before, "--check writes nothing"
    return result


def test_check_is_clean_after_compile(spec, committed):
    result = check(spec, committed)
    assert (result.code, result.out) == (0, "")
    assert result.err == f"1 run in {committed}: up to date\n"


def test_each_kind_is_counted(tmp_path, out):
    """A suite is no run, and the runs inside it are."""
    path = tmp_path / "suite.yaml"
    path.write_bytes(b"\n---\n".join(map(as_yaml, (suite(entry("first"), entry("second")), full_run()))))
    assert f"3 runs, 1 suite compiled to {out}: " in call("compile", path, "-o", out).err
    assert check(path, out).err.endswith(f"3 runs, 1 suite in {out}: up to date\n")


@pytest.mark.parametrize("name", FILES)
def test_check_catches_an_edit_of_one_byte(spec, committed, name):
    path = committed / "eng-ada/nightly" / name
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(bytes(content))
    result = check(spec, committed)
    assert result.code == 1
    lines = result.out.splitlines()
    assert lines[0] == f"stale: {path}"
    assert any(line.startswith("  -") for line in lines)
    assert any(line.startswith("  +") for line in lines)
    assert "run the same command without --check" in result.err


def test_check_catches_an_edit_of_the_header(spec, committed):
    path = committed / "eng-ada/nightly/bundle.yaml"
    path.write_text(path.read_text().replace("DO NOT EDIT", "DO EDIT"))
    assert check(spec, committed).out.startswith(f"stale: {path}")


def test_check_catches_other_line_ends(spec, committed):
    path = committed / "eng-ada/nightly/access.yaml"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    result = check(spec, committed)
    assert result.code == 1
    assert "(they differ in line ends only)" in result.out


def test_check_catches_a_deleted_file(spec, committed):
    path = committed / "eng-ada/nightly/access.yaml"
    path.unlink()
    result = check(spec, committed)
    assert (result.code, result.out) == (1, f"missing: {path}\n")
    assert result.err.startswith("1 file of")


def test_check_catches_a_folder_that_was_never_made(spec, out):
    result = check(spec, out)
    assert result.code == 1
    assert result.out.count("missing: ") == 5
    assert not out.exists()


def test_check_catches_an_orphan(spec, other, committed):
    call("compile", other, "-o", committed)
    result = check(spec, committed)
    assert result.code == 1
    assert result.out.splitlines() == [f"orphaned: {committed}/eng-ada/other/{name}" for name in FILES]


def test_check_catches_a_file_that_the_run_no_longer_needs(shared_spec, out):
    call("compile", shared_spec, "-o", out)
    shared_spec.write_bytes(as_yaml(full_run()))
    call("compile", shared_spec, "-o", out)
    assert not (out / "eng-ada/nightly/access-shared.yaml").exists()
    left = out / "eng-ada/nightly/access-shared.yaml"
    left.write_text("# Code generated by validationrun from eng-ada/nightly. DO NOT EDIT.\n# format: 1\n")
    result = check(shared_spec, out)
    assert (result.code, result.out) == (1, f"orphaned: {left}\n")


def test_check_with_other_options_is_stale(spec, committed):
    result = check(spec, committed, "--no-label")
    assert result.code == 1
    assert f"orphaned: {committed}/eng-ada/nightly/access-cluster.yaml" in result.out


def test_check_leaves_foreign_files_alone(spec, committed):
    (committed / "eng-ada/nightly/notes.yaml").write_text("a: b\n")
    (committed / "README.md").write_text("mine\n")
    assert check(spec, committed).code == 0


def test_a_long_diff_is_cut_and_says_by_how_much(spec, committed):
    path = committed / "eng-ada/nightly/workflowtemplate.yaml"
    path.write_text("".join(f"line {number}\n" for number in range(500)))
    result = check(spec, committed)
    assert len(result.out.splitlines()) < 70
    assert "more lines" in result.out


def test_the_committed_examples_are_fresh():
    result = call("compile", EXAMPLES, "-o", ROOT / "generated", "--check")
    assert result.code == 0


# Removing.


def test_the_output_of_another_run_is_left_and_named(spec, other, committed):
    call("compile", other, "-o", committed)
    result = call("compile", spec, "-o", committed)
    assert result.code == 0
    assert "left as they are (eng-ada/other); --prune removes them" in result.err
    assert (committed / "eng-ada/other/bundle.yaml").exists()


def test_prune_removes_files_and_empty_folders_of_runs_that_are_gone(spec, other, committed):
    call("compile", other, "-o", committed)
    (committed / "eng-ada/mine.yaml").write_text("a: b\n")
    result = call("compile", spec, "-o", committed, "--prune")
    assert result.out.splitlines() == [f"removed: {committed}/eng-ada/other/{name}" for name in FILES]
    assert not (committed / "eng-ada/other").exists()
    assert (committed / "eng-ada/mine.yaml").exists()


def test_prune_removes_no_file_without_our_header(spec, other, committed):
    call("compile", other, "-o", committed)
    mine = committed / "eng-ada/other/mine.yaml"
    mine.write_text("# not generated\n")
    call("compile", spec, "-o", committed, "--prune")
    assert tree(committed / "eng-ada/other") == {"mine.yaml": b"# not generated\n"}


def test_prune_removes_an_empty_namespace_but_never_the_folder_itself(tmp_path, spec, out):
    elsewhere = tmp_path / "e.yaml"
    elsewhere.write_bytes(as_yaml(edited(lambda run: run["metadata"].update(namespace="eng-bob"))))
    call("compile", elsewhere, "-o", out)
    call("compile", spec, "-o", out, "--prune")
    assert [path.name for path in out.iterdir()] == ["eng-ada"]


def test_a_file_that_the_run_no_longer_needs_is_removed(shared_spec, out):
    call("compile", shared_spec, "-o", out)
    assert (out / "eng-ada/nightly/access-shared.yaml").exists()
    shared_spec.write_bytes(as_yaml(full_run()))
    result = call("compile", shared_spec, "-o", out)
    assert f"removed: {out}/eng-ada/nightly/access-shared.yaml" in result.out


def test_a_copy_of_the_output_somewhere_below_is_no_output_of_this_folder(tmp_path, spec):
    """With `-o .` the folder may hold other output folders, whose files are none of ours to remove."""
    call("compile", spec, "-o", tmp_path / "generated")
    before = tree(tmp_path / "generated")
    result = call("compile", spec, "-o", tmp_path)
    assert result.code == 0
    assert "left as they are" not in result.err
    assert call("compile", spec, "-o", tmp_path, "--check").code == 0
    assert call("compile", spec, "-o", tmp_path, "--prune").out == ""
    assert tree(tmp_path / "generated") == before


def test_prune_leaves_a_copy_that_compile_did_not_write(spec, other, committed):
    """Of a run's files only those in OUT/<namespace>/<name>/, and none behind a link."""
    call("compile", other, "-o", committed.parent / "elsewhere")
    shutil.copytree(committed / "eng-ada/nightly", committed / "eng-ada/backup")
    (committed / "eng-ada/other").symlink_to(committed.parent / "elsewhere/eng-ada/other")
    before = tree(committed.parent)
    assert call("compile", spec, "-o", committed, "--prune").out == ""
    assert tree(committed.parent) == before


def test_prune_finds_the_output_of_suites_and_schedules(spec, out):
    assert call("compile", EXAMPLES, "-o", out).code == 0
    assert call("compile", spec, "-o", out, "--prune").code == 0
    assert {path.parent.relative_to(out).as_posix() for path in out.rglob("*.yaml")} == {"eng-ada/nightly"}


# What is refused.


@pytest.mark.parametrize("name", FILES)
def test_a_foreign_file_is_never_overwritten_and_then_nothing_is_written(spec, out, name):
    path = out / "eng-ada/nightly" / name
    path.parent.mkdir(parents=True)
    path.write_text("mine: true\n")
    result = call("compile", spec, "-o", out)
    assert result.code == 2
    assert f"{path}: is there and was not generated by validationrun" in result.err
    assert tree(out) == {f"eng-ada/nightly/{name}": b"mine: true\n"}


def test_a_folder_that_cannot_be_written_is_2(spec):
    # Not by permissions: root writes everywhere else.
    result = call("compile", spec, "-o", "/proc/nowhere")
    assert result.code == 2
    assert result.err == "validationrun: /proc/nowhere: No such file or directory\n"


@pytest.mark.parametrize("place", ["", "eng-ada", "eng-ada/nightly", "eng-ada/nightly/bundle.yaml"])
def test_something_else_in_the_way_is_2(spec, out, place):
    """A file where a folder must be, or a folder where a file must be."""
    path = out / place
    if place.endswith(".yaml"):
        path.mkdir(parents=True)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    for option in ([], ["--check"]):
        result = call("compile", spec, "-o", out, *option)
        assert result.code == 2, result
        assert result.err.startswith("validationrun: ")
        assert "Traceback" not in result.err


def test_a_write_that_fails_leaves_no_half_file(spec, out, monkeypatch):
    import pathlib

    def fail(self, target):
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(pathlib.Path, "replace", fail)
    result = call("compile", spec, "-o", out)
    assert result.code == 2
    assert "No space left on device" in result.err
    assert tree(out) == {}


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--runner-image", "not an image"),
        ("--runner-image", "{{workflow.name}}"),
        ("--instance-id", "a b"),
        ("--priority-class", "High_Priority"),
        ("--cluster-domain", "cluster.local/"),
        ("--cluster-domain", "x\n"),
        ("--settle", "61s"),
        ("--settle", "1.5s"),
    ],
)
def test_an_option_that_does_not_fit_its_place_is_2(spec, out, option, value):
    result = call("compile", spec, "-o", out, option, value)
    assert result.code == 2
    assert result.err.startswith(f"validationrun: {option} must be ")
    assert not out.exists()


def test_options_that_fit_shape_the_output(spec, out):
    result = call(
        *("compile", spec, "-o", out, "--runner-image", "localhost:5000/runner:v1", "--instance-id", "a"),
        *("--priority-class", "high", "--cluster-domain", "cluster.local", "--no-label", "--no-executor-patch"),
        *("--settle", "1m"),
    )
    assert result.code == 0
    files = tree(out / "eng-ada/nightly")
    template = files["workflowtemplate.yaml"].decode()
    assert "value: localhost:5000/runner:v1" in template
    assert "podPriorityClassName: high" in template
    assert 'VALIDATION_SETTLE\n        value: "60"' in template
    assert "controller-instanceid: a" in template
    # The grace period of finalize is no patch of Argo's containers.
    assert template.count("podSpecPatch") == template.count("terminationGracePeriodSeconds: 300") == 1
    assert "access-cluster.yaml" not in files
    assert b".eng-ada.svc.cluster.local:26657" in files["bundle.yaml"]


def test_an_empty_runner_image_is_the_default(spec, out):
    assert call("compile", spec, "-o", out, "--runner-image", "").code == 0
    assert "validationrun-runner:v1" in (out / "eng-ada/nightly/workflowtemplate.yaml").read_text()


def test_an_empty_output_folder_is_not_the_folder_that_one_stands_in(spec, tmp_path, monkeypatch):
    """As of a variable that is not set: `--prune` would look for orphans in the wrong folder."""
    monkeypatch.chdir(tmp_path)
    result = call("compile", spec, "-o", "", "--prune")
    assert (result.code, result.err) == (2, "validationrun: --out must name a folder; got an empty text\n")
    assert [path.name for path in tmp_path.iterdir()] == ["spec.yaml"]


def test_a_missing_output_folder_is_wrong_usage(spec):
    result = call("compile", spec)
    assert result.code == 2
    assert "--out" in result.err


def test_several_documents_of_one_file_become_several_folders(tmp_path, out):
    path = tmp_path / "two.yaml"
    second = edited(lambda run: run["metadata"].update(name="other"))
    path.write_bytes(as_yaml(full_run()) + b"\n---\n" + as_yaml(second) + b"\n")
    assert call("compile", path, "-o", out).code == 0
    assert sorted(path.name for path in (out / "eng-ada").iterdir()) == ["nightly", "other"]


def test_a_folder_of_output_is_no_folder_of_specs(committed):
    """Pointing lint at generated/ by mistake is refused: nothing there was checked."""
    result = call("lint", committed)
    assert result.code == 2
    assert f"no ValidationRun and no rule test in {committed}" in result.err


def test_shutil_copy_of_a_whole_tree_is_fresh(spec, committed, tmp_path):
    shutil.copytree(committed, tmp_path / "copy")
    assert check(spec, tmp_path / "copy").code == 0


def test_a_lock_that_no_run_has_is_a_mistake(spec, out):
    done = call("compile", spec, "-o", out, "--lock", "image-rpcs")
    assert done.code == 2
    assert "--lock: no run has the parameter image-rpcs; nothing was written" in done.err
    assert not out.exists()


def test_a_lock_of_a_name_that_no_template_could_have_is_refused(spec, out):
    done = call("compile", spec, "-o", out, "--lock", "durations")
    assert done.code == 2
    assert "--lock: there is no parameter 'durations'; there are chain-id, duration," in done.err


def test_several_locks_add_up(spec, out):
    assert call("compile", spec, "-o", out, "--lock", "duration,chain-id", "--lock", "image-rpc").code == 0
    text = (out / "eng-ada" / "nightly" / "workflowtemplate.yaml").read_text()
    assert "workflow.parameters.image-validators" in text
    for name in ("duration", "chain-id", "image-rpc"):
        assert f"workflow.parameters.{name}}}" not in text


@pytest.mark.parametrize("url", ["ftp://x", "http://user:word@x", "http://x?a={{word}}", "http://x?a=b#word", ""])
def test_a_url_that_is_no_prometheus_is_refused(spec, out, url):
    done = call("compile", spec, "-o", out, "--prometheus-url", url)
    assert done.code == 2
    assert "--prometheus-url must be an http or https URL" in done.err
    assert "user" not in done.err


def test_a_url_whose_parameters_ask_another_question_is_refused(spec, out):
    done = call("compile", spec, "-o", out, "--prometheus-url", "http://x?namespace=a&query=1")
    assert done.code == 2
    assert "--prometheus-url cannot be used: the URL of Prometheus must not set 'query'" in done.err
    assert not out.exists()


def test_the_compiled_prometheus_stands_in_the_bundle(spec, out):
    assert call("compile", spec, "-o", out, "--prometheus-url", "https://prometheus.example.com/tenant/").code == 0
    text = (out / "eng-ada" / "nightly" / "bundle.yaml").read_text()
    assert '"prometheusUrl": "https://prometheus.example.com/tenant"' in text


def test_the_parameters_of_the_compiled_prometheus_stand_in_the_bundle(spec, out):
    assert call("compile", spec, "-o", out, "--prometheus-url", "http://p:9090/?namespace=eng-ada&dedup=true").code == 0
    text = (out / "eng-ada" / "nightly" / "bundle.yaml").read_text()
    assert '"prometheusUrl": "http://p:9090/?namespace=eng-ada&dedup=true"' in text
