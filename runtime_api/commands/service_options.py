"""The options that say whom the service answers, and where it gets code from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from .option_groups import option_group, options_under
from .options import fail

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runtime_api.engine.aws_clients import AwsSettings

__all__ = ["ServiceOptions", "aws_settings", "known_keys", "s3_endpoint", "service_options"]


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """What the command line says of the service."""

    verify_signatures: bool
    keys: Path | None
    enforce_policies: bool
    s3_endpoint: str | None
    poll_aws: bool
    hot_reload: bool


option = options_under("Service options")

service_options = option_group(
    ServiceOptions,
    "service",
    option(
        "--verify-signatures",
        is_flag=True,
        help="Refuse requests that are not signed with a known key: one of --keys, or AWS_ACCESS_KEY_ID with "
        "AWS_SECRET_ACCESS_KEY of this command's environment.",
    ),
    option(
        "--keys",
        type=click.Path(path_type=Path),
        metavar="FILE",
        default=None,
        help="Keys for --verify-signatures, in the form of ~/.aws/credentials.",
    ),
    option(
        "--enforce-policies",
        is_flag=True,
        help="Let other accounts, and callers that play a service of AWS's, invoke only what a function's policy "
        "allows.",
    ),
    option(
        "--s3-endpoint",
        metavar="URL",
        default=None,
        envvar="AWS_ENDPOINT_URL_S3",
        show_envvar=True,
        help="S3-compatible server to get code from that callers name by S3Bucket and S3Key. Needs pip install "
        "'bootjack[aws]'.",
    ),
    option(
        "--poll-aws",
        is_flag=True,
        help="Send events on to AWS's own queues, topics and buckets where neither AWS_ENDPOINT_URL nor "
        "AWS_ENDPOINT_URL_<SERVICE> names another server. Needs pip install 'bootjack[aws]'.",
    ),
    option(
        "--no-hot-reload",
        "hot_reload",
        is_flag=True,
        flag_value=False,
        default=True,
        help="Refuse S3Bucket=hot-reload, by which callers run code from any directory that this server can read.",
    ),
)


def s3_endpoint(options: ServiceOptions) -> str | None:
    """Return the URL of --s3-endpoint; a usage error if it is none."""
    url = options.s3_endpoint or None
    if url is not None and not _is_url(url):
        fail(f"--s3-endpoint: {url!r} is not a URL such as http://127.0.0.1:5000")
    return url


def aws_settings(options: ServiceOptions, variables: Mapping[str, str]) -> AwsSettings:
    """Return where requests to AWS's services go; a usage error if an endpoint is no URL."""
    from runtime_api.engine.aws_clients import AwsSettings, endpoints_of

    endpoints = endpoints_of(variables)
    for service, url in endpoints.items():
        if not _is_url(url):
            name = f"AWS_ENDPOINT_URL_{service.upper()}".removesuffix("_")
            fail(f"{name}: {url!r} is not a URL such as http://127.0.0.1:5000")
    if options.s3_endpoint:
        endpoints["s3"] = options.s3_endpoint
    return AwsSettings(endpoints, options.poll_aws)


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def known_keys(options: ServiceOptions, variables: Mapping[str, str]) -> dict[str, str] | None:
    """Return the secret of each key that callers may sign with; None when signatures are not to be verified."""
    if not options.verify_signatures:
        if options.keys is not None:
            fail("--keys does nothing without --verify-signatures: add it")
        return None
    keys = {} if options.keys is None else _read_keys(options.keys)
    key, secret = variables.get("AWS_ACCESS_KEY_ID"), variables.get("AWS_SECRET_ACCESS_KEY")
    if key and secret:
        keys[key] = secret
    if not keys:
        fail(
            "--verify-signatures needs a key to know: give --keys FILE, or set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY"
        )
    return keys


def _read_keys(path: Path) -> dict[str, str]:
    """The keys of a file; errors never repeat its text, which holds secrets."""
    from configparser import Error, RawConfigParser

    profiles = RawConfigParser()
    try:
        profiles.read_string(path.read_text("utf-8"))
    except OSError as error:
        fail(f"--keys {path}: {(error.strerror or str(error)).lower()}")
    except (Error, UnicodeDecodeError):
        fail(f"--keys {path}: is not in the form of ~/.aws/credentials: [profile], then name = value")
    keys: dict[str, str] = {}
    for name in profiles.sections():
        profile = profiles[name]
        key, secret = profile.get("aws_access_key_id"), profile.get("aws_secret_access_key")
        if not key or not secret:
            fail(f"--keys {path}: [{name}] needs aws_access_key_id and aws_secret_access_key")
        keys[key] = secret
    return keys
