"""Every document of `contract/` is read back as it was written, fits its schema, and is refused when a value is of another type."""

import json

import hypothesis
import jsonschema
import pytest
from hypothesis import strategies as st

from document_kit import any_document
from validationrun.base.document import DocumentError
from validationrun.contract.record_key import MemoryRecord
from validationrun.contract.record_keys import RECORD_KEYS
from validationrun.contract.schemas import DOCUMENTS, schemas
from validationrun.contract.suite_record import SUITE_KEYS, MemberEntry

VALIDATORS = {name: jsonschema.Draft202012Validator(schema) for name, schema in schemas().items()}

each_key = pytest.mark.parametrize("key", RECORD_KEYS, ids=lambda key: key.key)


@each_key
@hypothesis.given(data=st.data())
@hypothesis.settings(max_examples=30, deadline=None)
def test_a_key_of_the_record_is_read_back_as_it_was_written(key, data):
    document = data.draw(any_document(key))
    text = document.to_json()
    assert key.from_json(text) == document == key.from_data(json.loads(text))
    assert key.from_json(text).to_json() == text
    VALIDATORS["run-record.schema.json"].validate({key.key: json.loads(text)})
    assert MemoryRecord(document).get(key) == document


@each_key
@hypothesis.given(data=st.data())
@hypothesis.settings(max_examples=10, deadline=None)
def test_a_value_of_another_type_is_refused_by_reader_and_schema(key, data):
    good = json.loads(data.draw(any_document(key)).to_json())
    field = data.draw(st.sampled_from(sorted(good)))
    bad = {**good, field: {"unknown": [1.5]} if not isinstance(good[field], dict) else 7}
    with pytest.raises(DocumentError, match=rf"^{key.__name__}: .*`\$\.{field}"):
        key.from_json(json.dumps(bad))
    assert not VALIDATORS["run-record.schema.json"].is_valid({key.key: bad})


SUITE_RECORD = {**SUITE_KEYS, "member.upgrade": MemberEntry}


@pytest.mark.parametrize("key", SUITE_RECORD)
@hypothesis.given(data=st.data())
@hypothesis.settings(max_examples=10, deadline=None)
def test_a_key_of_the_suite_record_is_read_back_as_it_was_written(key, data):
    document = data.draw(any_document(SUITE_RECORD[key]))
    text = document.to_json()
    assert SUITE_RECORD[key].from_json(text) == document
    VALIDATORS["suite-record.schema.json"].validate({key: json.loads(text)})
    assert not VALIDATORS["suite-record.schema.json"].is_valid({key: 7})


each_document = pytest.mark.parametrize("name", DOCUMENTS)


@each_document
@hypothesis.given(data=st.data())
@hypothesis.settings(max_examples=30, deadline=None)
def test_a_document_is_read_back_as_it_was_written(name, data):
    document = data.draw(any_document(DOCUMENTS[name]))
    text = document.to_json()
    assert DOCUMENTS[name].from_json(text) == document == DOCUMENTS[name].from_data(json.loads(text))
    assert DOCUMENTS[name].from_json(text).to_json() == text
    VALIDATORS[name].validate(json.loads(text))


@each_document
@hypothesis.given(data=st.data())
@hypothesis.settings(max_examples=10, deadline=None)
def test_a_document_with_a_value_of_another_type_is_refused(name, data):
    good = json.loads(data.draw(any_document(DOCUMENTS[name])).to_json())
    field = data.draw(st.sampled_from(sorted(good)))
    bad = {**good, field: {"unknown": [1.5]} if not isinstance(good[field], dict) else 7}
    with pytest.raises(DocumentError, match=rf"`\$\.{field}"):
        DOCUMENTS[name].from_json(json.dumps(bad))
    assert not VALIDATORS[name].is_valid(bad)


def test_each_key_has_a_name_of_its_own():
    names = [key.key for key in RECORD_KEYS]
    assert len(set(names)) == len(names) == len({key.__name__ for key in RECORD_KEYS})


@pytest.mark.parametrize("name", VALIDATORS)
def test_a_schema_is_valid(name):
    jsonschema.Draft202012Validator.check_schema(VALIDATORS[name].schema)
