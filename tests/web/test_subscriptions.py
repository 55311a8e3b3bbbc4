"""Which of the two subscription APIs an environment has."""

from __future__ import annotations

import pytest

from runtime_api.service.records import FunctionSpec
from runtime_api.web.runtime import RuntimeApi
from runtime_api.web.telemetry import SubscriptionApi

TELEMETRY, LOGS = b"/2022-07-01/telemetry", b"/2020-08-15/logs"


@pytest.mark.parametrize(("concurrent", "paths"), [(False, {TELEMETRY, LOGS}), (True, {TELEMETRY})])
def test_concurrent_mode_has_no_logs_api(concurrent: bool, paths: set[bytes]) -> None:
    assert set(SubscriptionApi(lambda *_: None, with_logs=not concurrent).routes) == paths
    api = RuntimeApi(lambda *_: None, FunctionSpec("f"), concurrent=concurrent)
    assert set(api.subscriptions.routes) == paths
