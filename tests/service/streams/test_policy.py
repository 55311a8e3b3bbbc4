"""What mappings ask for, in the units of shards."""

from __future__ import annotations

import pytest

from runtime_api.service.mapping_record import Settings
from runtime_api.service.streams.policy import StreamPolicy, policy_of


@pytest.mark.parametrize(
    ("settings", "policy"),
    [
        (
            Settings(
                batch_size=100,
                maximum_batching_window_in_seconds=0,
                parallelization_factor=1,
                maximum_record_age_in_seconds=-1,
                bisect_batch_on_function_error=False,
                maximum_retry_attempts=-1,
                tumbling_window_in_seconds=0,
                function_response_types=(),
            ),
            StreamPolicy(),
        ),
        (Settings(maximum_retry_attempts=0), StreamPolicy(most_retries=0)),
        (Settings(maximum_record_age_in_seconds=60), StreamPolicy(most_age_ms=60_000)),
        (Settings(maximum_batching_window_in_seconds=5), StreamPolicy(gather_ms=5000)),
        (Settings(function_response_types=("ReportBatchItemFailures",)), StreamPolicy(reports_items=True)),
        (Settings(parallelization_factor=10), StreamPolicy(slots=10)),
        (Settings(parallelization_factor=10, tumbling_window_in_seconds=30), StreamPolicy(slots=1, window_ms=30_000)),
    ],
)
def test_a_policy(settings: Settings, policy: StreamPolicy) -> None:
    assert policy_of(settings) == policy
