"""The function URLs of all functions, by their ids and by the ARNs that they invoke."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .arns import LATEST

if TYPE_CHECKING:
    from .function_record import Function
    from .function_url_record import FunctionUrl

__all__ = ["ServedUrl", "UrlIndex"]


class ServedUrl(NamedTuple):
    """A function URL, and whose it is."""

    function: Function
    qualifier: str  # an alias, or $LATEST
    url: FunctionUrl

    @property
    def arn(self) -> str:
        """What a request to this URL invokes."""
        return self.function.arn(None if self.qualifier == LATEST else self.qualifier)

    @property
    def policy(self) -> str:
        """The key of the policy for what a request to this URL invokes."""
        return "" if self.qualifier == LATEST else self.qualifier

    @property
    def is_orphan(self) -> bool:
        """Whether the alias that the URL belongs to has been deleted; the URL outlives it, as on Lambda."""
        return self.qualifier != LATEST and self.qualifier not in self.function.aliases


class UrlIndex:
    """Finds the function that a URL belongs to, however many functions there are."""

    def __init__(self) -> None:
        self._by_id: dict[str, ServedUrl] = {}
        self._by_arn: dict[str, ServedUrl] = {}

    def put(self, function: Function) -> None:
        """Add the URLs of a function."""
        for qualifier, url in function.urls.items():
            served = ServedUrl(function, qualifier, url)
            self._by_id[url.id] = self._by_arn[served.arn] = served

    def drop(self, function: Function) -> None:
        """Remove the URLs that were added with this function."""
        for qualifier, url in function.urls.items():
            del self._by_id[url.id], self._by_arn[ServedUrl(function, qualifier, url).arn]

    def by_id(self, url_id: str) -> ServedUrl | None:
        """Return the URL with this id."""
        return self._by_id.get(url_id)

    def by_arn(self, arn: str) -> ServedUrl | None:
        """Return the URL that invokes this ARN."""
        return self._by_arn.get(arn)
