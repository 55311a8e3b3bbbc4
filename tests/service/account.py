"""An account of the service without a server: rules, and nothing that waits or fails."""

from __future__ import annotations

from hashlib import sha256
from itertools import count
from typing import Any

import orjson

from runtime_api.protocol.provisioning import Allocation
from runtime_api.service.codec import encode
from runtime_api.service.function_record import Code, Function
from runtime_api.service.mapping_record import EventSourceMapping
from runtime_api.service.operations import model
from runtime_api.service.profiles import CURRENT, Profile
from runtime_api.service.resources import Shelves
from runtime_api.service.rules import Asked, Owner, Uploaded
from runtime_api.service.rules.functions import settled
from runtime_api.service.rules.mappings import settled_mapping
from runtime_api.service.rules.table import RULES
from runtime_api.service.validation import check_parameters

__all__ = ["ACCOUNT", "ARN", "ROLE", "Account"]

ACCOUNT, REGION = "123456789012", "us-east-1"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"
NOW = "2026-01-02T03:04:05.006+0000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"


class Account:
    """Performs operations one after the other."""

    def __init__(self, profile: Profile = CURRENT, owner: Owner = Owner(ACCOUNT, REGION)) -> None:  # noqa: B008 - it never changes
        self.profile = profile
        self.owner = owner
        self.elsewhere: dict[Owner, Shelves] = {}  # what other owners have
        self.functions: dict[str, Function] = {}
        self.next_numbers: dict[str, int] = {}
        self.shelves = Shelves()
        self.allocations: dict[str, Allocation] = {}  # by the ARN of a version
        self._url_ids = map("{:032x}".format, count(1))
        self._ids = map("{:08x}-0000-4000-8000-000000000000".format, count(1))

    def perform(self, operation: str, *, settle: bool = True, **parameters: Any) -> dict[str, Any]:
        """Perform an operation; then, unless `settle` is False, let what it began come to its end."""
        shape = model().operations[operation].input
        assert shape is not None
        check_parameters(shape, parameters)
        package = (parameters.get("Code") or parameters.get("Content") or parameters).get("ZipFile")
        image = (parameters.get("Code") or parameters).get("ImageUri")
        uploaded = None if package is None else Uploaded(Code(sha256(package).hexdigest(), len(package)), 0)
        if image is not None:
            uploaded = Uploaded(Code("", 0, image=image), 0)
        asked = Asked(
            parameters,
            self.owner,
            self.functions,
            NOW,
            1_767_323_045.006,
            self._ids,
            uploaded,
            self.next_numbers,
            self.shelves,
            "link:{}".format,
            self.profile,
            lambda owner: self.elsewhere.get(owner, Shelves()),
            "http://{}.url/".format,
            self._url_ids,
            lambda arn: self.allocations.get(arn, Allocation()),
        )
        result = RULES[operation](asked)
        if result.changed is not None:
            self.functions[result.changed.name] = result.changed
        if result.removed is not None:
            self.next_numbers[result.removed.name] = self.functions.pop(result.removed.name).next_number
        if result.kept is not None:
            self.shelves.put(result.kept)
        if result.dropped is not None:
            self.shelves.drop(result.dropped)
        if settle:
            self.settle()
        answer: dict[str, Any] = orjson.loads(encode(model().operations[operation], result.document).body or b"{}")
        return answer

    def settle(self) -> None:
        """Let everything come to its end."""
        for mapping in tuple(self.shelves.of(EventSourceMapping).values()):
            after = settled_mapping(mapping, NOW)
            self.shelves.put(after) if after is not None else self.shelves.drop(mapping)
        self.functions = {name: settled(function, self._ids) for name, function in self.functions.items()}

    def create(self, name: str = "f", **parameters: Any) -> dict[str, Any]:
        """Create a function with the least that is needed."""
        needed: dict[str, Any] = {
            "Runtime": "provided.al2023",
            "Handler": "h",
            "Role": ROLE,
            "Code": {"ZipFile": b"1"},
        }
        return self.perform("CreateFunction", **{"FunctionName": name, **needed, **parameters})
