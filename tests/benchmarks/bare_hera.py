"""
The baseline of `compile`: what a script with bare Hera and libyaml does at least to write the same files.

The script reads each spec with libyaml, checks nothing, fills the spec's values into the objects of a pattern, builds the
WorkflowTemplate through Hera's models, hashes spec and bundle, and writes every file with libyaml. The pattern is the compiler's
own output for another spec, read before the clock starts, so the baseline follows every change of the output by itself;
`run.py` asserts that each file has the content that the compiler writes.
"""

import functools
import hashlib
import json
import pathlib
from dataclasses import dataclass
from typing import Any

import yaml
from hera.workflows import WorkflowTemplate
from specs import spec, token

PATTERN = 987_654
"""The number of the pattern's spec; no spec that is measured has it."""

SPEC_HASH, BUNDLE_HASH = "validation.sei.io/spec-hash", "validation.sei.io/bundle-hash"
HASH_IN_NAME = 8


@dataclass(frozen=True)
class Pattern:
    """
    The compiler's output for one spec.

    Attributes:
        heads: file name -> the comment lines at its top.
        spec: the spec with every default, which the spec hash is taken of.
        files: file name -> the file's objects, without the bundle's data.
        data: the bundle's data; what is YAML or JSON itself is parsed.
        spec_hash, bundle_hash: as they stand in `files` and `data`.
    """

    heads: dict[str, str]
    spec: dict[str, Any]
    files: dict[str, list[dict[str, Any]]]
    data: dict[str, Any]
    spec_hash: str
    bundle_hash: str


def load(text: str | bytes) -> Any:
    return yaml.load(text, Loader=yaml.CSafeLoader)


def dump(value: Any) -> str:
    text: str = yaml.dump(value, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=10**6)
    return text


def digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def comment_lines(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if line.startswith("#"))


@functools.cache
def pattern() -> Pattern:
    from validationrun.compiling.emit.options import EmitOptions
    from validationrun.compiling.pipeline import compile_all, lint_all

    source = [("pattern.yaml", spec(PATTERN).encode())]
    texts = {file.name: file.text for file in compile_all(source, EmitOptions()).compiled[0].files}
    files = {name: list(yaml.load_all(text, Loader=yaml.CSafeLoader)) for name, text in texts.items()}
    bundle = files["bundle.yaml"][0]
    data = bundle.pop("data")
    hashes = bundle["metadata"]["annotations"]
    return Pattern(
        heads={name: comment_lines(text) for name, text in texts.items()},
        spec=lint_all(source).runs[0].run.spec.model_dump(mode="json", by_alias=True, exclude_none=True),
        files=files,
        data={key: text if key.startswith("config.") else load(text) for key, text in data.items()},
        spec_hash=hashes[SPEC_HASH],
        bundle_hash=hashes[BUNDLE_HASH],
    )


def fill(value: Any, *pairs: tuple[str, str]) -> Any:
    """A copy in which each pair's first text is replaced by its second, in keys and strings at any depth."""
    if isinstance(value, str):
        for old, new in pairs:
            value = value.replace(old, new)
        return value
    if isinstance(value, dict):
        return {fill(key, *pairs): fill(item, *pairs) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, *pairs) for item in value]
    return value


def as_text(key: str, value: Any) -> str:
    """One entry of the bundle's data."""
    if isinstance(value, str):
        return value
    return json.dumps(value, indent=2) + "\n" if key.endswith(".json") else dump(value)


def compile_spec(content: bytes, out: pathlib.Path) -> None:
    document, base = load(content), pattern()
    namespace, name = document["metadata"]["namespace"], document["metadata"]["name"]
    number = (token(PATTERN), document["spec"]["load"]["workload"]["env"][0]["value"])
    spec_hash = (base.spec_hash, digest(fill(base.spec, number)))
    data = {key: as_text(key, value) for key, value in fill(base.data, number, spec_hash).items()}
    bundle_hash = digest(data)
    short_hash = (base.bundle_hash[:HASH_IN_NAME], bundle_hash[:HASH_IN_NAME])
    files = fill(base.files, number, spec_hash, (base.bundle_hash, bundle_hash), short_hash)
    files["bundle.yaml"][0]["data"] = data
    files["workflowtemplate.yaml"] = [WorkflowTemplate.from_dict(files["workflowtemplate.yaml"][0]).to_dict()]
    folder = out / namespace / name
    folder.mkdir(parents=True, exist_ok=True)
    heads = fill(base.heads, number)
    for file, documents in files.items():
        (folder / file).write_text(heads[file] + "---\n".join(dump(value) for value in documents), "utf-8")


def compile_files(files: list[tuple[str, bytes]], out: pathlib.Path) -> None:
    for _, content in files:
        compile_spec(content, out)
