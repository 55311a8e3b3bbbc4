"""Real servers: bootjack passes every case of its features, the others deviate as their baselines say.

The versions of the others are pinned, so a new deviation of theirs is the kit's, and each meets a share of the cases
that it passes. `bootjack conform --server` judges any of them by every case.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime_api.conformance.baseline import Comparison, compare
from runtime_api.conformance.baseline_file import read_baseline
from runtime_api.conformance.cases import load_cases
from runtime_api.conformance.judge import judge
from runtime_api.conformance.server.launch import start
from runtime_api.conformance.server.ports import Port
from runtime_api.conformance.server.remote import read_urls
from runtime_api.conformance.server.side import ServerSide
from runtime_api.conformance.server.template import read_template
from runtime_api.conformance.verdicts import Verdict
from tests.conformance.judging import judge_known
from tests.conformance.servers.fork_server import ForkServer
from tests.conformance.servers.matrix import caught, judge_server, judged_cases
from tests.conformance.servers.subjects import cargo_lambda, ours, rie, service

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from runtime_api.conformance.cases import Case
    from runtime_api.conformance.judge import Side
    from runtime_api.conformance.server.launch import Start
    from runtime_api.conformance.verdicts import Judgement

BASELINES = Path(__file__).parent / "baselines"
SERVERS = 4  # of cargo-lambda: one plays one case at a time, and most of that is waiting
QUICK = ("server/basics/", "server/states/", "server/next/", "server/order/", "server/transport/")

OF_A_SERVICE = (
    "extensions/telemetry/subscription-event",
    "server/environment/process-place",
    "server/invoke/exit-with-child-in-invoke",
    "server/environment/environment-variables",
    "server/lifecycle/exit-code-in-init",
    "server/log/log-warm-invocation",
    "server/next/next-tenant",
)


def every_case() -> list[Case]:
    return load_cases("server", "extensions")


def compared(
    sides: Sequence[Callable[[float], Side]],
    baseline: str,
    chosen: Collection[Case],
    jobs: int,
    timeout_s: float = 15,
) -> Comparison:
    """Compare the verdicts on a server, or on several equal ones that share the cases, with the baseline.

    It meets the basic cases, those that are known to deviate, and the chosen ones.
    """
    known = read_baseline(BASELINES / f"server-{baseline}.json")
    cases = [case for case in every_case() if case.basic or case.id in known or case in chosen]

    async def run() -> list[Judgement]:
        shares = [cases[place :: len(sides)] for place in range(len(sides))]
        judging = [
            judge_known(side, share, known, jobs, timeout_s) for side, share in zip(sides, shares, strict=True)
        ]
        return [judgement for judgements in await asyncio.gather(*judging) for judgement in judgements]

    return compare(asyncio.run(run()), known, frozenset(case.id for case in every_case()))


def started(template: str, begin: Start = start) -> Callable[[float], Side]:
    """Return a side that starts its servers from a template."""
    return partial(ServerSide, read_template(template), begin=begin)


@contextmanager
def cargo_lambda_at(folder: Path) -> Iterator[Callable[[float], Side]]:
    """Start cargo-lambda without a runtime in a project's folder, and wait until it listens."""
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "main.rs").write_text("fn main() {}\n")
    (folder / "Cargo.toml").write_text('[package]\nname = "function"\nversion = "0.1.0"\n')
    port = Port()
    command = [*cargo_lambda(), "--invoke-port", str(port.number)]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_until_open(port.number, process)
        url = f"http://127.0.0.1:{port.number}"
        yield lambda timeout_s: ServerSide(
            read_urls(f"{url}/.rt,{url}/2015-03-31/functions/_/invocations", ""), timeout_s
        )
    finally:
        process.terminate()
        process.wait(10)
        port.release()


def _wait_until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)  # between two attempts
    raise AssertionError(f"cargo-lambda does not listen on port {port}")


def test_our_server_passes_the_quick_cases() -> None:
    assert caught(judge_server(None, [case for case in judged_cases() if case.id.startswith(QUICK)], 15)) == []


@pytest.mark.parametrize(
    "sandbox", ["process", pytest.param("bubblewrap", marks=[pytest.mark.bubblewrap, pytest.mark.slow])]
)
def test_our_service_is_judged_by_what_it_was_told(sandbox: str) -> None:
    """Among the cases are an init that is tried again, a tenant, telemetry, and a child of the runtime."""
    template = service().replace("--sandbox process", f"--sandbox {sandbox}")
    cases = [case for case in load_cases("server", "extensions") if case.id in OF_A_SERVICE]

    async def run() -> list[Judgement]:
        with ForkServer(None) as begin:
            async with started(template, begin)(15) as side:
                return await judge(side, cases, jobs=4)

    judgements = asyncio.run(run())
    assert [judgement.verdict for judgement in judgements] == [Verdict.OK] * len(OF_A_SERVICE)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_our_server_passes_the_cases_of_its_features() -> None:
    with ForkServer(None) as begin:  # to start the command for each case would take most of the time
        assert compared([started(ours(), begin)], "bootjack-rie", every_case(), 3) == Comparison((), ())


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_our_service_passes_the_cases_of_its_features() -> None:
    """It has the machine of `rie`, which meets every case, and features of its own."""
    chosen = [case for case in every_case() if case.feature] + every_case()[::4]
    with ForkServer(None) as begin:
        assert compared([started(service(), begin)], "bootjack-serve", chosen, 3) == Comparison((), ())


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_rie_deviates_as_its_baseline_says() -> None:
    assert compared([started(rie())], "rie", every_case()[1::4], 6) == Comparison((), ())


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_cargo_lambda_deviates_as_its_baseline_says(tmp_path: Path) -> None:
    with contextlib.ExitStack() as servers:
        sides = [servers.enter_context(cargo_lambda_at(tmp_path / str(number))) for number in range(SERVERS)]
        assert compared(sides, "cargo-lambda", every_case()[2::4], 1, 2) == Comparison((), ())
