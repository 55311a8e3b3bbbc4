"""How answers of a server are judged."""

from __future__ import annotations

from runtime_api.conformance.server.connection import Answer
from runtime_api.conformance.server.expect import Observed, differences


def observed(body: bytes) -> Observed:
    return Observed(Answer(403, (("Content-Type", "application/json"),), body), 0.0, 0.0)


def test_a_refusal_that_nests_too_deeply_is_not_json() -> None:
    deep = observed(b"[" * 100_000 + b"]" * 100_000)
    assert "the body is not JSON" in (differences({"refusal": "InvalidStateTransition"}, deep) or "")
    assert "the body is not JSON" in (differences({"json": {"errorType": "InvalidStateTransition"}}, deep) or "")


def test_a_refusal_has_its_type() -> None:
    refusal = observed(b'{"errorMessage":"m","errorType":"InvalidStateTransition"}')
    assert differences({"status": 403, "refusal": "InvalidStateTransition"}, refusal) is None
    assert differences({"status": [200, 403]}, refusal) is None
    assert differences({"status": [200, 404]}, refusal) is not None
    assert differences({"refusal": "InvalidRequestID"}, refusal) is not None
