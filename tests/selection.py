"""Test modules of which `-m` selects nothing, told by their text: reading them takes each worker seconds.

Marks stand in the test modules themselves, as `pytest.mark.NAME`.
"""

from __future__ import annotations

import re

__all__ = ["may_hold"]


def may_hold(source: str, expression: str) -> bool:
    """Return whether a module with this source may hold a test that `-m EXPRESSION` selects: NAME or `not NAME`."""
    if found := re.fullmatch(r"not (\w+)", expression):
        return not re.search(rf"^pytestmark = .*\bmark\.{found[1]}\b", source, re.MULTILINE)
    if re.fullmatch(r"\w+", expression):
        return re.search(rf"\bmark\.{expression}\b", source) is not None
    return True
