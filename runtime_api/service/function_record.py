"""A function as the service keeps it: one immutable value with its versions, aliases and everything that names it.

A value is replaced as a whole, under compare and set, so that no reader ever sees half of a change.
"""

from __future__ import annotations

from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field, structs

from .arns import LATEST, function_arn
from .function_url_record import FunctionUrl  # noqa: TC001  # msgspec looks it up when it reads a Function
from .owners import Owner
from .records import DIRECTORY, IMAGE

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "Alias",
    "Code",
    "Configuration",
    "EventInvoke",
    "Function",
    "LastUpdate",
    "LayerUse",
    "Policy",
    "Provisioned",
    "State",
    "Statement",
    "Version",
    "has_snapshot",
]


class State(StrEnum):
    """Whether a version can be invoked."""

    PENDING = "Pending"
    ACTIVE = "Active"


class LastUpdate(StrEnum):
    """How far the last change of a version has come."""

    IN_PROGRESS = "InProgress"
    SUCCESSFUL = "Successful"


class Code(Struct, frozen=True):
    """A package of code, by its content."""

    sha256: str  # in hexadecimal digits: names the archive; empty for code that is none
    size: int  # bytes, zipped
    directory: str = ""  # of this machine, which is run as it is instead of an archive
    image: str = ""  # the URI of a container image, which is known by name only

    @property
    def reference(self) -> str:
        """What installers know it by; empty for a function of the command line."""
        if self.image:
            return f"{IMAGE}{self.image}"
        return f"{DIRECTORY}{self.directory}" if self.directory else self.sha256

    @property
    def digest(self) -> str:
        """The SHA-256 that callers see; no registry is asked for that of an image, so its URI stands for it."""
        return sha256(self.image.encode()).hexdigest() if self.image else self.sha256


class LayerUse(Struct, frozen=True):
    """A layer version as a function has it: it stays when the version is deleted."""

    arn: str
    code: Code


class Configuration(Struct, frozen=True, rename="pascal", omit_defaults=False):
    """What a caller may set of a version, named as Lambda's API names it. Defaults are Lambda's own."""

    runtime: str  # empty, as the handler, for an image
    handler: str
    role: str
    description: str = ""
    timeout: int = 3  # seconds
    memory_size: int = 128  # MB
    environment: dict[str, dict[str, str]] | None = None
    ephemeral_storage: dict[str, int] = field(default_factory=lambda: {"Size": 512})  # MB
    layers: tuple[LayerUse, ...] = ()  # in order; the last one wins
    architectures: tuple[str, ...] = ("x86_64",)
    package_type: str = "Zip"
    tracing_config: dict[str, str] = field(default_factory=lambda: {"Mode": "PassThrough"})
    logging_config: dict[str, str] = field(default_factory=dict)
    snap_start: dict[str, str] = field(default_factory=lambda: {"ApplyOn": "None"})
    vpc_config: dict[str, Any] | None = None
    dead_letter_config: dict[str, str] | None = None
    kms_key_arn: str | None = field(default=None, name="KMSKeyArn")
    image_config_response: dict[str, Any] | None = None
    file_system_configs: tuple[dict[str, str], ...] | None = None
    tenancy_config: dict[str, str] | None = None  # only set when the function is created
    capacity_provider_config: dict[str, Any] | None = None  # environments run several invocations at once


class Version(Struct, frozen=True):
    """A version of a function: `$LATEST`, or a published one that never changes again."""

    number: str
    configuration: Configuration
    code: Code
    revision_id: str
    last_modified: str
    state: State = State.PENDING
    last_update: LastUpdate | None = None
    source_description: str = ""  # of $LATEST when this version was published from it


def has_snapshot(version: Version) -> bool:
    """Whether environments of a version are restored from a snapshot: of a published one that asks for it."""
    return version.configuration.snap_start["ApplyOn"] == "PublishedVersions" and version.number != LATEST


class Alias(Struct, frozen=True):
    """A name for a version, or for two that share its traffic."""

    name: str
    version: str
    description: str
    revision_id: str
    weights: dict[str, float] = {}  # of the traffic that goes to another version


class Statement(Struct, frozen=True):
    """One permission of a resource policy, as the document that Lambda shows."""

    id: str
    document: dict[str, Any]


class Policy(Struct, frozen=True):
    """The permissions for one ARN."""

    revision_id: str
    statements: tuple[Statement, ...]


class EventInvoke(Struct, frozen=True):
    """How events are tried, as the API shows it; what is not there is Lambda's default."""

    settings: dict[str, Any]
    last_modified: float  # Unix seconds


class Provisioned(Struct, frozen=True):
    """How many environments of a version or an alias are kept initialised."""

    requested: int
    last_modified: str


class Function(Struct, frozen=True):
    """A function and everything that belongs to it."""

    name: str
    account: str
    region: str
    latest: Version
    published: dict[str, Version] = {}  # by number, in order
    next_number: int = 1
    aliases: dict[str, Alias] = {}
    tags: dict[str, str] = {}
    reserved_concurrency: int | None = None
    policies: dict[str, Policy] = {}  # by qualifier; "" for the function's own ARN
    code_signing_config: str | None = None  # the ARN of the one that is attached
    runtime_management: dict[str, dict[str, str]] = {}  # by version, as the API shows it
    recursive_loop: str = "Terminate"
    event_invoke: dict[str, EventInvoke] = {}  # by qualifier; $LATEST for the function itself
    urls: dict[str, FunctionUrl] = {}  # by alias; $LATEST for the function itself
    provisioned: dict[str, Provisioned] = {}  # by version or alias

    def arn(self, qualifier: str | None = None) -> str:
        """Return the function's ARN, with a qualifier if one is given."""
        return function_arn(self.region, self.account, self.name, qualifier)

    @property
    def owner(self) -> Owner:
        """Whose function it is."""
        return Owner(self.account, self.region)

    def versions(self) -> Iterator[Version]:
        """Every version, $LATEST first and then in the order of publication."""
        yield self.latest
        yield from self.published.values()

    def version(self, number: str) -> Version | None:
        """Return a version by its number or $LATEST."""
        return self.latest if number == LATEST else self.published.get(number)

    def with_version(self, version: Version) -> Function:
        """Put a version in place of the one with its number."""
        if version.number == LATEST:
            return structs.replace(self, latest=version)
        return structs.replace(self, published={**self.published, version.number: version})
