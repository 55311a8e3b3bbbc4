"""Entries of a journal as the events of each schema."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runtime_api.protocol import platform_events as log
from runtime_api.protocol.journal import Entry
from runtime_api.protocol.subscriptions import Buffering, Destination, Subscription, TelemetryApi
from runtime_api.protocol.telemetry_events import EventWriter

TELEMETRY, LOGS = TelemetryApi.TELEMETRY, TelemetryApi.LOGS
ALL = ("platform", "function", "extension")
OFFSET = 1_700_000_000_000.0
TRACE = "Root=1-62e900b2-710d76f009d6e7785905449a;Parent=0efbd19962d95b05;Sampled=1"
INIT = ("initStart", "initRuntimeDone", "initReport")
RECORDS = (
    log.InitStart("init", "f", "$LATEST", 128),
    log.InitRuntimeDone("init", "success", None),
    log.InitReport("init", "success", None, 5.0),
    log.TelemetrySubscription(TELEMETRY, "collector", ("platform", "function")),
    log.TelemetrySubscription(LOGS, "old-collector", ("platform",)),
    log.Start("r1", "$LATEST", TRACE, None),
    log.RuntimeDone("r1", "success", None, 140.0, 1010.0, 23.02, 16, TRACE, None),
    log.End("r1"),
    log.Report("r1", "success", None, 140.0, 140, 128, 30, None, TRACE),
    log.FaultLine("r1", "Runtime.ExitError", "RequestId: r1 Error: Runtime exited"),
)


def writer(
    api: TelemetryApi = TELEMETRY,
    version: str = "2022-12-13",
    types: tuple[str, ...] = ALL,
    *,
    json_lines: bool = False,
) -> EventWriter:
    subscription = Subscription(api, version, types, Destination("TCP", 1), Buffering())
    return EventWriter(subscription, "runtime", json_lines=json_lines)


def written(by: EventWriter, *records: log.Record, at: float = 1150.0) -> list[Any]:
    entries = [Entry(at, (record,)) for record in records]
    return [json.loads(event) for event in by.written(entries, OFFSET)]


def kinds(by: EventWriter) -> list[str]:
    return [event["type"].removeprefix("platform.") for event in written(by, *RECORDS)]


@pytest.mark.parametrize("version", ["2022-07-01", "2022-12-13", "2025-01-29"])
def test_the_telemetry_api_tells_everything_but_the_end(version: str) -> None:
    assert kinds(writer(TELEMETRY, version)) == (
        [
            "initStart",
            "initRuntimeDone",
            "initReport",
            "telemetrySubscription",
            "start",
            "runtimeDone",
            "report",
            "fault",
        ]
    )


def test_each_schema_of_the_logs_api_has_its_own_records() -> None:
    assert kinds(writer(LOGS, "2020-08-15")) == ["logsSubscription", "start", "end", "report", "fault"]
    assert kinds(writer(LOGS, "2021-03-18")) == (
        [
            "initStart",
            "initRuntimeDone",
            "initReport",
            "logsSubscription",
            "start",
            "runtimeDone",
            "end",
            "report",
            "fault",
        ]
    )


def test_an_invocation_has_the_spans_of_its_response() -> None:
    (done,) = written(writer(), RECORDS[6])
    assert done == {
        "time": "2023-11-14T22:13:21.150Z",
        "type": "platform.runtimeDone",
        "record": {
            "requestId": "r1",
            "status": "success",
            "metrics": {"durationMs": 140.0, "producedBytes": 16},
            "tracing": {"type": "X-Amzn-Trace-Id", "value": TRACE},
            "spans": [
                {"name": "responseLatency", "start": "2023-11-14T22:13:21.010Z", "durationMs": 23.02},
                {"name": "responseDuration", "start": "2023-11-14T22:13:21.033Z", "durationMs": 116.98},
            ],
        },
    }


def test_an_invocation_without_a_response_has_no_spans() -> None:
    (done,) = written(writer(), log.RuntimeDone("r1", "timeout", None, 140.0, 1010.0, None, 0, "", None))
    assert "spans" not in done["record"]
    assert "tracing" not in done["record"]


def test_the_logs_api_has_no_spans_and_its_first_schema_no_tracing() -> None:
    assert written(writer(LOGS, "2020-08-15"), RECORDS[5])[0]["record"] == {"requestId": "r1", "version": "$LATEST"}
    assert "spans" not in written(writer(LOGS, "2021-03-18"), RECORDS[6])[0]["record"]


def test_a_fault_is_text() -> None:
    (fault,) = written(writer(), RECORDS[9])
    assert fault["record"] == "RequestId: r1 Error: Runtime exited\nRuntime.ExitError"


def test_each_line_is_an_event_of_the_process_that_wrote_it() -> None:
    events = written(
        writer(), log.Lines("runtime", b"one\n\nthree\rstill three\n"), log.Lines("collector", b"\xff without an end")
    )
    assert [(event["type"], event["record"]) for event in events] == [
        ("function", "one\n"),
        ("function", "\n"),
        ("function", "three\rstill three\n"),
        ("extension", "\ufffd without an end\n"),
    ]
    assert {event["time"] for event in events} == {"2023-11-14T22:13:21.150Z"}


def test_lines_of_a_json_log_are_objects_from_the_second_schema_on() -> None:
    lines = log.Lines("runtime", b'{"level": "INFO", "n": 12345678901234567890123}\n{broken\n[1]\n"text"\n')
    events = writer(json_lines=True).written([Entry(0.0, (lines,))], OFFSET)
    assert b'"record":{"level": "INFO", "n": 12345678901234567890123}}' in events[0]
    assert [json.loads(event)["record"] for event in events[1:]] == ["{broken\n", "[1]\n", '"text"\n']
    for version in ("2022-07-01",):
        texts = written(writer(TELEMETRY, version, json_lines=True), lines)
        assert all(isinstance(event["record"], str) for event in texts)
    assert all(isinstance(event["record"], str) for event in written(writer(), lines))


def test_a_subscriber_gets_the_types_that_it_asked_for() -> None:
    outputs = (log.Lines("runtime", b"f\n"), log.Lines("other", b"e\n"))
    for types in (("platform",), ("function",), ("extension",), ("function", "extension")):
        by = writer(types=types)
        found = {event["type"].partition(".")[0] for event in written(by, *outputs, RECORDS[5])}
        assert found == set(types)
        for record in (*outputs, RECORDS[5]):
            assert by.wants(Entry(0.0, (record,))) is bool(written(by, record))


def test_a_loss_is_told_to_subscribers_of_the_platform() -> None:
    loss = log.LogsDropped(123, 12_345)
    (event,) = writer().loss(loss, OFFSET)
    assert json.loads(event) == {
        "time": "2023-11-14T22:13:20.000Z",
        "type": "platform.logsDropped",
        "record": {
            "droppedBytes": 12_345,
            "droppedRecords": 123,
            "reason": "Consumer seems to have fallen behind as it has not acknowledged receipt of logs.",
        },
    }
    assert writer(types=("function",)).loss(loss, OFFSET) == []


def test_a_subscription_is_a_line_of_the_text_log() -> None:
    line = b"TELEMETRY\tName: collector\tState: Subscribed\tTypes: [Platform, Function]\n"
    assert log.log_bytes(RECORDS[3:4]) == line
    assert log.log_bytes(RECORDS[4:5]).startswith(b"LOGS\tName: old-collector\t")
