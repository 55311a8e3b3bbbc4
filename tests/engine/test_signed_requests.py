"""Requests that recur are signed once a minute."""

from __future__ import annotations

from runtime_api.engine.signed_requests import KEPT_S, SignedRequests
from runtime_api.store.aws_requests import Prepared

ONE = Prepared("POST", "http://127.0.0.1/", {"Authorization": "one"}, b"{}")
OTHER = ONE._replace(headers={"Authorization": "other"})


def test_a_request_is_kept_for_a_minute() -> None:
    signed = SignedRequests()
    signed.put("poll", ONE, 100.0)

    assert signed.get("poll", 100.0 + KEPT_S - 1) == ONE
    assert signed.get("poll", 100.0 + KEPT_S) is None
    assert signed.get("another", 100.0) is None


def test_a_request_that_was_refused_is_signed_anew() -> None:
    signed = SignedRequests()
    signed.put("poll", ONE, 100.0)
    signed.put("another", OTHER, 100.0)

    signed.forget("poll")

    assert signed.get("poll", 101.0) is None
    assert signed.get("another", 101.0) == OTHER
