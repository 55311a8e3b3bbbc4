"""The function's environment variables, from `--env-file` and `--env-var`.

What is malformed may be a secret, or a line of one: messages name its place, and repeat nothing of it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .options import fail

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["read_variables"]


def read_variables(files: Iterable[Path], pairs: Iterable[str]) -> dict[str, str]:
    """Read the files, then the NAME[=VALUE] pairs; the last value of a name counts."""
    variables: dict[str, str] = {}
    for file in files:
        variables.update(_from_file(file))
    for number, pair in enumerate(pairs, 1):
        place = f"--env-var, number {number}"
        name, equals, value = pair.partition("=")
        _check_name(name, place)
        if not equals:
            if name not in os.environ:
                fail(f"{place}: no variable of your environment has this name; give a value with NAME=VALUE")
            value = os.environ[name]
        variables[name] = value
    return variables


def _from_file(file: Path) -> dict[str, str]:
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        fail(f"--env-file {file}: not UTF-8 text; save it as UTF-8")
    except (OSError, ValueError) as error:  # ValueError: a NUL, which is in no file's name
        reason = (getattr(error, "strerror", None) or "cannot be read").lower()
        if "=" in str(file):
            fail(f"--env-file: {reason}; to set a variable with NAME=VALUE, use --env-var")
        fail(f"--env-file {file}: {reason}")
    variables = {}
    for number, line in enumerate(text.split("\n"), 1):  # splitlines() would break lines at U+2028 and others, too
        content = line.strip(" \t\r").removeprefix("export ").lstrip(" \t")
        if not content or content.startswith("#"):
            continue
        place = f"{file}:{number}"
        name, equals, value = content.partition("=")
        if not equals or "\0" in content:
            fail(f"{place}: not NAME=VALUE")
        _check_name(name.rstrip(" \t"), place)
        variables[name.rstrip(" \t")] = _unquoted(value.strip(" \t"))
    return variables


def _unquoted(value: str) -> str:
    for quote in ("'", '"'):
        if len(value) >= 2 and value[0] == value[-1] == quote:
            return value[1:-1]
    return value


def _check_name(name: str, place: str) -> None:
    from runtime_api.service.customer_variables import name_refusal  # a help page is there sooner without these
    from runtime_api.service.variables import reserved_names

    refusal = name_refusal(name)
    if refusal:
        shown = name if name in reserved_names() else "NAME"
        fail(f"{place}: {shown} {refusal}")
