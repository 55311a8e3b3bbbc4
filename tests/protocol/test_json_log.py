"""Logs in JSON format: platform records as documents, lines as they were written, levels that leave some out."""

from __future__ import annotations

import json

import pytest

from runtime_api.protocol import platform_events as log
from runtime_api.protocol.json_log import JsonLog

AT = 1_700_000_000_123.9
REPORT = log.Report("r1", "success", None, 2.34567, 3, 128, 30, 48.26, "trace")
FAILED = log.Report("r1", "timeout", None, 3000.0, 3000, 128, 30, None, "trace")
EVERYTHING = JsonLog("TRACE", "DEBUG")
LINES = (
    b'{"level": "trace", "a": 1}\n{"level": "Warning"}\n{"level": "loud"}\n{"level": 5}\n{"no": 1}\n{broken\nplain\n'
    b'{"level": "FATAL"}\n'
)


def test_a_report_is_the_document_that_lambda_writes() -> None:
    line = JsonLog().text((REPORT,), AT)
    assert line.endswith(b"\n")
    assert json.loads(line) == {
        "time": "2023-11-14T22:13:20.123Z",
        "type": "platform.report",
        "record": {
            "requestId": "r1",
            "status": "success",
            "metrics": {
                "durationMs": 2.346,
                "billedDurationMs": 3,
                "memorySizeMB": 128,
                "maxMemoryUsedMB": 30,
                "initDurationMs": 48.26,
            },
        },
    }


RECORDS = (
    log.InitStart("init", "f", "$LATEST", 128),
    log.InitRuntimeDone("init", "success", None),
    log.InitReport("init", "success", None, 5.0),
    log.Start("r1", "$LATEST", "trace", "t1"),
    log.RuntimeDone("r1", "success", None, 1.0, 0.0, None, 5, "trace", None),
    log.End("r1"),
    REPORT,
    FAILED,
    log.RuntimeDone("r1", "error", "Runtime.ExitError", 1.0, 0.0, None, 5, "trace", None),
    log.FaultLine("r1", "Runtime.ExitError", "RequestId: r1 Error: Runtime exited"),
    log.MemoryExceeded("r1", 128, 134_217_728),
)


@pytest.mark.parametrize(
    ("level", "kinds"),
    [
        (
            "DEBUG",
            "initStart initRuntimeDone initReport start runtimeDone report report runtimeDone fault fault",
        ),
        ("INFO", "start report report runtimeDone fault fault"),
        ("WARN", "report runtimeDone fault fault"),
    ],
)
def test_the_system_level_leaves_records_out(level: str, kinds: str) -> None:
    lines = JsonLog("INFO", level).text(RECORDS, AT).splitlines()
    assert [json.loads(line)["type"] for line in lines] == [f"platform.{kind}" for kind in kinds.split()]


@pytest.mark.parametrize(
    ("level", "kept"), [("TRACE", 8), ("DEBUG", 7), ("INFO", 7), ("WARN", 2), ("ERROR", 1), ("FATAL", 1)]
)
def test_the_application_level_goes_by_what_a_line_says(level: str, kept: int) -> None:
    text = JsonLog(level).text((log.Lines("runtime", LINES),), AT)
    assert len(text.splitlines()) == kept
    assert set(text.splitlines()) <= set(LINES.splitlines())


def test_lines_stay_as_they_are() -> None:
    data = b'{ "level" : "ERROR"}\r\n\xff not UTF-8\npart of a line'
    assert JsonLog().text((log.Lines("runtime", data),), AT) == data


def test_a_record_without_a_readable_name_costs_no_line() -> None:
    text = EVERYTHING.text((log.FaultLine("r1", "Runtime.InvalidEntrypoint", "no \udcff and \ud800"), REPORT), AT)
    first, second = (json.loads(line) for line in text.splitlines())
    assert first["record"] == "no ? and ?\nRuntime.InvalidEntrypoint"
    assert second["type"] == "platform.report"
