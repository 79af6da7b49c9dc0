"""`validationrun lint`, and what every verb shares: reading specs, usage errors, forms of findings."""

import json

import pytest

from cli_helpers import ROOT, call
from emit_helpers import as_yaml, edited, full_run

NIGHTLY = ROOT / "examples/nightly.yaml"


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "good.yaml"
    path.write_bytes(as_yaml(full_run()))
    return path


@pytest.fixture
def bad(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(
        NIGHTLY.read_text().replace("replicas: 4", "replicas: four").replace("duration: 10m", "duraton: 10m")
    )
    return path


@pytest.fixture
def warned(tmp_path):
    path = tmp_path / "warned.yaml"
    path.write_text(NIGHTLY.read_text().replace("@sha256:" + "2" * 64, ":latest"))
    return path


def test_a_good_spec_is_0_and_says_so_in_one_line():
    result = call("lint", NIGHTLY)
    assert (result.code, result.out, result.err.splitlines()[0]) == (0, "", "1 file: no findings")


def test_findings_are_1_and_each_shows_its_place_and_the_way_out(bad):
    result = call("lint", bad)
    assert result.code == 1
    lines = result.out.splitlines()
    place = next(number for number, line in enumerate(bad.read_text().splitlines(), 1) if "four" in line)
    head = next(index for index, line in enumerate(lines) if "four" in line and "error[VR204]" in line)
    assert lines[head].startswith(f"{bad}:{place}:")
    assert "spec.chain.deployments[0].spec.replicas" in lines[head]
    assert "replicas: four" in lines[head + 1]
    assert lines[head + 2].index("^") == lines[head + 1].index("four")
    assert "= help:" in lines[head + 3]
    assert result.err == "1 file: 2 errors\n"


def test_all_findings_come_at_once(bad):
    codes = [line.split("[")[1][:5] for line in call("lint", bad).out.splitlines() if ": error[" in line]
    assert sorted(codes) == ["VR202", "VR204"]


def test_a_warning_is_0_and_with_strict_1(warned):
    result = call("lint", warned)
    assert result.code == 0
    assert "warning[VR" in result.out
    assert call("lint", warned, "--strict").code == 1
    assert call("lint", NIGHTLY, "--strict").code == 0


def test_json_is_a_list_of_findings_with_their_places(bad):
    result = call("lint", bad, "-o", "json")
    findings = json.loads(result.out)
    assert result.code == 1
    assert result.err == ""
    assert list(findings[0]) == [
        *("code", "severity", "file", "line", "column", "endColumn", "path", "message", "help", "sourceLine")
    ]
    (finding,) = [one for one in findings if one["code"] == "VR204"]
    line = bad.read_text().splitlines()[finding["line"] - 1]
    assert line[finding["column"] - 1 : finding["endColumn"] - 1] == "four"
    assert json.loads(call("lint", NIGHTLY, "-o", "json").out) == []


def test_github_annotations_name_file_line_and_column(bad):
    result = call("lint", bad, "-o", "github")
    assert result.code == 1
    for line in result.out.splitlines():
        assert line.startswith(f"::error file={bad},line=")
        assert ",col=" in line
        assert ",title=VR" in line


def test_a_file_that_is_not_there_is_2():
    result = call("lint", "nowhere.yaml")
    assert (result.code, result.out) == (2, "")
    assert result.err == "validationrun: cannot read nowhere.yaml: No such file or directory\n"


def test_a_file_that_cannot_be_read_is_2():
    # Not by permissions: root reads everything. This one opens, and then fails to be read.
    result = call("lint", "/proc/self/mem")
    assert (result.code, result.err) == (2, "validationrun: cannot read /proc/self/mem: Input/output error\n")


def test_a_folder_is_walked_in_order(tmp_path, good):
    (tmp_path / "sub").mkdir()
    other = tmp_path / "sub/other.yml"
    other.write_bytes(as_yaml(edited(lambda run: run["metadata"].update(name="other"))))
    (tmp_path / "notes.txt").write_text("not yaml: [")
    result = call("lint", tmp_path)
    assert (result.code, result.err.splitlines()[0]) == (0, "2 files: no findings")
    assert good.exists()


def test_a_folder_without_yaml_is_2(tmp_path):
    result = call("lint", tmp_path)
    assert (result.code, result.err) == (2, f"validationrun: no .yaml or .yml file in {tmp_path}\n")


def test_a_glob_is_expanded_and_one_that_matches_nothing_is_2(tmp_path, good):
    assert call("lint", f"{tmp_path}/*.yaml").err.splitlines()[0] == "1 file: no findings"
    assert call("lint", f"{tmp_path}/**/g?od.yaml").code == 0
    result = call("lint", f"{tmp_path}/*.yml")
    assert (result.code, result.err) == (2, f"validationrun: nothing matches {tmp_path}/*.yml\n")
    assert good.exists()


def test_a_file_whose_name_looks_like_a_glob_is_read(tmp_path):
    path = tmp_path / "run[1].yaml"
    path.write_bytes(as_yaml(full_run()))
    assert call("lint", path).code == 0


def test_a_file_that_is_given_twice_is_read_once(good):
    assert call("lint", good, good).err.splitlines()[0] == "1 file: no findings"


@pytest.mark.parametrize("other", ["{parent}/./{name}", "{parent}"])
def test_a_file_that_is_given_in_two_ways_is_read_once(good, other):
    result = call("lint", good, other.format(parent=good.parent, name=good.name))
    assert (result.code, result.err.splitlines()[0]) == (0, "1 file: no findings")


def test_two_runs_of_one_name_are_an_error_that_names_both_files(tmp_path, good):
    copy = tmp_path / "z.yaml"
    copy.write_bytes(good.read_bytes())
    result = call("lint", good, copy)
    assert result.code == 1
    assert f"{copy}:1:" in result.out
    assert f"taken by a run of {good}" in result.out
    assert "VR112" in result.out


def test_a_dash_reads_standard_input():
    result = call("lint", "-", stdin=NIGHTLY.read_bytes())
    assert (result.code, result.err.splitlines()[0]) == (0, "1 file: no findings")
    assert call("lint", "-", stdin=b"a: [").out.startswith("<stdin>:1:")


def test_an_empty_standard_input_is_a_finding():
    result = call("lint", "-", stdin=b"")
    assert result.code == 1
    assert "VR108" in result.out


def test_bytes_that_are_not_utf_8_are_a_finding_with_a_place(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_bytes(b"a: b\nc: \xff\n")
    result = call("lint", path)
    assert result.code == 1
    assert result.out.startswith(f"{path}:2:4: error[VR102]: the file is not UTF-8: byte 0xff")


def test_ten_megabytes_are_refused_without_being_read(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_bytes(b"a: b\n" * 2_000_000)
    result = call("lint", path)
    assert result.code == 1
    assert "VR101" in result.out
    assert len(result.out) < 1000


def test_a_namespace_may_come_from_the_command_line(tmp_path):
    def edit(run):
        del run["metadata"]["namespace"]

    path = tmp_path / "x.yaml"
    path.write_bytes(as_yaml(edited(edit)))
    assert "VR113" in call("lint", path).out
    assert call("lint", path, "-n", "eng-bob").code == 0
    assert "VR114" in call("lint", NIGHTLY, "-n", "eng-bob").out


@pytest.mark.parametrize("verb", ["lint", "compile", "explain"])
def test_no_spec_at_all_is_wrong_usage(verb):
    result = call(verb, *(["-o", "x"] if verb == "compile" else []))
    assert result.code == 2
    assert "SPEC" in result.err


@pytest.mark.parametrize("arguments", [["nonsense"], ["lint", "--nonsense", "x"], ["lint", "x", "-o", "xml"], []])
def test_wrong_usage_is_2(arguments):
    assert call(*arguments).code == 2


def test_only_the_first_findings_are_drawn_and_the_rest_counted(tmp_path):
    path = tmp_path / "x.yaml"
    text = NIGHTLY.read_text() + "".join(f"  x{index}: 1\n" for index in range(250))
    path.write_text(text)
    result = call("lint", path)
    assert result.out.count(": error[") == 200
    assert "... and 50 more; `-o json` prints all" in result.out
    assert len(json.loads(call("lint", path, "-o", "json").out)) == 250


def test_nothing_of_a_file_can_move_the_cursor(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text('kind: "\\e[31m\\u202e"\n"\\e[2J": 1\n')
    out = call("lint", path).out
    assert "\x1b" not in out
    assert "\u202e" not in out


def test_one_equals_sign_is_meant_to_be_two(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_bytes(as_yaml(edited(lambda run: run["spec"]["rules"][0]["query"].update(op="="))))
    assert "help: did you mean ==?" in call("lint", path).out


@pytest.mark.parametrize(
    ("field", "words"),
    [
        (("chain", "deployments", 0, "spec", "updateStrategy"), "help: add `type: InPlace, BlueGreen or HardFork`"),
        (("rules", 0), "help: add `type: query`"),
    ],
)
def test_a_missing_word_is_told_by_what_its_place_allows(tmp_path, field, words):
    """The same key means another thing in another place."""
    run = full_run()
    run["spec"]["chain"]["deployments"][0]["spec"]["updateStrategy"] = {"type": "InPlace"}
    place = run["spec"]
    for part in field:
        place = place[part]
    del place["type"]
    path = tmp_path / "x.yaml"
    path.write_bytes(as_yaml(run))
    assert words in call("lint", path).out


@pytest.mark.parametrize("image", ["registry.example.com/toy/seid:<tag>", "${SEID_IMAGE}", "{{ image }}"])
def test_a_placeholder_in_an_image_is_told_as_one(tmp_path, image):
    def put(run):
        run["spec"]["chain"]["deployments"][1]["spec"]["template"]["spec"]["image"] = image

    path = tmp_path / "x.yaml"
    path.write_bytes(as_yaml(edited(put)))
    out = call("lint", path).out
    assert "did you mean" not in out
    assert "put an image in the place of the placeholder; a run can replace it by `--set image-<name>=IMAGE`" in out


def test_an_ignored_warning_that_an_error_hides_is_not_told(tmp_path):
    """An error keeps images from being looked at; the comment is right once the error is gone."""
    text = as_yaml(full_run()).decode()
    digest = "@sha256:" + "1" * 64
    assert digest in text
    text = text.replace(digest, ":v1", 1).replace('"role": "fullNode"', '\n"role": "fullNode"')
    lines = text.split("\n")
    path = tmp_path / "x.yaml"
    path.write_text("\n".join([lines[0] + " # validationrun: ignore VR406", *lines[1:]]))
    assert (call("lint", path).code, call("lint", path, "--strict").code) == (0, 0)
    path.write_text(path.read_text().replace('"op": ">"', '"op": "=>"'))
    result = call("lint", path)
    assert (result.code, result.err) == (1, "1 file: 1 error\n")


def test_each_rules_blind_tail_is_named_below_the_findings():
    """The last part of the window, as long as the range, may go unseen."""
    result = call("lint", str(ROOT / "examples" / "nightly.yaml"))
    assert "rule height-advances: blind tail: what happens in the last " in result.err
