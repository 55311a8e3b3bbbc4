"""Leaving LocalLambda releases everything, also when closing one part fails."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bootjack import LocalFunction, LocalLambda
from runtime_api.sandbox.plain.process import PlainSandbox
from runtime_api.store.trees import Trees
from tests.loops import run
from tests.test_local import BOOTSTRAP

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.both_sandboxes


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A directory with a bootstrap that answers with its event."""
    bootstrap = tmp_path / "bootstrap"
    bootstrap.write_text(BOOTSTRAP)
    bootstrap.chmod(0o755)
    return tmp_path


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[int]:
    """A descriptor for a log that the test does not read."""
    descriptor = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def failing_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make plain sandboxes close, and then raise TimeoutError."""
    close = PlainSandbox.close

    async def close_and_fail(sandbox: PlainSandbox) -> None:
        await close(sandbox)
        raise TimeoutError("the sandbox took too long")

    monkeypatch.setattr(PlainSandbox, "close", close_and_fail)


def is_open(address: str) -> bool:
    """Say whether something listens at host:port."""
    host, port = address.removeprefix("http://").rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), 1).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.mark.usefixtures("failing_sandbox")
def test_a_sandbox_that_fails_to_close_leaves_nothing_else_open(code: Path, quiet: int) -> None:
    addresses: list[str] = []

    async def main(function: LocalFunction) -> None:
        async with LocalLambda(quiet, sandbox="process") as local:
            local.add_function(function)
            local.add_function(LocalFunction.at(code, "two", timeout_s=10))
            function.leases[0].release()
            addresses.extend([await local.open_environment(name) for name in ("one", "two")])
            addresses.append(await local.listen("127.0.0.1", 0))
            assert (await local.invoke("one", b"1")).payload == b"1"

    with Trees() as trees:
        lease = trees.hold("code", lambda path: path.mkdir())
        function = replace(LocalFunction.at(code, "one", timeout_s=10), leases=(lease,))
        with pytest.raises(TimeoutError, match="the sandbox took too long"):
            run(main(function))
        assert [is_open(address) for address in addresses] == [False, False, False]
        assert not lease.path.exists()


@pytest.mark.usefixtures("failing_sandbox")
def test_the_error_of_leaving_does_not_hide_the_error_inside(code: Path, quiet: int) -> None:
    async def main() -> None:
        async with LocalLambda(quiet, sandbox="process") as local:
            local.add_function(LocalFunction.at(code, "f", timeout_s=10))
            await local.invoke("f", b"1")
            raise LookupError("inside")

    with pytest.raises(TimeoutError) as raised:
        run(main())
    assert isinstance(raised.value.__context__, LookupError)
