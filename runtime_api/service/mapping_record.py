"""An event source mapping: which function gets the events of which source, and how."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from msgspec import Struct, field

__all__ = ["EventSourceMapping", "MappingState", "Settings"]


class MappingState(StrEnum):
    """What a mapping does, or is about to do."""

    CREATING = "Creating"
    ENABLED = "Enabled"
    DISABLED = "Disabled"
    ENABLING = "Enabling"
    DISABLING = "Disabling"
    UPDATING = "Updating"
    DELETING = "Deleting"

    @property
    def is_settled(self) -> bool:
        """Whether it stays like this until somebody asks for another one."""
        return self in (MappingState.ENABLED, MappingState.DISABLED)


class Settings(Struct, frozen=True, rename="pascal"):
    """What a caller may set of a mapping, named as Lambda's API names it; None for what its source does not have."""

    event_source_arn: str | None = None
    batch_size: int = 100  # records
    maximum_batching_window_in_seconds: int | None = None
    filter_criteria: dict[str, list[dict[str, str]]] | None = None
    kms_key_arn: str | None = field(default=None, name="KMSKeyArn")
    metrics_config: dict[str, Any] | None = None
    logging_config: dict[str, Any] | None = None
    scaling_config: dict[str, int] | None = None
    parallelization_factor: int | None = None
    starting_position: str | None = None
    starting_position_timestamp: float | None = None  # Unix seconds
    destination_config: dict[str, dict[str, str]] | None = None
    maximum_record_age_in_seconds: int | None = None  # -1: as long as the source keeps it
    bisect_batch_on_function_error: bool | None = None
    maximum_retry_attempts: int | None = None  # -1: until it works or is too old
    tumbling_window_in_seconds: int | None = None
    topics: tuple[str, ...] | None = None
    queues: tuple[str, ...] | None = None
    source_access_configurations: tuple[dict[str, str], ...] | None = None
    self_managed_event_source: dict[str, Any] | None = None
    function_response_types: tuple[str, ...] | None = None
    amazon_managed_kafka_event_source_config: dict[str, Any] | None = None
    self_managed_kafka_event_source_config: dict[str, Any] | None = None
    document_d_b_event_source_config: dict[str, Any] | None = field(default=None, name="DocumentDBEventSourceConfig")
    provisioned_poller_config: dict[str, Any] | None = None


class EventSourceMapping(Struct, frozen=True):
    """A mapping and its state."""

    uuid: str
    account: str
    region: str
    function_arn: str  # with the qualifier that the caller gave
    settings: Settings
    state: MappingState
    enabled: bool  # whether it is on its way to Enabled, or to Disabled
    last_modified: str
    last_result: str | None = None  # of the last batch; None for queues of SQS, which never show one
    tags: dict[str, str] = {}

    @property
    def name(self) -> str:
        """The identifier by which callers name it."""
        return self.uuid

    @property
    def arn(self) -> str:
        """Its ARN, which only tags are given to."""
        return f"arn:aws:lambda:{self.region}:{self.account}:event-source-mapping:{self.uuid}"
