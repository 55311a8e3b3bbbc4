"""The function's log: records of `logging`, prints, errors, frames."""

from __future__ import annotations

import json
import os
import re
import struct
from typing import TYPE_CHECKING

import pytest

from tests.bootstrap.scripted import REQUEST_ID, event
from tests.bootstrap.starting import run

if TYPE_CHECKING:
    from pathlib import Path

LOGGING = """
    import logging
    log = logging.getLogger("mine")
    logging.getLogger().warning("while starting")
    def handler(event, context):
        log.debug("debug")
        log.info("info %s", "ö")
        log.warning("warning")
        try:
            1 // 0
        except ZeroDivisionError:
            log.exception("caught", extra={"order": 7, "odd": {1}})
        log.critical({"a": 1})
        return logging.getLogger().level
"""


def test_text_records(tmp_path: Path) -> None:
    ran = run(tmp_path, LOGGING, [event()])
    records = re.findall(r"^\[(\w+)\]\t(\S+)\t(\S*)\t(.*)$", ran.out, re.MULTILINE)
    assert [(level, request, message) for level, _, request, message in records] == [
        ("WARNING", "", "while starting"),
        ("WARNING", REQUEST_ID, "warning"),
        ("ERROR", REQUEST_ID, "caught"),
        ("CRITICAL", REQUEST_ID, "{'a': 1}"),
    ]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time) for _, time, _, _ in records)
    assert "ZeroDivisionError" in ran.out
    assert ran.documents == [30]


@pytest.mark.parametrize(
    ("level", "first", "number"),
    [("DEBUG", "DEBUG", 10), ("TRACE", "DEBUG", 10), ("info", "INFO", 20), ("WARN", "WARNING", 30),
     ("FATAL", "CRITICAL", 50), ("nonsense", "WARNING", 30)],
)  # fmt: skip
def test_levels(tmp_path: Path, level: str, first: str, number: int) -> None:
    ran = run(tmp_path, LOGGING, [event()], AWS_LAMBDA_LOG_LEVEL=level)
    assert ran.documents == [number]
    assert re.findall(rf"^\[(\w+)\]\t\S+\t{REQUEST_ID}\t", ran.out, re.MULTILINE)[0] == first


def test_json_records(tmp_path: Path) -> None:
    ran = run(
        tmp_path, LOGGING, [event(Lambda_Runtime_Aws_Tenant_Id="blue")],
        AWS_LAMBDA_LOG_FORMAT="JSON", AWS_LAMBDA_LOG_LEVEL="INFO",
    )  # fmt: skip
    first, info, warning, caught, critical = map(json.loads, ran.out.splitlines())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", first.pop("timestamp"))
    assert first == {"level": "WARNING", "message": "while starting", "logger": "root", "requestId": ""}
    assert (info["message"], info["requestId"], info["tenantId"]) == ("info ö", REQUEST_ID, "blue")
    assert list(warning) == ["timestamp", "level", "message", "logger", "requestId", "tenantId"]
    assert (caught["errorType"], caught["order"], caught["odd"]) == ("ZeroDivisionError", 7, "{1}")
    assert caught["location"] == f"{tmp_path / 'app.py'}:handler:12"
    assert caught["stackTrace"][0].startswith(f'  File "{tmp_path / "app.py"}", line 10, in handler')
    assert critical["message"] == {"a": 1}
    assert "ö" in ran.out


def test_an_unhandled_error_in_json(tmp_path: Path) -> None:
    ran = run(tmp_path, "def handler(event, context): raise ValueError('ö')", [event()], AWS_LAMBDA_LOG_FORMAT="JSON")
    [record] = map(json.loads, ran.out.splitlines())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", record.pop("timestamp"))
    assert record == {"level": "ERROR", **ran.documents[0]}


