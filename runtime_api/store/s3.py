"""Packages of code from an S3-compatible server, by boto3, which is imported when the first one is fetched."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from runtime_api.service.errors import InvalidParameterValueException

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["S3", "S3Object"]

NO_BOTO3 = "Code from S3 needs boto3 where bootjack runs: pip install 'bootjack[aws]'"
CONNECT_S, READ_S = 5, 60
ATTEMPTS = 2
FALSE_KEY = "bootjack"  # S3-compatible servers of tests take any; they want requests signed all the same


class S3Object(NamedTuple):
    """What to fetch."""

    bucket: str
    key: str
    version: str | None = None


class S3:
    """Fetches objects from one server; it blocks, and is safe to call from any thread."""

    def __init__(self, endpoint: str, most_bytes: int) -> None:
        self._endpoint = endpoint
        self._most_bytes = most_bytes
        self._clients: dict[str, Any] = {}  # by region
        self._one_client = threading.Lock()  # boto3 makes clients on one thread at a time

    def fetch(self, wanted: S3Object, region: str) -> bytes:
        """Return the bytes of an object; InvalidParameterValueException with S3's reason when there are none."""
        client = self._client(region)
        version = {} if wanted.version is None else {"VersionId": wanted.version}
        with _explained(self._endpoint):
            answer = client.get_object(Bucket=wanted.bucket, Key=wanted.key, **version)
            content: bytes = answer["Body"].read(self._most_bytes + 1)
            answer["Body"].close()
        if len(content) > self._most_bytes:
            raise InvalidParameterValueException(f"Unzipped size must be smaller than {self._most_bytes} bytes")
        return content

    def _client(self, region: str) -> Any:
        with self._one_client:
            if region not in self._clients:
                self._clients[region] = _client(self._endpoint, region)
            return self._clients[region]


def _client(endpoint: str, region: str) -> Any:
    try:
        import boto3
        import botocore.session
        from botocore.config import Config
    except ImportError:
        raise InvalidParameterValueException(NO_BOTO3) from None
    session = botocore.session.get_session()
    providers = session.get_component("credential_provider")
    for remote in ("container-role", "iam-role"):  # a machine outside AWS would wait for an answer in vain
        providers.remove(remote)
    key = None if session.get_credentials() is not None else FALSE_KEY
    config = Config(
        connect_timeout=CONNECT_S,
        read_timeout=READ_S,
        retries={"total_max_attempts": ATTEMPTS},
        s3={"addressing_style": "path"},  # no DNS has names for the buckets of a local server
    )
    return boto3.Session(botocore_session=session).client(
        "s3",
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id=key,
        aws_secret_access_key=key,
        config=config,
    )


@contextmanager
def _explained(endpoint: str) -> Iterator[None]:
    """Turn S3's refusals into Lambda's."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        found = error.response["Error"]
        raise InvalidParameterValueException(
            f"Error occurred while GetObject. S3 Error Code: {found.get('Code')}. "
            f"S3 Error Message: {found.get('Message')}"
        ) from None
    except (BotoCoreError, OSError) as error:
        raise InvalidParameterValueException(
            f"Error occurred while GetObject from {endpoint} (--s3-endpoint): {error}"
        ) from None
