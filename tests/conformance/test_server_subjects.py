"""Real servers: bootjack passes every case of its features, the others deviate as their baselines say."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime_api.conformance.baseline import Comparison, compare, read_baseline
from runtime_api.conformance.cases import load_cases
from runtime_api.conformance.judge import judge
from runtime_api.conformance.server.remote import read_urls
from runtime_api.conformance.server.side import ServerSide
from runtime_api.conformance.server.template import read_template
from tests.conformance.servers.matrix import caught, judge_server, judged_cases
from tests.conformance.servers.subjects import cargo_lambda, ours, rie

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime_api.conformance.server.remote import RemoteServers
    from runtime_api.conformance.server.template import Template

BASELINES = Path(__file__).parent / "baselines"
QUICK = ("server/basics/", "server/states/", "server/next/", "server/order/", "server/transport/")


def compared(servers: Template | RemoteServers, baseline: str, jobs: int, timeout_s: float = 15) -> Comparison:
    async def run() -> Comparison:
        cases = load_cases("server", "extensions")
        async with ServerSide(servers, timeout_s) as side:
            judgements = await judge(side, cases, jobs=jobs)
        every = frozenset(case.id for case in cases)
        return compare(judgements, read_baseline(BASELINES / f"server-{baseline}.json"), every)

    return asyncio.run(run())


@contextmanager
def cargo_lambda_at(folder: Path) -> Iterator[RemoteServers]:
    """cargo-lambda without a runtime, in a project's folder, as soon as it listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    (folder / "Cargo.toml").write_text('[package]\nname = "function"\nversion = "0.1.0"\n')
    (folder / "src").mkdir()
    (folder / "src" / "main.rs").write_text("fn main() {}\n")
    command = [*cargo_lambda(), "--invoke-port", str(port)]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_until_open(port, process)
        url = f"http://127.0.0.1:{port}"
        yield read_urls(f"{url}/.rt,{url}/2015-03-31/functions/_/invocations", "")
    finally:
        process.terminate()
        process.wait(10)


def _wait_until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)  # between two attempts
    raise AssertionError(f"cargo-lambda does not listen on port {port}")


def test_our_server_passes_the_quick_cases() -> None:
    assert caught(judge_server(None, [case for case in judged_cases() if case.id.startswith(QUICK)], 15)) == []


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_our_server_passes_the_cases_of_its_features() -> None:
    assert compared(read_template(ours()), "bootjack", 3) == Comparison((), ())


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_rie_deviates_as_its_baseline_says() -> None:
    assert compared(read_template(rie()), "rie", 4) == Comparison((), ())


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_cargo_lambda_deviates_as_its_baseline_says(tmp_path: Path) -> None:
    with cargo_lambda_at(tmp_path) as server:
        assert compared(server, "cargo-lambda", 1, 2) == Comparison((), ())
