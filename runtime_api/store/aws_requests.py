"""Requests to AWS's services as bytes: botocore's models, signatures and parsers, without its way of sending.

botocore waits for answers on the thread that asks, and aiobotocore fits only the botocore of a few days. What is used
here (models, serializers, SigV4, parsers) has been stable for years, and the caller sends the request as it likes.
Everything may block: botocore reads models and credentials from files, and credentials may come from a server.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AwsAnswer", "AwsError", "AwsRequests", "Prepared"]

NO_BOTOCORE = "this needs boto3 where bootjack runs: pip install 'bootjack[aws]'"
FALSE_KEY = "bootjack"  # servers of tests take any; they want requests signed all the same
REMOTE_PROVIDERS = ("container-role", "iam-role")  # a machine outside AWS would wait for their answers in vain
SERVER_ERROR, TOO_MANY = 500, 429
THROTTLED = frozenset(
    {
        "ExpiredTokenException",
        "KMSThrottlingException",
        "LimitExceededException",
        "OverLimit",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestTimeout",
        "SlowDown",
        "Throttled",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


class AwsError(Exception):
    """A request that was refused, or could not be made; `is_lasting` when another attempt would end alike."""

    def __init__(self, message: str, code: str = "", *, is_lasting: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.is_lasting = is_lasting


class Prepared(NamedTuple):
    """A request that is ready to be sent."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes


class AwsAnswer(NamedTuple):
    """An answer as it came; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class AwsRequests:
    """Makes requests and reads answers; safe to call from any thread."""

    def __init__(self, *, uses_remote_credentials: bool = False) -> None:
        """`uses_remote_credentials`: ask the container or the machine for some, as on AWS."""
        self._uses_remote_credentials = uses_remote_credentials
        self._one_at_a_time = threading.Lock()
        self._session: Any = None
        self._services: dict[str, _Service] = {}

    def prepare(
        self, service: str, operation: str, parameters: Mapping[str, Any], region: str, endpoint: str | None
    ) -> Prepared:
        """Return a signed request; `endpoint` None is AWS's own. AwsError without botocore or credentials."""
        from botocore.auth import S3SigV4Auth, SigV4Auth
        from botocore.awsrequest import create_request_object, prepare_request_dict
        from botocore.exceptions import BotoCoreError

        try:
            found = self._service(service)
            url = endpoint or self._url(service, region)
            request = found.serializer.serialize_to_request(parameters, found.model.operation_model(operation))
            prepare_request_dict(request, endpoint_url=url, context={"client_region": region})
            signed = create_request_object(request)
            signer = S3SigV4Auth if service == "s3" else SigV4Auth
            signer(self._credentials(endpoint), found.model.signing_name, region).add_auth(signed)
            ready = signed.prepare()
        except (BotoCoreError, OSError) as error:
            raise AwsError(str(error)) from error
        headers = {
            name: value.decode() if isinstance(value, bytes) else str(value) for name, value in ready.headers.items()
        }
        body = ready.body if ready.body is not None else b""
        return Prepared(ready.method, ready.url, headers, body.encode() if isinstance(body, str) else body)

    def parse(self, service: str, operation: str, answer: AwsAnswer) -> dict[str, Any]:
        """Return the result in an answer; AwsError when it is a refusal, or nothing that the service would say."""
        from botocore.parsers import ResponseParserError

        found, status = self._service(service), answer.status
        shape = found.model.operation_model(operation).output_shape
        try:
            result: dict[str, Any] = found.parser.parse(
                {
                    "status_code": status,
                    "headers": answer.headers,
                    "body": answer.body,
                    "context": {"operation_name": operation},
                },
                shape,
            )
        except (ResponseParserError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise AwsError(f"{operation} was answered with something else (status {status}): {error}") from error
        if status < 300:
            return result
        refusal = result.get("Error", {})
        code, message = str(refusal.get("Code") or status), str(refusal.get("Message") or "no reason given")
        lasting = status < SERVER_ERROR and status != TOO_MANY and code not in THROTTLED
        raise AwsError(f"{operation}: {code}: {message}", code, is_lasting=lasting)

    def _service(self, name: str) -> _Service:
        with self._one_at_a_time:
            if name not in self._services:
                self._services[name] = _Service(self._opened().get_service_model(name))
            return self._services[name]

    def _url(self, service: str, region: str) -> str:
        with self._one_at_a_time:
            url: str = self._opened().create_client(service, region_name=region).meta.endpoint_url
            return url

    def _credentials(self, endpoint: str | None) -> Any:
        from botocore.credentials import Credentials

        with self._one_at_a_time:
            found = self._opened().get_credentials()
            if found is not None:
                return found.get_frozen_credentials()
        if endpoint is None:
            raise AwsError("there are no AWS credentials where bootjack runs")
        return Credentials(FALSE_KEY, FALSE_KEY)

    def _opened(self) -> Any:
        if self._session is None:
            try:
                import botocore.session
            except ImportError:
                raise AwsError(NO_BOTOCORE, is_lasting=True) from None
            self._session = botocore.session.get_session()
            providers = self._session.get_component("credential_provider")
            for remote in () if self._uses_remote_credentials else REMOTE_PROVIDERS:
                providers.remove(remote)
        return self._session


class _Service:
    """A service's model, and what speaks its protocol."""

    def __init__(self, model: Any) -> None:
        from botocore.parsers import create_parser
        from botocore.serialize import create_serializer

        self.model = model
        protocol = model.resolved_protocol
        self.serializer = create_serializer(protocol)
        self.parser = create_parser(protocol)
