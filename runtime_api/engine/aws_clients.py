"""Requests to AWS's services, or to servers that stand in for them: which endpoint is meant, and the way there.

Nothing is sent to AWS unless `uses_aws` says so: a test that forgets an endpoint must not reach anybody's account.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

from runtime_api.store.aws_requests import NO_BOTOCORE, AwsAnswer, AwsError, AwsRequests, Prepared

from .signed_requests import SignedRequests

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import ClientSession

__all__ = ["AwsClients", "AwsSettings", "endpoints_of"]

ENDPOINT_VARIABLE = "AWS_ENDPOINT_URL"
SPELT = {"dynamodbstreams": "DYNAMODB_STREAMS"}  # in variables, where it is not simply the service's id
ANSWER_S = 30.0
CONNECT_S = 5.0
SMALL_BYTES = 16_384  # of an answer: reading it takes less than asking a thread to


class AwsSettings(NamedTuple):
    """Where requests to AWS's services go."""

    endpoints: Mapping[str, str] = {}  # URLs by a service's id, such as "sqs"; "" for every other one
    uses_aws: bool = False  # where there is no endpoint


def endpoints_of(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the endpoints that AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_<SERVICE> name, as SDKs read them."""
    found = {}
    for name, url in variables.items():
        if url and (name == ENDPOINT_VARIABLE or name.startswith(f"{ENDPOINT_VARIABLE}_")):
            service = name.removeprefix(ENDPOINT_VARIABLE).removeprefix("_").lower().replace("_", "")
            found[service] = url
    return found


class AwsClients:
    """Makes requests to any service and region over one pool of connections."""

    def __init__(self, settings: AwsSettings) -> None:
        self._settings = settings
        self._requests = AwsRequests(uses_remote_credentials=settings.uses_aws)
        self._signed = SignedRequests()
        self._http: ClientSession | None = None

    def refusal(self, service: str) -> str | None:
        """Return why nothing is sent to a service; None when requests go somewhere."""
        if self._settings.uses_aws or self.has_endpoint(service):
            return None
        variable = f"{ENDPOINT_VARIABLE}_{SPELT.get(service, service.upper())}"
        return f"no server stands in for {service}: set {variable} or {ENDPOINT_VARIABLE}, or give --poll-aws"

    def has_endpoint(self, service: str) -> bool:
        """Whether a server stands in for a service of AWS's."""
        return self._endpoint(service) is not None

    async def call(
        self,
        service: str,
        operation: str,
        region: str,
        answer_s: float = ANSWER_S,
        *,
        recurs: bool = False,
        **parameters: Any,
    ) -> dict[str, Any]:
        """Perform an operation, once; AwsError when it is refused or cannot be made.

        `answer_s`: how long the answer may take, which is the time of a long poll and more.
        `recurs`: the same request is made again soon, and repeating it does no harm.
        """
        refusal = self.refusal(service)
        if refusal is not None:
            raise AwsError(refusal, is_lasting=True)
        key = repr((service, operation, region, parameters)) if recurs else None
        prepared = await self._prepared(service, operation, region, parameters, key)
        try:
            return await self._parsed(service, operation, await self._send(prepared, answer_s))
        except AwsError:
            if key is not None:
                self._signed.forget(key)
            raise

    async def close(self) -> None:
        """Close all connections."""
        http, self._http = self._http, None
        if http is not None:
            await http.close()

    def _endpoint(self, service: str) -> str | None:
        endpoints = self._settings.endpoints
        return endpoints.get(service) or endpoints.get("")

    async def _prepared(
        self, service: str, operation: str, region: str, parameters: Mapping[str, Any], key: str | None
    ) -> Prepared:
        """Return a signed request; `key`: what it is kept by."""
        loop = asyncio.get_running_loop()
        if key is not None and (kept := self._signed.get(key, loop.time())):
            return kept
        try:
            prepared = await loop.run_in_executor(
                None, self._requests.prepare, service, operation, parameters, region, self._endpoint(service)
            )
        except ImportError:
            raise AwsError(NO_BOTOCORE, is_lasting=True) from None
        if key is not None:
            self._signed.put(key, prepared, loop.time())
        return prepared

    async def _parsed(self, service: str, operation: str, answer: AwsAnswer) -> dict[str, Any]:
        if len(answer.body) < SMALL_BYTES:
            return self._requests.parse(service, operation, answer)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, self._requests.parse, service, operation, answer)

    async def _send(self, prepared: Prepared, answer_s: float) -> AwsAnswer:
        # Most servers never send anything.
        from aiohttp import ClientError, ClientTimeout
        from yarl import URL

        url = URL(prepared.url, encoded=True)  # as it is signed
        limits = ClientTimeout(total=answer_s, sock_connect=CONNECT_S)
        try:
            async with self._session().request(
                prepared.method,
                url,
                headers=prepared.headers,
                data=prepared.body,
                timeout=limits,
                allow_redirects=False,
            ) as answer:
                body = await answer.read()
                return AwsAnswer(answer.status, {name.lower(): text for name, text in answer.headers.items()}, body)
        except TimeoutError:
            raise AwsError(f"{url.origin()} has not answered within {answer_s:g} s") from None
        except (ClientError, OSError) as error:
            raise AwsError(f"{url.origin()}: {str(error) or type(error).__name__}") from error

    def _session(self) -> ClientSession:
        if self._http is None:
            from aiohttp import ClientSession, DummyCookieJar, TCPConnector

            self._http = ClientSession(
                connector=TCPConnector(limit=0), cookie_jar=DummyCookieJar(), auto_decompress=True
            )
        return self._http
