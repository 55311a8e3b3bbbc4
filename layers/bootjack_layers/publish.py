"""PublishLayerVersion through boto3 (the extra `aws`), unless the newest version is the same archive already."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import LayerError
from .limits import ZIPPED_BYTES

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Publication", "Published", "client", "publish"]


@dataclass(frozen=True)
class Publication:
    """What is published under a name; empty lists and texts are left out of the request."""

    archive: Path
    name: str
    description: str = ""
    license: str = ""
    runtimes: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()
    force: bool = False


class Published(NamedTuple):
    """The version that now holds the archive, and whether it is a new one."""

    arn: str
    new: bool


def client(endpoint_url: str | None, region: str | None) -> Any:
    """boto3's client for Lambda, with the caller's own credentials."""
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
    """Publish, or give the version that is the same."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        content = wanted.archive.read_bytes()
    except OSError as error:
        raise LayerError(f"{wanted.archive}: {(error.strerror or 'cannot be read').lower()}") from error
    if not content.startswith(b"PK"):
        raise LayerError(f"{wanted.archive} is no .zip file: make one with `bootjack layer build`")
    if len(content) > ZIPPED_BYTES:
        raise LayerError(
            f"{wanted.archive} has {len(content)} bytes, and {ZIPPED_BYTES} is the most that goes by direct upload: "
            "put it on S3 and publish it with the aws CLI, or make it smaller"
        )
    try:
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        same = None if wanted.force else _same_version(lambda_client, wanted.name, digest)
        if same:
            return Published(same, new=False)
        answer = lambda_client.publish_layer_version(**_request(wanted, content))
    except (BotoCoreError, ClientError) as error:
        raise LayerError(f"{wanted.name} is not published: {error}") from error
    return Published(str(answer["LayerVersionArn"]), new=True)


def _same_version(lambda_client: Any, name: str, digest: str) -> str | None:
    """The ARN of the newest version, when its content is the same: a version itself never changes."""
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
