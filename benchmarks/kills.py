"""Run a load on many functions while runtimes and sandboxes are killed, and check every answer.

Callers invoke random functions with a token each, among other requests; some hang up, some send Event
invocations; some events hang until the timeout or end the runtime. Meanwhile processes of the functions are killed at
random, functions are deployed anew, and one is removed and added again. Nothing may be lost (no answer; an accepted
event that never runs, without a word about it in the log), doubled (a token that ran twice, an answer too many),
misrouted (another's answer) or stale (an older version than the one that was deployed before the request). Prints a
table of counts; exit code 1 if anything of that has happened.
"""

import argparse
import asyncio
import contextlib
import os
import random
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import uvloop

from benchmarks import processes
from benchmarks.kills_callers import Caller, Ledger
from runtime_api.local import LocalFunction, LocalLambda

FUNCTIONS = 12
ENVIRONMENTS = 3  # of each function
CALLERS = 24
TIMEOUT_S = 2.0
KILL_EVERY_S = 0.04  # on average
DEPLOY_EVERY_S = 0.4
REMOVE_EVERY_S = 3.0
FLEETING = "f0"  # is removed and added again
SANDBOXES = ("process", "bubblewrap")
RUNTIME = Path(__file__).with_name("kills_runtime.py")
# An event whose sandbox was killed as it was opened, or whose function was removed, is given up with a word about it.
GIVEN_UP = r"^bootjack: event (\S+) of \S+ is given up: .*(?:opened: the sandbox|The function was removed)"
NEVER = ("LOST", "DOUBLED", "MISROUTED", "STALE")


class Service:
    """The functions under load."""

    def __init__(self, local: LocalLambda, code: Path, ledger: Ledger, dice: random.Random) -> None:
        self._local, self._code, self._ledger, self._dice = local, code, ledger, dice
        self._versions = Counter[str]()

    def deploy(self, name: str) -> None:
        """Add a function, or replace it by its next version."""
        self._versions[name] += 1
        variables = {"DEPLOYED": str(self._versions[name])}
        function = LocalFunction.at(self._code, name, timeout_s=TIMEOUT_S, variables=variables)
        self._local.add_function(replace(function, concurrency=ENVIRONMENTS))
        self._ledger.deployed[name] = self._versions[name]
        self._ledger.seen["deployments"] += 1

    async def keep_deploying(self) -> None:
        while True:
            await asyncio.sleep(self._dice.uniform(0, 2 * DEPLOY_EVERY_S))
            self.deploy(f"f{self._dice.randrange(1, FUNCTIONS)}")

    async def keep_removing(self) -> None:
        while True:
            await asyncio.sleep(self._dice.uniform(0, 2 * REMOVE_EVERY_S))
            self._local.remove_function(FLEETING)
            self._ledger.seen["removals"] += 1
            await asyncio.sleep(self._dice.random() * 0.2)
            self.deploy(FLEETING)

    async def keep_killing(self) -> None:
        while True:
            await asyncio.sleep(self._dice.uniform(0, 2 * KILL_EVERY_S))
            found = sorted(processes.descendants(os.getpid()))
            if found:
                kill(self._dice.choice(found), self._ledger.seen)


def kill(process: int, seen: Counter[str]) -> None:
    """Kill one of our own processes: its number may be another's by now, so look again once it is held."""
    with contextlib.suppress(OSError):
        held = os.pidfd_open(process)
        try:
            program = _program(process)
            if process in processes.descendants(os.getpid()):
                signal.pidfd_send_signal(held, signal.SIGKILL)
                seen[f"killed: {program}"] += 1
        finally:
            os.close(held)


def _program(process: int) -> str:
    """What a process is, in one word."""
    command = Path(f"/proc/{process}/cmdline").read_bytes()
    if b"supervisor" in command:
        return "supervisors"
    if Path(command.partition(b"\0")[0].decode(errors="replace")).name == "bwrap":
        return "sandboxes"
    return "runtimes" if b"bootstrap" in command else "others"


