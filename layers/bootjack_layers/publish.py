"""Publish a layer version through boto3 (the extra `aws`), unless the newest version is the same archive."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import LayerError, os_reason
from .limits import ZIPPED_BYTES

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Publication", "Published", "client", "publish"]


@dataclass(frozen=True)
class Publication:
    """A request to publish an archive; empty fields are left out of the API call."""

    archive: Path
    name: str
    description: str = ""
    license: str = ""
    runtimes: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()
    force: bool = False


class Published(NamedTuple):
    """The version that holds the archive; `new` says whether this call created it."""

    arn: str
    new: bool


def client(endpoint_url: str | None, region: str | None) -> Any:
    """A boto3 client for Lambda with the caller's credentials."""
    try:
        import boto3
        from botocore.exceptions import BotoCoreError
    except ImportError:
        raise LayerError("publishing needs boto3: pip install 'bootjack[aws]'") from None
    try:
        return boto3.client("lambda", endpoint_url=endpoint_url, region_name=region)
    except (BotoCoreError, ValueError) as error:
        raise LayerError(f"boto3: {error}") from error


def publish(lambda_client: Any, wanted: Publication) -> Published:
    """Publish the archive, or return the newest version if that has the same content."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        content = wanted.archive.read_bytes()
    except OSError as error:
        raise LayerError(f"{wanted.archive}: {os_reason(error)}") from error
    if not content.startswith(b"PK"):
        raise LayerError(f"{wanted.archive} is not a .zip file: create one with `bootjack layer build`")
    if len(content) > ZIPPED_BYTES:
        raise LayerError(
            f"{wanted.archive} has {len(content)} bytes, over the {ZIPPED_BYTES} of a direct upload: "
            "upload it to S3 and publish it with the aws CLI, or make it smaller"
        )
    try:
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        same = None if wanted.force else _same_version(lambda_client, wanted.name, digest)
        if same:
            return Published(same, new=False)
        answer = lambda_client.publish_layer_version(**_request(wanted, content))
    except (BotoCoreError, ClientError) as error:
        raise LayerError(f"{wanted.name} was not published: {error}") from error
    return Published(str(answer["LayerVersionArn"]), new=True)


def _same_version(lambda_client: Any, name: str, digest: str) -> str | None:
    """The ARN of the newest version if it has this content. Versions are immutable, so no other needs a look."""
    listed = lambda_client.list_layer_versions(LayerName=name).get("LayerVersions", [])
    if not listed:
        return None
    newest = max(listed, key=lambda version: version["Version"])
    found = lambda_client.get_layer_version(LayerName=name, VersionNumber=newest["Version"])
    return str(newest["LayerVersionArn"]) if found["Content"].get("CodeSha256") == digest else None


def _request(wanted: Publication, content: bytes) -> dict[str, Any]:
    request = {
        "LayerName": wanted.name,
        "Content": {"ZipFile": content},
        "Description": wanted.description,
        "LicenseInfo": wanted.license,
        "CompatibleRuntimes": list(wanted.runtimes),
        "CompatibleArchitectures": list(wanted.architectures),
    }
    return {name: value for name, value in request.items() if value}
