"""The runtimes of Lambda: their families, and which of them functions may be created with and changed to.

How a family is run on this machine is told in `engine.programs`.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

from .errors import InvalidParameterValueException
from .operations import model

__all__ = [
    "GUIDE_2019",
    "TODAY",
    "Family",
    "Runtime",
    "RuntimeRules",
    "check_runtime",
    "check_snap_start",
    "family_of",
    "runtime_of",
]


class Family(StrEnum):
    """What a runtime runs, by the name that its identifiers begin with."""

    PROVIDED = "provided"
    PYTHON = "python"
    NODE = "nodejs"
    GO = "go"
    RUBY = "ruby"
    JAVA = "java"
    DOTNET = "dotnet"
    CUSTOM = "custom"


class Runtime(NamedTuple):
    """A runtime by its identifier, such as python3.12."""

    id: str
    family: Family
    version: tuple[int, ...]  # of the language; empty where the identifier has none


# Every identifier that Lambda has had, by family.
IDENTIFIERS = {
    Family.PROVIDED: "provided provided.al2 provided.al2023",
    Family.PYTHON: """
        python2.7 python3.6 python3.7 python3.8 python3.9 python3.10 python3.11 python3.12 python3.13 python3.14
        python3.15
    """,
    Family.NODE: """
        nodejs nodejs4.3 nodejs4.3-edge nodejs6.10 nodejs8.10 nodejs10.x nodejs12.x nodejs14.x nodejs16.x nodejs18.x
        nodejs20.x nodejs22.x nodejs24.x nodejs26.x
    """,
    Family.GO: "go1.x",
    Family.RUBY: "ruby2.5 ruby2.7 ruby3.2 ruby3.3 ruby3.4 ruby4.0",
    Family.JAVA: """
        java8 java8.al2 java8.al2023 java11 java11.al2023 java17 java17.al2023 java21 java25
    """,
    Family.DOTNET: "dotnetcore1.0 dotnetcore2.0 dotnetcore2.1 dotnetcore3.1 dotnet6 dotnet8 dotnet10",
    Family.CUSTOM: "custom",
}
FAMILIES = {name: family for family, names in IDENTIFIERS.items() for name in names.split()}

# Runtimes that Lambda makes snapshots of, from the first one of their kind on.
SNAPSHOTS = (r"java(11|17|2\d)(\.al2023)?", r"python3\.(1[2-9])", r"dotnet([89]|1\d)")

UNKNOWN = (
    "Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [{listed}] or be "
    "a valid ARN"
)


class RuntimeRules(NamedTuple):
    """What may be created and changed, and how anything else is refused."""

    listed: tuple[str, ...]  # what a refusal lists, in its order
    deprecated: frozenset[str]  # neither created nor changed, but invoked
    refusal: str  # of what is deprecated; {runtime} and {newer} stand for runtimes
    newer: tuple[tuple[str, str], ...] = ()  # for a family, the runtime to go to
    accepts_unlisted: bool = False  # what the API knows, without listing it


NO_LONGER = (
    "The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda functions. "
)

# Recorded in January 2026.
LISTED = """
    nodejs20.x python3.14 provided.al2023 python3.12 python3.13 nodejs24.x nodejs22.x java25 python3.10 python3.11
    java21 ruby3.3 ruby3.4 ruby3.2 python3.8 python3.9 java17 nodejs16.x dotnet10 dotnet8 java11 dotnet6 nodejs18.x
    provided.al2 java8.al2
"""
DEPRECATED = """
    nodejs nodejs4.3 nodejs4.3-edge nodejs6.10 nodejs8.10 nodejs10.x nodejs12.x nodejs14.x python2.7 python3.6
    python3.7 ruby2.5 ruby2.7 java8 go1.x provided dotnetcore1.0 dotnetcore2.0 dotnetcore2.1 dotnetcore3.1
"""
TODAY = RuntimeRules(
    tuple(LISTED.split()),
    frozenset(DEPRECATED.split()),
    NO_LONGER + "We recommend you use a supported runtime while creating or updating functions.",
    accepts_unlisted=True,
)

# The guide's list (4371-4406), and python3.8, which the tutorial of its year creates. Both phases of its calendar
# (4462-4479) are over.
LISTED_2019 = """
    nodejs8.10 nodejs10.x java8 python2.7 python3.6 python3.7 python3.8 dotnetcore1.0 dotnetcore2.1 go1.x ruby2.5
    provided
"""
DEPRECATED_2019 = "nodejs nodejs4.3 nodejs4.3-edge nodejs6.10 dotnetcore2.0"
GUIDE_2019 = RuntimeRules(
    tuple(LISTED_2019.split()),
    frozenset(DEPRECATED_2019.split()),
    NO_LONGER + "We recommend you use the new runtime ({newer}) while creating or updating functions.",
    newer=((Family.NODE, "nodejs10.x"), (Family.DOTNET, "dotnetcore2.1")),
)


def check_snap_start(runtime: str) -> None:
    """Raise InvalidParameterValueException for a runtime that Lambda makes no snapshots of."""
    found = re.fullmatch("|".join(SNAPSHOTS), runtime)
    if found is None:
        raise InvalidParameterValueException(f"{runtime} is not supported for SnapStart enabled functions.")


def family_of(identifier: str) -> Family | None:
    """Return the family of a runtime; None for what Lambda does not have, and for images, which name none."""
    return FAMILIES.get(identifier)


def runtime_of(identifier: str) -> Runtime:
    """Return what an identifier stands for; ValueError for one that Lambda does not have."""
    family = FAMILIES.get(identifier)
    if family is None:
        raise ValueError(f"{identifier} is no runtime of Lambda")
    found = re.match(r"[a-z]+(\d+(?:\.\d+)?)", identifier)
    return Runtime(identifier, family, tuple(map(int, found[1].split("."))) if found else ())


def check_runtime(runtime: str, rules: RuntimeRules) -> None:
    """Raise InvalidParameterValueException for a runtime that no function may be created with or changed to."""
    if runtime in rules.deprecated:
        newer = dict(rules.newer).get(FAMILIES[runtime], "")
        raise InvalidParameterValueException(rules.refusal.format(runtime=runtime, newer=newer))
    if runtime in rules.listed or (rules.accepts_unlisted and runtime in model().shapes["Runtime"].enum):
        return
    raise InvalidParameterValueException(UNKNOWN.format(runtime=runtime, listed=", ".join(rules.listed)))
