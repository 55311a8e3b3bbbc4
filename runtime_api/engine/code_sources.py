"""Where the code in a request comes from: the request itself, S3, or a directory of this machine."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime_api.service.errors import InvalidParameterValueException
from runtime_api.service.function_record import Code
from runtime_api.store.s3 import S3, S3Object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runtime_api.protocol.limits import Limits

__all__ = ["CodeSources"]

NO_KEY = "Name S3Bucket and S3Key together: which object of {bucket} has the code?"
HOT_RELOAD = "hot-reload"  # the bucket that means a directory, as users of LocalStack know it
NO_S3 = (
    "Code from S3 needs an S3-compatible server: start bootjack serve with --s3-endpoint URL or "
    "AWS_ENDPOINT_URL_S3, or upload a ZipFile"
)


class CodeSources:
    """Finds the code of functions and layers."""

    def __init__(self, limits: Limits, s3_endpoint: str | None = None, *, hot_reload: bool = True) -> None:
        """`s3_endpoint`: URL of the server that has S3's objects.

        `hot_reload`: whether callers may name directories of this machine.
        """
        self._s3 = None if s3_endpoint is None else S3(s3_endpoint, limits.unzipped_bytes)
        self._hot_reload = hot_reload

    async def find(self, parameters: Mapping[str, Any], region: str) -> bytes | Code | None:
        """Return the package that a request brings or names, or the directory or image; None if it is not about code.

        Raises InvalidParameterValueException when there is nothing where it points to.
        """
        source = parameters.get("Code") or parameters.get("Content") or parameters
        if "ImageUri" in source:
            return Code("", 0, image=source["ImageUri"])
        if "S3Bucket" not in source:
            package: bytes | None = source.get("ZipFile")
            return package
        if "S3Key" not in source:
            raise InvalidParameterValueException(NO_KEY.format(bucket=source["S3Bucket"]))
        wanted = S3Object(source["S3Bucket"], source["S3Key"], source.get("S3ObjectVersion"))
        if wanted.bucket == HOT_RELOAD and self._hot_reload:
            return _directory(wanted.key)
        if self._s3 is None:
            raise InvalidParameterValueException(NO_S3)
        return await asyncio.get_running_loop().run_in_executor(None, self._s3.fetch, wanted, region)


def _directory(path: str) -> Code:
    if not path.startswith("/") or not Path(path).is_dir():
        raise InvalidParameterValueException(
            f"S3Bucket={HOT_RELOAD} takes the absolute path of a directory as S3Key: {path!r} is none"
        )
    return Code("", 0, path)
