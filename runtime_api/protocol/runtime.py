"""What the runtime may call now: the Runtime API's side of one process.

Theory. `RuntimeMachine` is classic mode: the process has one invocation in hand, and its own state is the state of
that invocation's answer. `ConcurrentRuntime` keeps a conversation for each request id instead, so that answers come
in any order. Both refuse with values and change nothing when they refuse; only `EnvironmentMachine` drives them.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from .errors import INVALID_REQUEST_ID, MisuseError, invalid_transition
from .states import Move, RuntimeState, Tables

if TYPE_CHECKING:
    from .errors import Refusal
    from .events import Call

__all__ = ["ConcurrentRuntime", "RuntimeMachine"]

# What a refused call would have moved to, for the text of the refusal.
_WANTED = {
    Move.NEXT: RuntimeState.READY,
    Move.RESPONSE: RuntimeState.RECEIVING_RESPONSE,
    Move.BAD_MODE: RuntimeState.RECEIVING_RESPONSE,
    Move.ERROR: RuntimeState.RECEIVING_ERROR,
    Move.INIT_ERROR: RuntimeState.INIT_ERROR,
    Move.RESTORE_NEXT: RuntimeState.RESTORE_READY,
    Move.RESTORE_ERROR: RuntimeState.RESTORE_ERROR,
}
_AWAITING_EXIT = frozenset(
    {
        RuntimeState.INIT_ERROR,
        RuntimeState.RESTORE_ERROR,
        RuntimeState.STUCK_RESPONSE,
        RuntimeState.STUCK_ERROR,
    }
)
_DELIVER = Move.DELIVER  # looking an enum's member up costs 0.12 us on Python 3.11, a module's global a twelfth


class RuntimeMachine:
    """One runtime process that works on one invocation at a time."""

    def __init__(self, tables: Tables) -> None:
        self.state = RuntimeState.ABSENT
        self.parked: deque[Call] = deque()  # calls of /next or /restore/next that wait, the longest waiting first
        self._rows = tables.runtime

    def __repr__(self) -> str:
        return f"runtime {self.state}, {len(self.parked)} parked"

    @property
    def awaits_exit(self) -> bool:
        """Whether the runtime has failed in a way that leaves it nothing but to exit."""
        return self.state in _AWAITING_EXIT

    def state_of(self, request_id: str) -> RuntimeState:
        """The state that a call about this request meets; without a request, the process's own."""
        return self.state

    def move(self, move: Move) -> None:
        """Make a move that the platform decides on; MisuseError when the table does not have it."""
        after = self._rows[self.state].get(move)
        if after is None:
            raise MisuseError(f"{move!r} does not follow in {self!r}")
        self.state = after

    def ask(self, move: Move) -> Refusal | None:
        """Make the move that a call of the runtime asks for, or say why not."""
        after = self._rows[self.state].get(move)
        if after is None:
            return invalid_transition(self.state, _WANTED[move])
        self.state = after
        return None

    def begin(self, request_id: str) -> None:
        """An invocation has begun; its event has not been delivered."""

    def deliver(self, request_id: str) -> None:
        """The event of this invocation has been handed to a parked call."""
        self.move(_DELIVER)

    def answer(self, request_id: str, move: Move) -> Refusal | None:
        """The head of an answer to this invocation has come: move, or say why not."""
        return self.ask(move)

    def finish(self, request_id: str, move: Move) -> RuntimeState:
        """The body of an answer has ended in this way; gives the state it was received in."""
        before = self.state
        self.move(move)
        return before

    def is_done_with(self, request_id: str) -> bool:
        """Whether an answered invocation is over at once; here it is over when the runtime is back in /next."""
        return False

    def end(self, request_id: str) -> None:
        """The invocation is over."""

    def unpark(self) -> list[Call]:
        """Forget the parked calls, and give them."""
        calls = list(self.parked)
        self.parked.clear()
        return calls


class ConcurrentRuntime(RuntimeMachine):
    """One runtime process that works on several invocations at once (spec 5).

    After init there is no state machine of 403s: an answer that fits no conversation is 400 InvalidRequestID.
    """

    def __init__(self, tables: Tables) -> None:
        super().__init__(tables)
        self._conversation_rows = tables.conversation
        self.conversations: dict[str, RuntimeState] = {}

    def __repr__(self) -> str:
        return f"{super().__repr__()}, conversations {self.conversations}"

    def state_of(self, request_id: str) -> RuntimeState:
        return self.conversations.get(request_id, self.state)

    def begin(self, request_id: str) -> None:
        self.conversations[request_id] = RuntimeState.READY

    def deliver(self, request_id: str) -> None:
        self.finish(request_id, _DELIVER)

    def answer(self, request_id: str, move: Move) -> Refusal | None:
        after = self._after(request_id, move)
        if after is None:
            return INVALID_REQUEST_ID
        self.conversations[request_id] = after
        return None

    def finish(self, request_id: str, move: Move) -> RuntimeState:
        before, after = self.conversations[request_id], self._after(request_id, move)
        if after is None:
            raise MisuseError(f"{move!r} of {request_id} does not follow in {self!r}")
        self.conversations[request_id] = after
        return before

    def is_done_with(self, request_id: str) -> bool:
        return self.conversations[request_id] is RuntimeState.RESPONSE_SENT

    def end(self, request_id: str) -> None:
        del self.conversations[request_id]

    def _after(self, request_id: str, move: Move) -> RuntimeState | None:
        return self._conversation_rows.get(self.conversations[request_id], {}).get(move)
