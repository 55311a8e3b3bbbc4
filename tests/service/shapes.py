"""Values that fit botocore's model, for property tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from botocore.model import Shape

__all__ = ["values"]

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
VISIBLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)  # fits into a header
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "double": st.floats(0, 1),
    "blob": st.binary(min_size=1, max_size=50),
    "timestamp": st.integers(0, 2**31).map(lambda second: datetime.fromtimestamp(second, UTC)),
}
DEPTH = 4  # some shapes contain themselves


def values(shape: Shape, depth: int = DEPTH, *, plain: bool = False) -> st.SearchStrategy[Any]:
    """Values of a shape, whether or not they keep its constraints; `plain` text fits into a header."""
    if shape.type_name == "structure":
        return _structures(shape, depth)
    if shape.type_name == "list":
        return st.lists(values(shape.member, depth - 1, plain=plain), max_size=3 if depth else 0)
    if shape.type_name == "map":
        return st.dictionaries(TEXT, values(shape.value, depth - 1), max_size=3 if depth else 0)
    if shape.type_name == "string":
        return st.sampled_from(shape.enum) if getattr(shape, "enum", None) else VISIBLE if plain else TEXT
    if shape.type_name in ("integer", "long"):
        return st.integers(0, 2**31 - 1)
    return SCALARS[shape.type_name]


def _structures(shape: Any, depth: int) -> st.SearchStrategy[dict[str, Any]]:
    members = {
        name: values(member, depth - 1, plain="location" in member.serialization)
        for name, member in shape.members.items()
        if depth or name in shape.required_members
    }
    needed = {name: strategy for name, strategy in members.items() if name in shape.required_members}
    more = {name: strategy for name, strategy in members.items() if name not in needed}
    return st.fixed_dictionaries(needed, optional=more)
