"""What `bootjack invoke` writes: the response to stdout byte for byte, the log and function output to stderr."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.commands.functions import ask
from tests.e2e.running import bootjack, by_shell, end, start

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.slow, pytest.mark.both_sandboxes]

ID = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
REPORT = (
    rf"REPORT RequestId: ({ID})\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB"
    r"\tMax Memory Used: \d+ MB\tInit Duration: \d+\.\d\d ms\t"
)
LIMIT = 6_291_556


def test_the_log_of_a_success(function: Path) -> None:
    ended = bootjack("invoke", function, "-e", ask("write", text="out\n"))
    assert (ended.code, ended.out) == (0, b"written")
    lines = ended.err.splitlines()
    report = re.fullmatch(REPORT, lines[-1])
    assert report
    assert lines == [
        "INIT_START Function: function\tPhase: init",
        f"START RequestId: {report[1]} Version: $LATEST",
        "out",
        f"END RequestId: {report[1]}",
        lines[-1],
    ]


def test_the_log_of_a_function_error(function: Path) -> None:
    ended = bootjack("invoke", function, "-e", ask("fail", message="because"))
    assert (ended.code, json.loads(ended.out)) == (1, {"errorMessage": "because", "errorType": "Function.Asked"})
    assert ended.err.splitlines()[-1].endswith("\tStatus: error\tError Type: Function.Asked")


@pytest.mark.parametrize(
    ("do", "how", "reason"),
    [
        ("exit", {"code": 3}, "Runtime exited with error: exit status 3"),
        pytest.param("exit", {"code": 0}, "Runtime exited without providing a reason"),
        pytest.param("kill", {}, "Runtime exited with error: signal: killed"),
    ],
)
def test_the_log_of_a_runtime_that_exits(function: Path, do: str, how: dict[str, int], reason: str) -> None:
    ended = bootjack("invoke", function, "-e", ask(do, **how))
    document = json.loads(ended.out)
    request_id = document["errorMessage"].split()[1]
    assert ended.code == 1
    assert document == {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: {request_id} Error: {reason}"}
    assert f"{document['errorMessage']}\nRuntime.ExitError\nEND RequestId: {request_id}\nREPORT " in ended.err


def test_any_bytes_are_a_valid_response(function: Path) -> None:
    answer = bytes(range(256))
    ended = bootjack("invoke", function, "-e", ask("bytes", base64=base64.b64encode(answer).decode()))
    assert (ended.code, ended.out) == (0, answer)


def test_an_empty_response(function: Path) -> None:
    assert bootjack("invoke", function, "-e", ask("bytes", base64="")).out == b""


def test_a_response_at_the_limit(function: Path) -> None:
    ended = bootjack("invoke", function, "-e", ask("fill", bytes=LIMIT))
    assert (ended.code, ended.out) == (0, b"x" * LIMIT)


def test_a_response_over_the_limit(function: Path) -> None:
    ended = bootjack("invoke", function, "-e", ask("fill", bytes=LIMIT + 1))
    assert (ended.code, json.loads(ended.out)["errorType"]) == (1, "Function.ResponseSizeTooLarge")


@pytest.mark.parametrize("to", [1, pytest.param(2)])
def test_output_without_a_newline_is_logged_before_end(function: Path, to: int) -> None:
    ended = bootjack("invoke", function, "-e", ask("write", text="first\nno line end", to=to))
    assert re.search(rf"\$LATEST\nfirst\nno line end\nEND RequestId: {ID}\nREPORT ", ended.err)


def test_a_line_longer_than_a_log_event_is_logged_whole(function: Path) -> None:
    event = ask("write", text="z" * 600_000 + "\n", to=2)
    ended = bootjack("invoke", function, "-e", "-", given=event.encode())
    assert sum(len(line) for line in ended.err.splitlines() if line.startswith("zz")) == 600_000
    assert re.search(rf"z\nEND RequestId: {ID}\nREPORT ", ended.err)


def test_a_flood_of_lines_is_logged_whole_and_in_order(function: Path) -> None:
    ended = bootjack("invoke", function, "-t", "60", "-e", ask("flood", lines=50_000))
    assert ended.out == b"flooded"
    numbers = re.findall(r"^(\d{8}) x{90}$", ended.err, re.MULTILINE)
    assert [int(number) for number in numbers] == list(range(50_000))


def test_bytes_that_are_not_text_reach_the_log(function: Path, tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        command = ["sh", "-c", r"printf '\000\377\n'; exec ./bootstrap"]
        code = end(start("invoke", "--", *command, cwd=function, stderr=log)).code
    assert code == 0
    assert b"\n\x00\xff\n" in (tmp_path / "log").read_bytes()


# -- readers that are slow, or leave


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("blocking", [True, False])
def test_a_slow_reader_gets_all_of_a_large_response(function: Path, unbuffered: str, blocking: bool) -> None:
    """Most Python images set PYTHONUNBUFFERED; node and others pass pipes that do not block."""
    reading, writing = os.pipe()
    os.set_blocking(writing, blocking)
    event = ask("fill", bytes=3_000_000)
    process = start("invoke", function, "-e", event, stdout=writing, env={"PYTHONUNBUFFERED": unbuffered})
    os.close(writing)
    try:
        _wait_until_it_waits(process, reading)
        _stop_and_go_on(process)
        with os.fdopen(reading, "rb", closefd=False) as answer:
            assert len(answer.read()) == 3_000_000
        assert end(process).code == 0
    finally:
        os.close(reading)


def _stop_and_go_on(process: subprocess.Popen[bytes]) -> None:
    """Do as Ctrl-Z and fg do; a blocked write then returns early, with what it has written so far."""
    process.send_signal(signal.SIGSTOP)
    _wait_until(lambda: _state(process) in "TZ")
    process.send_signal(signal.SIGCONT)


def _state(process: subprocess.Popen[bytes]) -> str:
    """The kernel's letter for the state of a process; Z for one that has ended."""
    if process.poll() is not None:
        return "Z"
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        os.sched_yield()


