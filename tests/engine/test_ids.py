"""Ids have the forms that clients check, and none is used twice."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import uuid
from datetime import UTC, datetime

from runtime_api.engine.ids import invocation_id, log_stream_name, trace_header, uuid4

MANY = 20_000


def test_a_request_id_is_a_uuid_of_version_4() -> None:
    for _ in range(1000):
        text = uuid4()
        assert str(uuid.UUID(text)) == text
        assert (uuid.UUID(text).version, uuid.UUID(text).variant) == (4, uuid.RFC_4122)


def test_no_id_is_used_twice() -> None:
    assert len({uuid4() for _ in range(MANY)}) == MANY
    assert len({invocation_id() for _ in range(MANY)}) == MANY


def test_ids_of_another_process_are_others() -> None:
    code = "from runtime_api.engine.ids import uuid4; print(uuid4())"
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(2)
    ]
    groups = [{run.stdout.strip()[:8], run.stdout.strip()[8:24], run.stdout.strip()[24:]} for run in runs]
    assert groups[0].isdisjoint(groups[1])


def test_request_ids_in_a_row_differ_in_their_first_digits() -> None:
    assert len({uuid4()[:4] for _ in range(100)}) > 90


def test_an_invocation_id_has_the_form_of_a_uuid() -> None:
    assert str(uuid.UUID(invocation_id()))


def test_a_trace_header_is_the_callers_own_or_a_new_root_that_is_not_sampled() -> None:
    assert trace_header("Root=1-a-b;Sampled=1") == "Root=1-a-b;Sampled=1"
    for given in (None, ""):
        found = re.fullmatch(r"Root=1-([0-9a-f]{8})-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0", trace_header(given))
        assert found
        assert abs(int(found[1], 16) - time.time()) < 60


def test_a_log_stream_has_day_version_and_a_random_part() -> None:
    names = {log_stream_name("$LATEST") for _ in range(100)}
    assert len(names) == 100
    day = datetime.now(UTC).strftime("%Y/%m/%d")
    assert all(re.fullmatch(re.escape(f"{day}/[$LATEST]") + "[0-9a-f]{32}", name) for name in names)
