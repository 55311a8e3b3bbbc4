"""What Lambda knows of a function, as immutable records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from .arns import LATEST, function_arn

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DIRECTORY", "IMAGE", "CodeRef", "FunctionSpec", "Logging"]

IMAGE = "image:"  # before the URI of one, likewise
DIRECTORY = "directory:"  # before the path of one, in place of the SHA-256 of a package


class CodeRef(NamedTuple):
    """Names the code and layers of a function version, and how they are started.

    Only the server that holds them knows where they are.
    """

    id: str  # the SHA-256 of a package, or a directory; for code of the command line, a name that its server gave
    runtime: str = ""  # of a package or directory, as what follows
    handler: str = ""
    layers: tuple[str, ...] = ()  # the SHA-256 of each, in order; the last one wins

    @property
    def is_package(self) -> bool:
        """Whether the code is installed by what it says of itself: an archive by its content, or a directory."""
        return bool(self.runtime)

    @property
    def directories(self) -> tuple[str, ...]:
        """The directories that it is run from as they are, and that may change at any time."""
        references = (self.id, *self.layers)
        return tuple(each.removeprefix(DIRECTORY) for each in references if each.startswith(DIRECTORY))


class Logging(NamedTuple):
    """How a function's log is kept: the LoggingConfig of Lambda's API."""

    group: str | None = None  # None: the function's own
    is_json: bool = False
    application_level: str = "INFO"  # what a log in JSON keeps, as the other level
    system_level: str = "INFO"


DEFAULT_LOGGING = Logging()


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """One version of a function. Defaults are Lambda's own."""

    name: str
    handler: str = "function.handler"
    timeout_ms: float = 3000
    memory_mb: int = 128
    ephemeral_mb: int = 512  # of /tmp
    variables: Mapping[str, str] = field(default_factory=dict)  # the customer's
    version: str = LATEST
    runtime: str = "provided.al2023"
    region: str = "us-east-1"
    account: str = "123456789012"
    logging: Logging = DEFAULT_LOGGING

    @property
    def log_group(self) -> str:
        """The name of the log group."""
        return self.logging.group or f"/aws/lambda/{self.name}"

    def arn(self, qualifier: str | None = None) -> str:
        """Return the function's ARN, as invoked with this qualifier."""
        return function_arn(self.region, self.account, self.name, qualifier)
