"""Plays the driver of a conversation: compares each step with a script and sends the script's result back in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from bootjack_bootstrap.steps import Connect, ReceiveInto, Send, Sleep

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bootjack_bootstrap.steps import Conversation, Step

__all__ = ["ADDRESS", "CONNECTED", "Throw", "advance", "play", "shown"]

T = TypeVar("T")
ADDRESS = (2, 1, 6, "", ("127.0.0.1", 9001))
CONNECTED: list[tuple[object, object]] = [("Resolve", [ADDRESS]), (("Connect", ADDRESS), None)]


class Throw:
    """A result that is an exception in the driver."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


def shown(step: Step) -> object:
    """A step as scripts name it: Send by its bytes, the others by their class, with an argument that matters."""
    if isinstance(step, Send):
        return bytes(step.data)
    name = type(step).__name__
    if isinstance(step, Connect):
        return name, step.address
    if isinstance(step, Sleep):
        return name, step.seconds
    if isinstance(step, ReceiveInto):
        return name, len(step.view)
    return name


def play(conversation: Conversation[T], script: Iterable[tuple[object, object]]) -> T:
    """Drive a conversation to its end; its result. A step that is not in the script fails."""
    try:
        step = advance(conversation, script)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    raise AssertionError(f"the script has ended, but the conversation goes on with {shown(step)!r}")


def advance(conversation: Conversation[Any], script: Iterable[tuple[object, object]]) -> Any:
    """Drive a conversation through a script; the step that follows.

    Bytes for ReceiveInto are written to its buffer.
    """
    resume: Any = conversation.send
    result: object = None
    for expected, answer in script:
        step = resume(result)
        assert shown(step) == expected
        resume, result = conversation.send, answer
        if isinstance(answer, Throw):
            resume, result = conversation.throw, answer.error
        elif isinstance(step, ReceiveInto):
            assert isinstance(answer, bytes)
            step.view[: len(answer)] = answer
            result = len(answer)
    return resume(result)