def _wait_until_it_waits(process: subprocess.Popen[bytes], reading: int) -> None:
    """Wait until the pipe is full and the writer sleeps, or has ended too soon."""
    _wait_until(lambda: _state(process) == "Z" or (_state(process) == "S" and _unread(reading) >= 65_536))


def _unread(pipe: int) -> int:
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def test_a_reader_that_takes_one_byte_and_leaves(function: Path) -> None:
    ended = by_shell('"$@" | head -c1', "invoke", function, "-e", ask("fill", bytes=6_000_000))
    assert ended.out == b"x"
    assert "Traceback" not in ended.err
    assert "REPORT" in ended.err


def test_a_reader_that_leaves_before_the_response(function: Path) -> None:
    process = start("invoke", function, "-e", ask("fill", bytes=1000))
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    ended = end(process)
    assert ended.code != 0
    assert "Traceback" not in ended.err
    assert "REPORT" in ended.err


def test_a_log_without_a_reader(function: Path) -> None:
    process = start("invoke", function, "-t", "20", "-e", ask("flood", lines=30_000))
    assert process.stderr is not None
    process.stderr.close()
    process.stderr = None
    ended = end(process)
    assert (ended.code, ended.out) == (0, b"flooded")


def test_a_log_on_a_full_disk(function: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = bootjack("invoke", function, "-e", ask("flood", lines=30_000), stderr=full)
    assert (ended.code, ended.out) == (0, b"flooded")


def test_stdout_and_stderr_in_one_file_keep_their_order(function: Path) -> None:
    ended = bootjack("invoke", function, "-e", ask("write", text="log\n"), stderr=subprocess.STDOUT)
    assert re.search(rb"\nlog\nEND .*\nREPORT .*\nwritten$", ended.out)
