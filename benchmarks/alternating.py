"""Compare servers that are up together: batches take turns, so what the machine does meanwhile meets all of them."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence

from benchmarks import launching
from benchmarks.errors import Unmeasured
from benchmarks.launching import Running, Server
from benchmarks.rounds import Samples
from benchmarks.tools import Tools


def alternate(
    title: str,
    servers: Sequence[Server],
    tools: Tools,
    rounds: int,
    batches: int,
    warm_up: Callable[[Running], object],
    sample: Callable[[Running], float],
) -> Samples[float]:
    """Take a sample of each server in each batch; every second batch goes through the servers backwards.

    Each round starts the servers anew and warms them up. One that fails is skipped from then on.
    """
    samples: Samples[float] = Samples({server.name: [] for server in servers})
    for number in range(1, rounds + 1):
        print(f"{title}: round {number} of {rounds}, {batches} batches", file=sys.stderr)
        with contextlib.ExitStack() as stack:
            up: dict[str, Running] = {}
            for server in servers:
                if server.name in samples.missing:
                    continue
                with _skipping(samples, server.name):
                    up[server.name] = stack.enter_context(launching.running(server, tools))
                    warm_up(up[server.name])
            for batch in range(batches):
                for name in list(up)[:: -1 if batch % 2 else 1]:
                    with _skipping(samples, name):
                        samples.taken[name].append(sample(up[name]))
                    if name in samples.missing:
                        del up[name]
    return samples


@contextlib.contextmanager
def _skipping(samples: Samples[float], name: str) -> Iterator[None]:
    try:
        yield
    except Unmeasured as reason:
        samples.missing[name] = str(reason)
        samples.taken.pop(name, None)
