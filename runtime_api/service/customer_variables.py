"""Which environment variables a customer can set on a function."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .patterns import VARIABLE_NAME
from .variables import reserved_names

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["customer_variables", "name_refusal"]


def name_refusal(name: str) -> str | None:
    """Say why a customer cannot set a variable of this name; None when they can."""
    if not re.fullmatch(VARIABLE_NAME, name):
        return "is not a variable name; use letters, digits and _, and begin with a letter"
    if name in reserved_names():
        return "is reserved, Lambda sets it itself; leave it out"
    return None


def customer_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """What RIE passes on of its own environment: all that a customer could have set."""
    return {name: value for name, value in environment.items() if not name.startswith("_")}
