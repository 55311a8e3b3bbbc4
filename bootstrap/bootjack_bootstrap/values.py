"""JSON for Python values that `json` does not know: decimals, named tuples, dates, UUIDs, dataclasses, enums."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["custom_default", "plain", "set_json_default", "write"]


class _Default:
    """The function that a handler has set."""

    function: Callable[[Any], Any] | None = None


def set_json_default(function: Callable[[Any], Any] | None) -> None:
    """Have `function` replace values that JSON cannot express by values that it can; None undoes this.

    It raises TypeError for values that it does not know, as a `default` of `json.dumps` does.
    """
    _Default.function = function


def custom_default() -> Callable[[Any], Any] | None:
    """The function that the handler has set, if any."""
    return _Default.function


def plain(value: Any) -> Any:
    """Replace a value that JSON cannot express by one that it can; TypeError if there is none."""
    if _Default.function is not None:
        return _Default.function(value)
    kind = type(value)
    if isinstance(value, tuple):
        return value._asdict() if hasattr(value, "_asdict") else list(value)
    if kind is bytes:
        return value.decode()
    if hasattr(kind, "__dataclass_fields__"):
        return {name: getattr(value, name) for name in kind.__dataclass_fields__}
    origin = kind.__module__
    if origin == "datetime" and hasattr(value, "isoformat"):
        return value.isoformat()
    if origin == "uuid" and kind.__name__ == "UUID":
        return str(value)
    if "enum" in sys.modules and isinstance(value, sys.modules["enum"].Enum):
        return value.value
    raise TypeError(f"Object of type {kind.__name__} is not JSON serializable")


def write(result: Any, is_ascii: bool) -> str:
    """JSON for a result that may have values of any type."""
    import json

    numbers: list[str] = []

    def default(value: Any) -> Any:
        if type(value).__name__ == "Decimal" and hasattr(value, "is_nan"):
            if value.is_nan():
                return float("nan")
            numbers.append(str(value))
            return f"{_mark()}{len(numbers) - 1};"
        return _with_objects(plain(value))

    text = json.dumps(_with_objects(result), default=default, ensure_ascii=is_ascii)
    return _with_numbers(text, numbers) if numbers else text


def _with_objects(value: Any) -> Any:
    """Replace named tuples by dictionaries, as AWS's own runtime does: `json` writes arrays, without asking."""
    if isinstance(value, dict):
        return {key: _with_objects(inner) for key, inner in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return _with_objects(value._asdict())
    if isinstance(value, (list, tuple)):
        return [_with_objects(inner) for inner in value]
    return value


def _with_numbers(text: str, numbers: list[str]) -> str:
    """Put the decimals where their marks are, digit for digit."""
    import re

    return re.sub(f'"{_mark()}([0-9]+);"', lambda found: numbers[int(found[1])], text)


def _mark() -> str:
    """What stands for a decimal until the text is written; it is random, so that no function can return it."""
    global _random_mark
    if not _random_mark:
        import os

        _random_mark = f"decimal-{os.urandom(16).hex()}-"
    return _random_mark


_random_mark = ""
