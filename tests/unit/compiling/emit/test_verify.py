"""verify(): each way in which a template can be broken is found."""

import json

import pytest

from emit_helpers import compiled, full_run
from validationrun.compiling.emit.options import EmitOptions
from validationrun.compiling.emit.verify import EmitError, verify


@pytest.fixture
def broken():
    output = compiled(full_run())
    return json.loads(json.dumps(output.template)), output.plan


def one(template, name):
    return next(found for found in template["spec"]["templates"] if found["name"] == name)


def set_in(template, text):
    template["metadata"]["annotations"]["x"] = text


BREAKS = {
    "not unique": lambda t: t["spec"]["templates"].append(dict(one(t, "load-job"))),
    "not a legal name": lambda t: t["metadata"].update(name="Nightly"),
    "is not a legal name": lambda t: t["metadata"].update(name="n" * 64),
    "'-x' is not a legal name": lambda t: one(t, "finalize").update(name="-x"),
    "are not the planned": lambda t: t["spec"]["templates"].remove(one(t, "load-job")),
    "not the planned": lambda t: t["spec"]["templates"].append({"name": "extra"}),
    r"absent: \['nowhere'\]": lambda t: t["spec"].update(onExit="nowhere"),
    r"absent: \['gone'\]": lambda t: one(t, "main")["dag"]["tasks"][0].update(template="gone"),
    "characters": lambda t: set_in(t, "x" * 270_000),
    "not closed": lambda t: t["metadata"]["labels"].update(x="{{ workflow.name"),
    "that is not closed": lambda t: t["metadata"]["labels"].update(x="{{workflow.name}} {{"),
    # At the end of its mapping the text meets JSON's own braces.
    "is no tag": lambda t: set_in(t, "{{ workflow.name"),
    "inputs.parameters.x}} is no tag": lambda t: set_in(t, "{{inputs.parameters.x}}"),
    "workflow.status}} is no tag": lambda t: set_in(t, "{{ workflow.status }}"),
    "is no tag of ours": lambda t: set_in(t, "{{=sprig.env('HOME')}}"),
    "names no parameter": lambda t: set_in(t, "{{workflow.parameters.image-nobody}}"),
}


@pytest.mark.parametrize("message", BREAKS)
def test_a_broken_template_is_refused(message, broken):
    template, plan = broken
    verify(template, plan)
    BREAKS[message](template)
    with pytest.raises(EmitError, match=message):
        verify(template, plan)


def test_nested_braces_are_not_mistaken_for_a_closed_tag(broken):
    template, plan = broken
    set_in(template, "{{ {{workflow.name}} }}")
    with pytest.raises(EmitError):
        verify(template, plan)


def test_every_template_is_verified_before_it_is_written(monkeypatch):
    from validationrun.compiling.emit import files

    plan = compiled(full_run()).plan
    monkeypatch.setattr(files, "verify", lambda template, plan: pytest.fail("verified"))
    with pytest.raises(pytest.fail.Exception, match="verified"):
        files.emit(plan, EmitOptions())
