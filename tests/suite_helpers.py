"""Building a suite and compiling it in memory. For the tests of plan/, emit/ and cli/."""

from typing import Any

from emit_helpers import FILE, Edit, Output, as_yaml, full_run, rules_only
from validationrun.compiling.emit.options import EmitOptions
from validationrun.compiling.pipeline import CompileResult, compile_all
from validationrun.compiling.plan.suite import SuitePlan


def entry(name: str, **fields: Any) -> dict[str, Any]:
    """An entry with a run inside, one on a chain that exists."""
    return {"name": name, "spec": rules_only()["spec"], **fields}


def loaded(name: str, **fields: Any) -> dict[str, Any]:
    """An entry with a run inside that brings a chain up and has a load."""
    return {"name": name, "spec": full_run()["spec"], **fields}


def suite(*runs: dict[str, Any], name: str = "gate", **fields: Any) -> dict[str, Any]:
    return {
        "apiVersion": "validation.sei.io/v1alpha1",
        "kind": "ValidationSuite",
        "metadata": {"name": name, "namespace": "eng-ada"},
        "spec": {"runs": list(runs), **fields},
    }


def edited_suite(edit: Edit, *runs: dict[str, Any], **fields: Any) -> dict[str, Any]:
    document = suite(*runs, **fields)
    edit(document)
    return document


def compile_documents(*documents: dict[str, Any], **options: Any) -> CompileResult:
    content = b"\n---\n".join(as_yaml(document) for document in documents)
    return compile_all([(FILE, content)], EmitOptions(**options))


def compiled_suite(*documents: dict[str, Any], **options: Any) -> tuple[SuitePlan, Output]:
    """The only suite among the documents, and its folder."""
    result = compile_documents(*documents, **options)
    assert result.ok, [(found.path, found.message) for found in result.diagnostics]
    (one,) = [compiled for compiled in result.compiled if isinstance(compiled.plan, SuitePlan)]
    plan = one.plan
    assert isinstance(plan, SuitePlan)
    return plan, Output(plan, {file.name: file.text for file in one.files})  # type: ignore[arg-type]


def codes(*documents: dict[str, Any], **options: Any) -> list[tuple[str, str]]:
    """Code and path of each error."""
    result = compile_documents(*documents, **options)
    return [(found.code, found.path) for found in result.diagnostics if found.severity.value == "error"]