async def load(sandbox: str, requests: int, seed: int, scratch: Path) -> Ledger:
    """Run the load, and wait until everything that was accepted has been run."""
    dice = random.Random(seed)
    ledger = Ledger({}, left=requests)
    code = scratch / "code"
    code.mkdir()
    (code / "bootstrap").write_text(f"#!{sys.executable} -IS\n{RUNTIME.read_text()}")
    (code / "bootstrap").chmod(0o755)
    log = os.open(scratch / "log", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    try:
        async with LocalLambda(log, sandbox=sandbox, idle_timeout_s=5) as local:
            service = Service(local, code, ledger, dice)
            for number in range(FUNCTIONS):
                service.deploy(f"f{number}")
            port = int((await local.listen("127.0.0.1", 0)).rpartition(":")[2])
            trouble = [
                asyncio.create_task(each)
                for each in (service.keep_killing(), service.keep_deploying(), service.keep_removing())
            ]
            await asyncio.gather(*(Caller(port, ledger, dice, number).send_all() for number in range(CALLERS)))
            for task in trouble:
                task.cancel()
            done = await asyncio.gather(*trouble, return_exceptions=True)
            ledger.wrong += [repr(error) for error in done if not isinstance(error, asyncio.CancelledError)]
            await local.finish()
    finally:
        os.close(log)
    count_runs(ledger, (scratch / "log").read_text(errors="replace"))
    return ledger


def count_runs(ledger: Ledger, log: str) -> None:
    """Find in the log what has run, and how often."""
    ran = Counter(re.findall(r"^ran (\S+)$", log, re.MULTILINE))
    started = Counter(re.findall(r"^START RequestId: (\S+)", log, re.MULTILINE))
    for token, times in ran.items():
        if times > 1:
            ledger.seen["DOUBLED"] += 1
            ledger.wrong.append(f"{token} ran {times} times")
    given_up = set(re.findall(GIVEN_UP, log, re.MULTILINE))
    ledger.seen["events given up, with a word in the log"] = len(given_up)
    for request_id, token in ledger.events.items():
        if not started[request_id] and request_id not in given_up:
            ledger.seen["LOST"] += 1
            ledger.wrong.append(f"the event {token}, request {request_id}, never ran")
    for token in ledger.answered - ran.keys():
        ledger.seen["MISROUTED"] += 1
        ledger.wrong.append(f"{token} was answered, but never ran")
    ledger.seen["events whose handler ran"] = sum(ran[token] > 0 for token in ledger.events.values())
    if "Traceback" in log:
        ledger.wrong.append("the log has a traceback: " + log[log.index("Traceback") :][:2000])


def report(sandbox: str, requests: int, seconds: float, ledger: Ledger) -> bool:
    """Print what happened; return whether everything is as it must be."""
    kills = sum(times for kind, times in ledger.seen.items() if kind.startswith("killed"))
    print(f"### {sandbox}: {requests:,} requests in {seconds:.0f} s, {kills:,} kills\n")
    rows = {kind: ledger.seen[kind] for kind in sorted(ledger.seen) if kind not in NEVER}
    rows |= {kind.lower(): ledger.seen[kind] for kind in NEVER}
    for kind, times in rows.items():
        print(f"| {kind:40} | {times:9,} |")
    for line in ledger.wrong[:20]:
        print(f"wrong: {line}")
    print(flush=True)
    return not ledger.wrong


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kills", description=__doc__)
    parser.add_argument("--requests", type=int, default=50_000, metavar="N", help="in each sandbox (default: 50,000)")
    parser.add_argument("--sandbox", choices=SANDBOXES, action="append", help="run in this one only")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="random seed (default: 1)")
    given = parser.parse_args()
    good = True
    for sandbox in given.sandbox or SANDBOXES:
        with tempfile.TemporaryDirectory(prefix="bootjack-kills-") as directory:
            began = time.monotonic()
            ledger = uvloop.run(load(sandbox, given.requests, given.seed, Path(directory)))
            good &= report(sandbox, given.requests, time.monotonic() - began, ledger)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
