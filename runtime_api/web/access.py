"""What an environment's processes ask for with a token: metadata, and with SnapStart credentials (spec 8)."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import orjson

from runtime_api.protocol import wire
from runtime_api.service.access import availability_zone_id

from . import replies
from .routes import Route

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runtime_api.service.access import Access

    from .http1.exchange import Exchange
    from .replies import PlainReply

__all__ = ["access_routes"]

AUTHORIZATION = b"authorization"
CACHED = "Cache-Control: private, max-age=43200, immutable\r\n"
VALID_FOR = timedelta(hours=6)


def access_routes(access: Access) -> Mapping[bytes, Route]:
    """The routes that this access opens."""
    routes = {wire.METADATA.encode(): Route(b"GET", _Metadata(access).answer, replies.WRONG_METHOD)}
    if access.credentials_token:
        routes[wire.CREDENTIALS.encode()] = Route(b"GET", _Keys(access).answer)
    return routes


class _Metadata:
    def __init__(self, access: Access) -> None:
        self._expected = f"Bearer {access.metadata_token}".encode()
        self._document = orjson.dumps({"AvailabilityZoneID": availability_zone_id(access.region)})

    def answer(self, exchange: Exchange) -> None:
        if _shows(exchange, self._expected):
            exchange.reply(replies.OK, replies.JSON + CACHED, self._document)
        else:
            _send(exchange, replies.UNAUTHORIZED)


class _Keys:
    def __init__(self, access: Access) -> None:
        self._expected = access.credentials_token.encode()
        self._credentials = access.credentials

    def answer(self, exchange: Exchange) -> None:
        if not _shows(exchange, self._expected):
            _send(exchange, replies.NO_CREDENTIALS)
            return
        expiration = (datetime.now(UTC) + VALID_FOR).strftime("%Y-%m-%dT%H:%M:%SZ")
        key = self._credentials
        document = {
            "AccessKeyId": key.access_key_id,
            "SecretAccessKey": key.secret_access_key,
            "Token": key.session_token,
            "Expiration": expiration,
        }
        exchange.reply(replies.OK, replies.PLAIN, orjson.dumps(document))


def _shows(exchange: Exchange, expected: bytes) -> bool:
    return hmac.compare_digest(exchange.headers.get(AUTHORIZATION, b""), expected)


def _send(exchange: Exchange, reply: PlainReply) -> None:
    exchange.reply(reply.status, reply.headers, reply.body)
