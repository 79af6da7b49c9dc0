"""Findings that a single fixture cannot show: they need an option, several files, or a large input."""

from emit_helpers import as_yaml, compile_one, edited, full_run, rules_only
from helpers import shown
from suite_helpers import compile_documents, loaded, suite
from validationrun.compiling.emit.options import EmitOptions
from validationrun.compiling.pipeline import emit_all, lint, lint_all
from validationrun.spec.findings import Finding, Severity


def test_a_namespace_that_contradicts_the_option_is_an_error():
    text = b"apiVersion: validation.sei.io/v1alpha1\n" + as_yaml(rules_only()).replace(b"{", b"{\n", 1)
    (finding,) = lint(text.split(b"\n", 1)[1], "spec.yaml", namespace="eng-bob").diagnostics
    assert finding.code == "VR114"
    assert finding.path == "metadata.namespace"
    assert finding.message == "metadata.namespace is eng-ada, but --namespace says eng-bob"
    assert finding.source_line[finding.span.column : finding.span.end_column] == '"eng-ada"'


def test_a_namespace_equal_to_the_option_is_fine():
    assert lint(as_yaml(rules_only()), "spec.yaml", namespace="eng-ada").diagnostics == []


def test_the_option_names_the_namespace_of_a_run_that_has_none():
    run = edited(lambda run: run["metadata"].pop("namespace"), rules_only)
    result = lint(as_yaml(run), "spec.yaml", namespace="eng-bob")
    assert result.ok
    assert result.runs[0].run.metadata.namespace == "eng-bob"


def test_two_files_with_one_name_and_namespace_are_an_error_in_the_second():
    spec = as_yaml(rules_only())
    result = lint_all([("a.yaml", spec), ("b.yaml", spec)])
    (finding,) = result.diagnostics
    assert (finding.code, finding.file, finding.path) == ("VR112", "b.yaml", "metadata.name")
    assert "taken by a run of a.yaml" in shown(result.diagnostics)
    assert [linted.file for linted in result.runs] == ["a.yaml"]


def test_one_name_in_two_namespaces_is_fine():
    other = edited(lambda run: run["metadata"].update(namespace="eng-bob"), rules_only)
    assert lint_all([("a.yaml", as_yaml(rules_only())), ("b.yaml", as_yaml(other))]).diagnostics == []


def _with_file(size: int):
    files = {"data.txt": "x" * size}
    return edited(lambda run: run["spec"]["load"]["workload"].update(config={"files": files}), full_run)


def test_a_bundle_over_900_kib_is_an_error_without_output():
    result = compile_one(_with_file(900 * 1024))
    (finding,) = [one for one in result.diagnostics if one.severity is Severity.ERROR]
    assert (finding.code, finding.path) == ("VR601", "spec.load.workload.config.files")
    assert result.compiled == []


def test_a_bundle_over_240_kib_is_a_warning():
    result = compile_one(_with_file(240 * 1024))
    assert [one.severity for one in result.diagnostics if one.code == "VR602"] == [Severity.WARNING]
    assert len(result.compiled) == 1


def test_a_bundle_under_240_kib_is_fine():
    assert not {one.code for one in compile_one(_with_file(200 * 1024)).diagnostics} & {"VR601", "VR602"}


def _suite_of_long_values(length: int):
    runs = loaded("a", matrix={"duration": [f"{seconds}s" for seconds in range(90, 154)]})
    deployments = runs["spec"]["chain"]["deployments"]
    deployments += [{**deployments[-1], "name": f"rpc-{number}"} for number in range(6)]
    image = f"registry.example.com/{'a' * length}@sha256:{'0' * 64}"
    runs["parameters"] = {f"image-{deployment['name']}": image for deployment in deployments}
    return suite(runs)


def test_the_bundle_of_a_suite_over_512_kib_is_an_error_without_output():
    """The file is small: each value stands 64 times in the bundle, once for each run."""
    document = _suite_of_long_values(370)
    result = compile_documents(document)
    (finding,) = [found for found in result.diagnostics if found.severity is Severity.ERROR]
    assert (finding.code, finding.path) == ("VR718", "spec.runs")
    assert "at most 512 KiB fit" in finding.message
    assert result.compiled == []
    assert "VR718" in {found.code for found in lint_all([("a.yaml", as_yaml(document))]).diagnostics}