def test_prints_are_flushed_before_the_next_invocation(tmp_path: Path) -> None:
    source = """
        import sys, os
        from bootjack_bootstrap import current_context
        def handler(event, context):
            if event == 2:
                seen = [open(f"/proc/self/fd/{number}").read() for number in (1, 2)]
                return seen
            print("no line end", end="")
            sys.stderr.write("error without one")
            context.log("by context")
    """
    ran = run(tmp_path, source, [event(b"1"), event(b"2")])
    assert ran.documents[1] == ["no line endby context", "error without one"]


def test_a_print_stays_plain_text_in_json(tmp_path: Path) -> None:
    ran = run(tmp_path, "def handler(event, context): print('plain', event)", [event()], AWS_LAMBDA_LOG_FORMAT="JSON")
    assert ran.out == "plain {}\n"


def test_a_handler_configures_logging_itself(tmp_path: Path) -> None:
    source = """
        import logging, sys
        logging.basicConfig(level=logging.DEBUG, format="mine %(message)s", force=True, stream=sys.stdout)
        def handler(event, context): logging.debug("text")
    """
    assert run(tmp_path, source, [event()]).out == "mine text\n"


FRAME = struct.Struct(">IIQ")
TEXT_TYPES = [0xA55A0003] * 4
TEXT_LEVEL_TYPES = [0xA55A0013, 0xA55A0013, 0xA55A0017, 0xA55A001B]
JSON_TYPES = [0xA55A0012, 0xA55A0012, 0xA55A0016, 0xA55A001A]


@pytest.mark.parametrize(
    ("more", "kinds"),
    [
        ({}, TEXT_TYPES),
        ({"AWS_LAMBDA_LOG_LEVEL": "WARNING"}, TEXT_LEVEL_TYPES),
        ({"AWS_LAMBDA_LOG_FORMAT": "JSON"}, JSON_TYPES),
    ],
)
def test_frames(tmp_path: Path, more: dict[str, str], kinds: list[int]) -> None:
    source = f"import os{LOGGING.replace(chr(10) + '    ', chr(10))}    os.environ['_LAMBDA_TELEMETRY_LOG_FD']\n"
    source = source.replace("    return logging.getLogger().level\n", "    print('plain')\n")
    with (tmp_path / "frames").open("w+b") as frames:
        number = frames.fileno()
        ran = run(tmp_path, source, [event()], pass_fds=[number], _LAMBDA_TELEMETRY_LOG_FD=str(number), more=more)
        data = (tmp_path / "frames").read_bytes()
    found = []
    while data:
        kind, length, microseconds = FRAME.unpack_from(data)
        found.append((kind, data[FRAME.size : FRAME.size + length].decode()))
        assert abs(microseconds / 1e6 - os.stat(tmp_path / "frames").st_mtime) < 60  # noqa: PTH116
        data = data[FRAME.size + length :]
    assert [kind for kind, _ in found[:4]] == kinds
    assert "while starting" in found[0][1]
    assert "KeyError" in found[4][1], "the handler must not see the variable, and its error is a frame, too"
    assert found[4][0] == {0xA55A0003: 0xA55A0017}.get(kinds[2], kinds[2])
    assert ran.out == "plain\n"
    assert "\r" not in found[4][1]


def test_request_ids_of_invocations_side_by_side(tmp_path: Path) -> None:
    source = """
        import asyncio, logging
        async def handler(event, context):
            await asyncio.sleep(0)
            logging.warning("in %s", event)
            await asyncio.gather(inner(event), asyncio.to_thread(logging.warning, "thread of %s", event))
        async def inner(event): logging.warning("task of %s", event)
    """
    nexts = [event(b"1", "one"), event(b"2", "two")]
    ran = run(tmp_path, source, nexts, AWS_LAMBDA_MAX_CONCURRENCY="2")
    found = sorted(re.findall(r"\t(\w+)\t(in|thread of|task of) (\d)\n", ran.out))
    assert found == sorted(
        (name, what, number)
        for name, number in (("one", "1"), ("two", "2"))
        for what in ("in", "thread of", "task of")
    )
