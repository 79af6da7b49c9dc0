"""Any document of a type, made from the type itself: for round trips."""

from typing import Any

import msgspec
from hypothesis import strategies as st

from validationrun.base.document import Document

TEXT = st.text(st.characters(codec="utf-8"), max_size=8)


def any_document(document: type[Document]) -> st.SearchStrategy[Any]:
    """Any value of this type, each of its fields with any value of its own type."""
    return _strategy(msgspec.inspect.type_info(document))


def _strategy(info: msgspec.inspect.Type) -> st.SearchStrategy[Any]:  # noqa: PLR0912 - one return for each kind of type
    match info:
        case msgspec.inspect.StructType() | msgspec.inspect.DataclassType():
            return st.builds(info.cls, **{field.name: _strategy(field.type) for field in info.fields})
        case msgspec.inspect.ListType():
            return st.lists(_strategy(info.item_type), max_size=3)
        case msgspec.inspect.VarTupleType():
            return st.lists(_strategy(info.item_type), max_size=3).map(tuple)
        case msgspec.inspect.DictType():
            return st.dictionaries(_strategy(info.key_type), _strategy(info.value_type), max_size=3)
        case msgspec.inspect.UnionType():
            return st.one_of([_strategy(one) for one in info.types])
        case msgspec.inspect.LiteralType():
            return st.sampled_from(info.values)
        case msgspec.inspect.EnumType():
            return st.sampled_from(info.cls)
        case msgspec.inspect.StrType():
            return st.from_regex(info.pattern, fullmatch=True) if info.pattern else TEXT
        case msgspec.inspect.IntType():
            return st.integers(-(2**53), 2**53)
        case msgspec.inspect.FloatType():
            return st.floats(info.ge, info.le, allow_nan=False, allow_infinity=False)
        case msgspec.inspect.BoolType():
            return st.booleans()
        case msgspec.inspect.NoneType():
            return st.none()
        case msgspec.inspect.Metadata():
            return _strategy(info.type)
        case msgspec.inspect.AnyType():
            return st.none() | st.booleans() | st.integers(-9, 9) | TEXT
    raise AssertionError(f"no strategy for {info}: add one")
