"""Tenants: whether a function's environments are kept apart by the tenant that an invocation names."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from .errors import InvalidParameterValueException

if TYPE_CHECKING:
    from .function_record import Configuration

__all__ = ["Tenancy", "check_alone", "check_tenant"]

NOT_BESIDE = "{what} cannot be used with a function whose environments are isolated by tenant (TenancyConfig)"

DEMANDED = (
    "The invoked function is enabled with tenancy configuration. Add a valid tenant ID in your request and try again."
)
FORBIDDEN = (
    "The invoked function is not enabled with tenancy configuration. "
    "Remove the tenant ID from your request and try again."
)


class Tenancy(StrEnum):
    """What a function does with the tenant ids of its invocations."""

    FORBIDDEN = "forbidden"  # a function of the API without TenancyConfig
    REQUIRED = "required"  # one with it: each environment serves one tenant
    OPTIONAL = "optional"  # of the command line: each environment serves one tenant, or those who name none
    PASSED_ON = "passed on"  # its one environment serves everybody, and the runtime is told whom

    @property
    def isolates(self) -> bool:
        """Whether an environment serves one tenant only."""
        return self in (Tenancy.REQUIRED, Tenancy.OPTIONAL)


def check_tenant(tenancy: Tenancy, tenant_id: str | None) -> None:
    """Raise a ServiceError for a tenant id that is missing, or is one too many."""
    if tenant_id is None:
        if tenancy is Tenancy.REQUIRED:
            raise InvalidParameterValueException(DEMANDED)
        return
    if tenancy is Tenancy.FORBIDDEN:
        raise InvalidParameterValueException(FORBIDDEN)


def check_alone(configuration: Configuration, what: str) -> None:
    """Raise a ServiceError where a function by tenant is to have what AWS does not offer for it."""
    if configuration.tenancy_config is not None:
        raise InvalidParameterValueException(NOT_BESIDE.format(what=what))
