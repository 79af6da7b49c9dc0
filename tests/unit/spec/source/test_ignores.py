import pytest

from validationrun.spec.source import find_ignores, read


def _ignores(text: str) -> list[tuple[str, list[int]]]:
    """Each code with its lines, counted from 1."""
    result = read(text.encode(), "spec.yaml")
    found = find_ignores(result.documents, result.lines)
    for ignore in found:
        line = result.lines[ignore.span.line]
        assert line[ignore.span.column : ignore.span.end_column] == ignore.code
    return [(ignore.code, sorted(line + 1 for line in ignore.applies_to)) for ignore in found]


@pytest.mark.parametrize(
    "comment",
    ["# validationrun: ignore VR406", "#validationrun:ignore VR406", "#  validationrun:  ignore   VR406 - a reason",
     "# pinned # validationrun: ignore VR406"],
)  # fmt: skip
def test_a_comment_names_the_code_that_it_silences(comment: str):
    assert _ignores(f"a: 1\nb: 2 {comment}\n") == [("VR406", [2])]


@pytest.mark.parametrize("codes", ["VR406, VR407", "VR406,VR407", "VR406 ,VR407"])
def test_a_comment_may_name_several_codes(codes: str):
    assert _ignores(f"a: 1 # validationrun: ignore {codes}\n") == [("VR406", [1]), ("VR407", [1])]


@pytest.mark.parametrize(
    "comment",
    ["# validationrun: VR406", "# validationrun: ignore", "# validationrun: ignore 406", "# validationrun: ignore vr406",
     "# Validationrun: ignore VR406", "# ignore VR406"],
)  # fmt: skip
def test_what_is_not_quite_the_comment_silences_nothing(comment: str):
    assert _ignores(f"a: 1 {comment}\n") == []


@pytest.mark.parametrize(
    "text",
    [
        "a: '# validationrun: ignore VR406'\n",
        'a: "x # validationrun: ignore VR406"\n',
        'a: "x\n  # validationrun: ignore VR406\n  y"\n',
        "a: |\n  x # validationrun: ignore VR406\n",
        "a: >\n  # validationrun: ignore VR406\n\n  y\nb: 1\n",
        "a: |\n  # validationrun: ignore VR406",
        "a: x#validationrun: ignore VR406\n".replace(": i", ":i"),
    ],
)
def test_a_hash_inside_text_is_no_comment(text: str):
    assert _ignores(text) == []


def test_a_comment_on_the_head_line_of_a_block_covers_its_text():
    assert _ignores("a: |- # validationrun: ignore VR554\n  x\n\n  y\nb: 1\n") == [("VR554", [1, 2, 3, 4, 5])]


def test_a_comment_after_a_block_is_a_comment_again():
    assert _ignores("a: |\n  x\nb: 1 # validationrun: ignore VR406\n") == [("VR406", [3])]


def test_a_comment_beside_text_in_quotes_is_a_comment():
    assert _ignores("a: 'x # y' # validationrun: ignore VR406\n") == [("VR406", [1])]


def test_comments_of_several_documents_and_behind_aliases_are_found_once():
    text = "a: &a {b: 1}\nc: [*a, *a] # validationrun: ignore VR406\n---\nd: 1 # validationrun: ignore VR407\n"
    assert _ignores(text) == [("VR406", [2]), ("VR407", [4])]
