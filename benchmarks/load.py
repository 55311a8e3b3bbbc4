"""Send a load to a running server and read the latencies."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.errors import Unmeasured
from benchmarks.launching import Running
from benchmarks.tools import Tools

LOAD_LIMIT_SECONDS = 180


class Figures(NamedTuple):
    """Latencies of one load in microseconds, and its requests per second."""

    p50_us: float
    p90_us: float
    p99_us: float
    rate: float


def send(
    tools: Tools,
    server: Running,
    payload: Path,
    requests: int,
    callers: int = 1,
    under: Sequence[str] = (),
    *,
    events: bool = False,
) -> Figures:
    """Invoke the function this many times; `under` is a wrapper command for the load generator.

    With `events` the callers do not wait for answers, only for their events to be accepted.
    """
    command = [*under, str(tools.load), *(["-e"] if events else []), "-c", str(callers)]
    command += ["127.0.0.1", str(server.port)]
    command += [server.path, str(payload), str(requests)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LOAD_LIMIT_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise Unmeasured(f"{requests} requests took more than {LOAD_LIMIT_SECONDS} s") from error
    if done.returncode != 0:
        raise Unmeasured(done.stderr.strip() or f"the load generator exited with {done.returncode}")
    fields = dict(pair.split("=") for pair in done.stdout.split())
    return Figures(**{name: float(fields[name]) for name in Figures._fields})
