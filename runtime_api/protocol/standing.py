"""Who makes a call, and the state that the call meets: what a trace shows beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .extension_states import ExtensionState

if TYPE_CHECKING:
    from .extensions import Extensions
    from .runtime import RuntimeMachine
    from .states import RuntimeState

__all__ = ["Standing", "extension_standing", "runtime_standing"]


class Standing(NamedTuple):
    """A caller and its state."""

    who: str  # runtime, or extension NAME
    state: RuntimeState | ExtensionState


def runtime_standing(runtime: RuntimeMachine, request_id: str) -> Standing:
    """The runtime's state, or that of its conversation about this request where it has several."""
    return Standing("runtime", runtime.state_of(request_id))


def extension_standing(extensions: Extensions, identifier: str, name: str) -> Standing:
    """The state of the extension that has this identifier, or else this name."""
    extension = extensions.identified(identifier) if identifier else extensions.by_name.get(name)
    if extension is None:
        return Standing(f"extension {name}".rstrip(), ExtensionState.STARTED)
    return Standing(f"extension {extension.name}", extension.state)
