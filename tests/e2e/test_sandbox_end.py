"""Ctrl-C and SIGTERM while a sandbox is tried, built, used or taken down leave nothing of it."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from runtime_api.sandbox.bubblewrap.bwrap import find_bwrap
from runtime_api.sandbox.processes.memory import tree
from tests.commands.functions import write_bootstrap, zipped
from tests.e2e.inside import control_groups, exists, processes_inside, state, until
from tests.e2e.running import RUNTIMES, SECONDS, Serve, bootjack, end, start

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.bubblewrap]

SIGNALS = [signal.SIGINT, signal.SIGTERM]
INVOKE = ("invoke", "--sandbox", "bubblewrap")
STEPS = 5
AT_ONCE_S = 8.0  # less than OPEN_S and PROBE_S, after which the command ends without a signal, too
HANG = '{"do": "hang", "text": ""}'

# Waits at a gate, either when bwrap is tried or when a sandbox is to be built.
SLOW_BWRAP = """#!/bin/sh
case "$* " in
    *"/bin/sh -c : ") now=probe ;;
    *) now=build ;;
esac
[ $now = {when} ] && : > {gate.parent}/here && read -r nothing < {gate}
exec {bwrap} "$@"
"""

# Stops the command that wants a sandbox built.
STOPPING_BWRAP = """#!/bin/sh
case "$* " in
    *"/bin/sh -c : ") ;;
    *) kill -STOP $PPID ;;
esac
exec {bwrap} "$@"
"""


def signalled(process: subprocess.Popen[bytes], number: int, seconds: float = SECONDS) -> None:
    """Send the signal; the command ends as it should and removes what it has made."""
    process.send_signal(number)
    ended = end(process, seconds=seconds)
    assert ended.code in (128 + number, -number), ended
    if ended.code > 0:  # Python had already reached our own code
        assert "/runtime_api/" not in ended.err  # in a traceback
    assert not control_groups(process.pid)


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize(("verb", "when"), [("invoke", "probe"), ("invoke", "build"), ("serve", "probe")])
def test_a_command_that_waits_for_bwrap_ends_at_once(tmp_path: Path, number: int, verb: str, when: str) -> None:
    gate, bwrap = tmp_path / "gate", tmp_path / "bwrap"
    os.mkfifo(gate)
    bwrap.write_text(SLOW_BWRAP.format(when=when, gate=gate, bwrap=find_bwrap()))
    bwrap.chmod(0o755)
    variables = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    process = start(verb, "--sandbox", "bubblewrap", "app.handler", cwd=RUNTIMES, env=variables)
    until((tmp_path / "here").exists, "bwrap runs")
    signalled(process, number, AT_ONCE_S)


def test_a_command_that_is_killed_while_bwrap_waits_for_it_leaves_nothing(tmp_path: Path) -> None:
    """bwrap waits for its users to be mapped by a command that is stopped, and then killed."""
    bwrap = tmp_path / "bwrap"
    bwrap.write_text(STOPPING_BWRAP.format(bwrap=find_bwrap()))
    bwrap.chmod(0o755)
    process = start(*INVOKE, "app.handler", cwd=RUNTIMES, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    until(lambda: [state(pid) for pid in (process.pid, *tree(process.pid))] == ["T", "S", "S"], "bwrap waits")
    began = tree(process.pid)
    process.kill()
    end(process)
    until(lambda: not any(exists(pid) for pid in began), "bwrap and its child end")


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("verb", ["invoke", "serve"])
def test_a_command_ends_at_any_moment(number: int, verb: str) -> None:
    """Signals from its start until well after its first function has started."""
    took = _time_to_finish()
    for step in range(1, STEPS + 1):
        if verb == "invoke":
            process = start(*INVOKE, "greedy.handler", "-e", HANG, "-t", "20", cwd=RUNTIMES)
            time.sleep(step * 1.2 * took / STEPS)  # the moment is what this tests
            signalled(process, number)
        else:
            with Serve("--sandbox", "bubblewrap", "greedy.handler", cwd=RUNTIMES) as serve:
                asking = threading.Thread(target=serve.invoke)
                asking.start()
                time.sleep(step * 0.3 * took / STEPS)
                inside = tree(serve.process.pid)
                assert serve.stop(number) == 0
                asking.join()
                assert not [pid for pid in inside if exists(pid)]
                assert not control_groups(serve.process.pid)


def _time_to_finish() -> float:
    began = time.monotonic()
    assert bootjack(*INVOKE, "greedy.handler", cwd=RUNTIMES).code == 0
    return time.monotonic() - began


@pytest.mark.parametrize("number", SIGNALS)
def test_a_function_in_an_archive_leaves_no_folder(tmp_path: Path, number: int) -> None:
    archive = zipped(tmp_path / "code.zip")
    process = start(*INVOKE, archive, "-e", '{"do": "hang"}', "-t", "20", env={"TMPDIR": str(tmp_path)})
    until(lambda: bool(processes_inside(process.pid)), "the function runs")
    signalled(process, number)
    assert [path.name for path in tmp_path.iterdir()] == ["code.zip"]


@pytest.mark.parametrize("network", ["host", "none"])
def test_a_killed_sandbox_costs_at_most_one_invocation(tmp_path: Path, network: str) -> None:
    code = write_bootstrap(tmp_path / "code")
    with Serve("--sandbox", "bubblewrap", "--network", network, code) as serve:
        for number in (b"1", b"2", b"3"):
            bodies = [serve.invoke(number).body for _ in range(2)]  # the first may come before the end is noticed
            assert bodies[1] == number
            os.kill(next(filter(exists, tree(serve.process.pid))), signal.SIGKILL)
            until(lambda: not any(map(exists, tree(serve.process.pid))), "everything in it has ended")
