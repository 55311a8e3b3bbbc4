"""Draw docs/states.md from the machine's tables: `python docs/draw.py`. A test fails when the page is out of date."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime_api.protocol.states import CLASSIC, CONCURRENT, SNAPSTART

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGE = Path(__file__).with_name("states.md")

TEXT = """# The states of an execution environment

`make docs` draws this page from the tables in `runtime_api/protocol/states.py`. A call that has no arrow is refused.

## The environment: `PHASES`

{phases}

In concurrent mode one more invocation may begin in phase `invoke`, and with SnapStart there are more phases. In both,
init is never part of an invocation: it begins in `new` and in `cold`, and who waits for
one that fails, fails with it.

## The environment with SnapStart

{snapstart_phases}

## The runtime in classic mode: `RUNTIME`

The process may exit from every state but `absent`, and the platform may stop it in every state but `absent` and
`stopping`; these two moves are left out of the picture. AWS's refusals call the states {names}.

{runtime}

## The runtime with SnapStart

Only what differs from classic mode.

{snapstart}

## The runtime in concurrent mode

{concurrent}

## One invocation in concurrent mode

An answer that has no arrow is refused with 400 InvalidRequestID.

{conversation}
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


def own(
    table: Mapping[Any, Mapping[Any, Any]], classic: Mapping[Any, Mapping[Any, Any]]
) -> dict[Any, dict[Any, Any]]:
    """The rows of a table that are not the same in classic mode."""
    found = {
        state: {move: target for move, target in moves.items() if classic.get(state, {}).get(move) != target}
        for state, moves in table.items()
    }
    return {state: moves for state, moves in found.items() if moves}


def _name(state: str) -> str:
    return str(state).replace(" ", "_")


def page() -> str:
    """The whole page."""
    names = ", ".join(f"{state} {state.aws_name}" for state in CLASSIC.runtime if state.aws_name.lower() != state)
    return TEXT.format(
        phases=diagram(CLASSIC.phases),
        runtime=diagram(CLASSIC.runtime, ALWAYS),
        snapstart_phases=diagram(SNAPSTART.phases),
        snapstart=diagram(own(SNAPSTART.runtime, CLASSIC.runtime), ALWAYS),
        concurrent=diagram(CONCURRENT.runtime, ALWAYS),
        conversation=diagram(CONCURRENT.conversation),
        names=names,
    )


if __name__ == "__main__":
    PAGE.write_text(page())
