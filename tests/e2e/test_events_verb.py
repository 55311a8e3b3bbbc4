"""`bootjack events`: what waits and what was given up, over a restart, and events that are run again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.commands.functions import write_bootstrap
from tests.e2e.running import Ended, Serve, bootjack

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

# Fails for as long as the event says so by a file that is not there.
HANDLER = """
import os
def handler(event, context):
    print("ran", event["n"], flush=True)
    if not os.path.exists(event["until"]):
        raise ValueError("not yet\\x1b[2J")
"""


def events(server: Serve, *arguments: str, **environment: str) -> Ended:
    return bootjack("events", *arguments, "--endpoint", server.url, env=environment)


def send(server: Serve, name: str, payload: object) -> None:
    reply = server.invoke(json.dumps(payload).encode(), name, X_Amz_Invocation_Type="Event")
    assert reply.status == 202


def rows(ended: Ended) -> list[list[str]]:
    assert (ended.code, ended.err) == (0, "")
    return [line.split() for line in ended.out.decode().splitlines()[1:]]


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "app.py").write_text(HANDLER)
    return folder


def serve(code: Path, *arguments: str) -> Serve:
    return Serve("--sandbox", "process", "--data", str(code.parent / "data"), *arguments, "app.handler", cwd=code)


def test_events_that_wait_are_listed_and_the_next_server_runs_them(code: Path) -> None:
    go = code / "go"
    with serve(code) as server:
        send(server, "app", {"n": 1, "until": str(go)})
        server.wait_for("REPORT")
        (row,) = rows(events(server, "list", "app"))
        assert row[:3] == ["1", "app", "waiting"]
        assert "not" in row
        assert b"\x1b" not in events(server).out
        assert rows(events(server, "list", "ap")) == []
        go.touch()
    with serve(code, "--async-retry-base", "0") as server:
        (event,) = json.loads(events(server, "list", "--json").out)
        assert (event["attempts"], json.loads(event["payload"])["n"]) == (1, 1)
        moved = server_post(server, "/_bootjack/clock", {"advanceSeconds": 60})
        assert "now" in moved
        server.wait_for("ran 1")
        server.wait_for("REPORT")
        server.wait_for("REPORT")


def server_post(server: Serve, path: str, document: object) -> dict[str, object]:
    with server.connection() as connection:
        connection.request("POST", path, json.dumps(document))
        found: dict[str, object] = json.loads(connection.getresponse().read())
        return found


def test_events_that_were_given_up_are_listed_run_again_and_discarded(code: Path) -> None:
    go = code / "go"
    with serve(code, "--async-retry-base", "0") as server:
        for n in (1, 2):
            send(server, "app", {"n": n, "until": str(go)})
        server.wait_for("is given up", times=2)
        found = rows(events(server, "dead"))
        assert sorted(row[0] for row in found) == ["1", "2"]
        assert " ".join(found[0][-5:]) == "it has failed 3 times"
        ended = events(server, "discard", "2", AWS_ACCESS_KEY_ID="210987654321", AWS_SECRET_ACCESS_KEY="x")
        assert (ended.code, ended.err) == (1, "bootjack: No event 2 waits or was given up\n")
        ended = events(server, "resend", "2", "--region", "eu-west-1")
        assert (ended.code, ended.err) == (1, "bootjack: No event 2 was given up\n")
        assert events(server, "discard", "2", "--region", "us-east-1").out == b"event 2 discarded\n"
        ended = events(server, "resend", "2")
        assert (ended.code, ended.err) == (1, "bootjack: No event 2 was given up\n")
        go.touch()
        assert events(server, "resend", "1").out == b"event 1 runs again\n"
        server.wait_for("ran 1", times=4)
        assert rows(events(server, "dead")) == []


def test_a_schedule_of_the_command_line_invokes_its_function(code: Path) -> None:
    (code / "app.py").write_text("def handler(event, context):\n    print(event['detail-type'], event['time'][-1])\n")
    with serve(code, "--schedule", "rate(1 hour)=app") as server:
        server_post(server, "/_bootjack/clock", {"advanceSeconds": 3600})
        server.wait_for("Scheduled Event Z")


@pytest.mark.parametrize("arguments", [("--schedule", "rate(5 minute)=app"), ("--schedule", "hourly=app")])
def test_what_is_no_schedule_is_refused_with_what_to_write(arguments: tuple[str, str]) -> None:
    ended = bootjack("serve", "--port", "0", *arguments)
    assert ended.code == 2
    assert "rate(5 minute" in ended.message


def test_what_is_asked_wrongly_is_refused(tmp_path: Path) -> None:
    with Serve(str(write_bootstrap(tmp_path))) as server:
        for method, path, body, status in (
            ("GET", "/_bootjack/events?most=0", "", 400),
            ("GET", "/_bootjack/events?most=x", "", 400),
            ("PUT", "/_bootjack/events", "", 405),
            ("POST", "/_bootjack/mappings", "", 405),
            ("GET", "/_bootjack/mappings?function=none", "", 200),
            ("GET", "/_bootjack/events/1", "", 405),
            ("DELETE", "/_bootjack/events/x", "", 400),
            ("DELETE", "/_bootjack/events/99", "", 404),
            ("POST", "/_bootjack/events/99/resend", "", 404),
            ("POST", "/_bootjack/clock", "", 400),
            ("POST", "/_bootjack/clock", '{"advanceSeconds": -1}', 400),
            ("POST", "/_bootjack/clock", '{"advanceSeconds": true}', 400),
            ("GET", "/_bootjack/schedules", "", 200),
        ):
            with server.connection() as connection:
                connection.request(method, path, body)
                assert (path, connection.getresponse().status) == (path, status)
        assert "Traceback" not in server.log()