def test_the_bundle_of_a_suite_under_512_kib_is_fine():
    assert compile_documents(_suite_of_long_values(100)).ok


def test_lint_tells_sizes_that_come_from_placeholders_and_aliases_too():
    """The source of each is far below the bounds; only the finished bundle is not."""

    def many_nodes(run):
        run["spec"]["chain"]["deployments"][1]["spec"]["replicas"] = 100
        run["spec"]["load"]["workload"]["config"] = {"files": {"urls": "${evmEndpointsJson}\n" * 20}}

    def many_urls(run):
        run["spec"]["chain"] = {
            "chainId": "pacific-1",
            "endpoints": {"rpc": [f"http://{'a' * 60}-{i}:1" for i in range(64)]},
        }
        run["spec"]["load"]["workload"]["config"] = {"files": {"urls": "${rpcEndpoints}\n" * 60}}

    sources = [as_yaml(edited(edit, full_run)) for edit in (many_nodes, many_urls)]
    text = as_yaml(
        edited(lambda run: run["spec"]["load"]["workload"].update(config={"files": {"a": "@@"}}), full_run)
    ).decode()
    aliases = f'&text "{"x" * 60_000}"' + "".join(f', "f{i}": *text' for i in range(5))
    sources.append(text.replace('"@@"', aliases).encode())
    for source in sources:
        assert len(source) < 80_000
        assert "VR602" in {one.code for one in lint_all([("a.yaml", source)]).diagnostics}


def test_a_missing_namespace_does_not_hide_other_findings():
    def edit(run):
        del run["metadata"]["namespace"]
        run["spec"]["timeouts"] = {"runDuration": "1s"}

    codes = [one.code for one in lint(as_yaml(edited(edit, full_run)), "a.yaml").diagnostics]
    assert {"VR113", "VR404"} <= set(codes)


def test_an_error_found_while_emitting_keeps_everything_back(monkeypatch):
    """Lint foresees sizes by the default options; others, such as a long cluster domain, can make a bundle larger."""
    too_large = Finding("VR601", ("spec",), "too large", "shrink it")
    linted = lint_all([("a.yaml", as_yaml(full_run()))])
    monkeypatch.setattr("validationrun.compiling.emit.files.size_findings", lambda bundle: [too_large])
    result = emit_all(linted, EmitOptions())
    assert result.compiled == []
    assert "VR601" in {one.code for one in result.diagnostics}


def _looked_at(document):
    """The names of the runs for which `lint` asks somebody else."""
    seen = []
    lint(as_yaml(document), "a.yaml", look=lambda run: seen.append(run.metadata.name) or ())
    return seen


def _broken_entries():
    """A run whose fields are wrong, and a run whose fields contradict each other."""
    wrong, contradicting = loaded("wrong"), loaded("contradicting")
    wrong["spec"]["load"]["duration"] = "ten minutes"
    contradicting["spec"]["timeouts"] = {"runDuration": "1s"}
    return wrong, contradicting


def test_an_error_in_a_run_of_a_suite_keeps_no_other_run_from_being_looked_up():
    for broken in _broken_entries():
        assert _looked_at(suite(loaded("first"), broken, loaded("last"))) == ["gate-first", "gate-last"]


def test_a_run_inside_a_suite_with_an_error_of_its_own_is_not_looked_up():
    document = suite(loaded("first"), loaded("last"), maxParallel=2)
    assert _looked_at(document) == []
    del document["metadata"]["namespace"], document["spec"]["maxParallel"]
    assert _looked_at(document) == []


def test_an_error_in_a_run_of_a_suite_does_not_hide_that_another_one_is_too_large():
    large = loaded("large")
    large["spec"]["load"]["workload"]["config"] = {"files": {"data.txt": "x" * 900 * 1024}}
    for broken in _broken_entries():
        codes = {found.code for found in lint(as_yaml(suite(broken, large)), "a.yaml").diagnostics}
        assert "VR601" in codes
        assert codes & {"VR207", "VR404"}
