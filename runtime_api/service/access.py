"""What an environment gives its processes beside the Runtime API, against a token: metadata and credentials."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FALSE_CREDENTIALS", "KEY_VARIABLES", "Access", "Credentials", "availability_zone_id", "credentials_of"]

# An SDK needs credentials to sign with; these are plainly false, so that nothing mistakes them for a key.
FALSE_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "BOOTJACKFALSEKEYID00",
    "AWS_SECRET_ACCESS_KEY": "bootjack-gives-no-true-credentials",
    "AWS_SESSION_TOKEN": "bootjack-gives-no-true-credentials",
}
KEY_VARIABLES = frozenset(FALSE_CREDENTIALS)


class Credentials(NamedTuple):
    """A key with which the function signs."""

    access_key_id: str
    secret_access_key: str
    session_token: str


class Access(NamedTuple):
    """The tokens of one environment, and what they open."""

    region: str = ""
    metadata_token: str = ""
    credentials_token: str = ""  # empty: credentials are in variables, and there is no endpoint for them
    credentials: Credentials = Credentials(*FALSE_CREDENTIALS.values())


def credentials_of(variables: Mapping[str, str]) -> Credentials:
    """The customer's own credentials, or false ones.

    If the customer sets any of them, no false one is added: a true key with a false token is worse than none.
    """
    given = variables if KEY_VARIABLES & variables.keys() else FALSE_CREDENTIALS
    return Credentials(*(given.get(name, "") for name in FALSE_CREDENTIALS))


def availability_zone_id(region: str) -> str:
    """The id of the first zone of a region, such as use1-az1: its name, cut down as AWS does it."""
    area, *words, number = region.split("-")
    directions = "".join(re.sub("(north|south)(east|west)|[a-z]+", _initials, word) for word in words)
    return f"{area}{directions}{number}-az1"


def _initials(word: re.Match[str]) -> str:
    return f"{word[1][0]}{word[2][0]}" if word[1] else word[0][0]
