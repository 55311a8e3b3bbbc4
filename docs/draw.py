"""Draw docs/states.md out of the machine's tables: `python docs/draw.py`; a test fails when the page is behind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime_api.protocol.states import PHASES, RUNTIME

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGE = Path(__file__).with_name("states.md")

TEXT = """# The states of an execution environment

Drawn from the tables in `runtime_api/protocol/states.py` by `make docs`. What is not drawn is refused.

## The environment: `PHASES`

{phases}

## The runtime: `RUNTIME`

Names are the ones that AWS prints in refusals. From every state but `Absent` the process may exit, and from every
state but `Absent` and `Stopping` it may be stopped; those two moves are left out of the picture.

{runtime}
"""

ALWAYS = ("stop", "exit")


def diagram(table: Mapping[Any, Mapping[Any, Any]], left_out: tuple[str, ...] = ()) -> str:
    """A table as a Mermaid state diagram."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {_name(next(iter(table)))}"]
    for state, moves in table.items():
        for move, target in moves.items():
            if move not in left_out:
                lines.append(f"    {_name(state)} --> {_name(target)}: {move}")
    return "\n".join([*lines, "```"])


def _name(state: str) -> str:
    return str(state).replace(" ", "_")


def page() -> str:
    """The whole page."""
    return TEXT.format(phases=diagram(PHASES), runtime=diagram(RUNTIME, ALWAYS))


if __name__ == "__main__":
    PAGE.write_text(page())
