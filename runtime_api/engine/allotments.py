"""How many execution environments the functions of each account may have.

A function with reserved concurrency has it to itself; what is provisioned comes off it. All other functions of an
account share what is neither reserved nor provisioned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from runtime_api.protocol.capacity import Capacity
from runtime_api.service.seams.dispatch import ACCOUNT_CONCURRENCY, FUNCTION_CONCURRENCY
from runtime_api.service.shares import claimed, on_demand_share

if TYPE_CHECKING:
    from runtime_api.service.function_record import Function
    from runtime_api.service.owners import Owner

    from .environment import ExecutionEnvironment

__all__ = ["Allotment", "Allotments"]


class Allotment(NamedTuple):
    """Room for environments, and the Reason of a throttle when it is used up."""

    capacity: Capacity[ExecutionEnvironment]
    reason: str


class Allotments:
    """The shares of all functions; an account has `account` environments in a region."""

    def __init__(self, account: int) -> None:
        self._account = account
        self._rests: dict[Owner, Allotment] = {}
        self._shares: dict[str, Allotment] = {}  # by the ARN of the function

    def of(self, arn: str, owner: Owner) -> Allotment:
        """Return what the environments of a function count towards, by the ARN of the function."""
        return self._shares.get(arn) or self._rest(owner)

    def change(self, owner: Owner, arn: str, before: Function | None, after: Function | None) -> None:
        """Allot a function what it may have from now on; None: the function is not there."""
        self._rest(owner).capacity.most += claimed(before) - claimed(after)
        share = on_demand_share(after)
        if share is None:
            self._shares.pop(arn, None)
        elif arn in self._shares:
            self._shares[arn].capacity.most = share
        else:
            self._shares[arn] = Allotment(Capacity(share), FUNCTION_CONCURRENCY)

    def _rest(self, owner: Owner) -> Allotment:
        found = self._rests.get(owner)
        if found is None:
            found = self._rests[owner] = Allotment(Capacity(self._account), ACCOUNT_CONCURRENCY)
        return found
