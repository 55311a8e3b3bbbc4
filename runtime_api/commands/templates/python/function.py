"""The function: gets its event, and the headers that came with it; what it returns is the response as JSON."""

from __future__ import annotations

from typing import Any


def handler(event: Any, headers: Any) -> Any:
    """Answer with the event."""
    print("the deadline is", headers["Lambda-Runtime-Deadline-Ms"])
    return {"you sent": event}
