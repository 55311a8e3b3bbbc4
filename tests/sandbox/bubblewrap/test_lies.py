"""A supervisor in a function's hands: it lies, floods, and does not end by itself. Only its own sandbox suffers."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from runtime_api.protocol.events import ExitStatus
from runtime_api.sandbox.bubblewrap import enclosure
from runtime_api.sandbox.bubblewrap.enclosure import Plan
from runtime_api.sandbox.network import Network
from runtime_api.sandbox.processes.memory import tree
from tests.sandbox.bubblewrap.test_control import open_files
from tests.sandbox.watch import run, until, watching

pytestmark = pytest.mark.only("bubblewrap")

# In the place of the supervisor: it reports that it is up, takes the first order, and does its worst. It has left the
# process group of bwrap, and does not end when the server hangs up.
HOSTILE = """
import marshal, posix as os
from _socket import SCM_RIGHTS, SOL_SOCKET

def main(control, *_given):
    os.setsid()
    control.send(b"up")
    control.recv(1 << 20)
    pipe, _ = os.pipe()
    many = [(SOL_SOCKET, SCM_RIGHTS, pipe.to_bytes(4, "little") * 253)]
    def say(packet, rights=()):
        try:
            control.sendmsg([packet], rights)
        except OSError:
            pass
    {lie}
    while True:
        pass
"""
LIES = {
    "it ended before it started": 'say(b"ended 1 0 0")',
    "it started, says the supervisor": 'say(b"started 1")',
    "it started, says a grandchild": """
    if not os.fork():
        if not os.fork():
            say(b"started 1")
        while True:
            pass
""",
    "an error that there is not": 'say(b"refused 1 4096 0")',
    "another one was killed": 'say(b"ended 2 9 0")',
    "a signal that there is not": 'say(b"ended 1 127 0")',
    "it is up again": 'say(b"up")',
    "nonsense": 'say(b"nonsense")',
    "nonsense for ever": 'while True: say(b"nonsense")',
    "descriptors for ever": 'while True: say(b"refused 1 2 0", many)',
    "descriptors with what may bring some": 'say(b"up", many)',
    "a socket that nobody has asked for": 'say(b"socket")',
    "a packet without end": 'say(b"x" * 100000)',
}
INSIDE, INSIDE_6 = "127.0.0.1", "::1"
KILLED = b"bootjack: killed the sandbox, because its first process reported what cannot be true: "


@pytest.fixture
def honest(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> pytest.MonkeyPatch:
    """Make supervisors hostile, until this is undone."""
    name = f"{enclosure.__package__}.supervisor"
    code = compile(HOSTILE.format(lie=LIES[request.param]), "hostile", "exec")
    (rights, _) = enclosure._program_code()
    monkeypatch.setattr(enclosure, "_program_code", lambda: [rights, (name, code)])
    return monkeypatch


@pytest.mark.parametrize("honest", LIES, indirect=True)
def test_a_sandbox_that_lies_is_killed_and_no_other_one(tmp_path: Path, honest: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with watching(tmp_path) as hostile:
            honest.undo()
            async with watching(tmp_path) as other:
                other.shell("echo up; exec sleep 60")
                await other.says(b"up")
                hostile.shell("echo never")
                history = await hostile.ended()
                assert KILLED in history.output
                assert b"never" not in history.output
                await until(lambda: len(tree(os.getpid())) == 3)
                other.sandbox.signal("p", signal.SIGKILL)
                assert (await other.ended()).end.status == ExitStatus(None, signal.SIGKILL)
            hostile.events.clear()
            hostile.shell("echo again")
            assert (await hostile.ended()).output == b"again\n"
        assert not tree(os.getpid())

    before = open_files()
    run(main())
    assert open_files() == before


@pytest.mark.parametrize(
    ("network", "addresses", "agreed"),
    [
        (Network.HOST, [], True),
        (Network.HOST, [(INSIDE, 9001)], False),
        (Network.NONE, [(INSIDE, 9001)], True),
        (Network.NONE, [(INSIDE, 9001), (INSIDE, 4566), (INSIDE_6, 4566)], True),
        (Network.NONE, [(INSIDE_6, 9001)], False),
        (Network.NONE, [(INSIDE, 9001), (INSIDE, 9001)], False),
        (Network.NONE, [(INSIDE, 9001), (INSIDE, 80)], False),
        (Network.NONE, [("10.0.2.100", 9001)], False),
    ],
)
def test_only_the_listeners_that_were_ordered_are_taken(
    network: Network, addresses: list[tuple[str, int]], agreed: bool
) -> None:
    plan = Plan((), Path("/usr/bin/python3"), None, network, (4566,))
    assert plan.agrees_with(addresses) is agreed
