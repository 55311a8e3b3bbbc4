"""Random sequences of operations agree with a small model of the rules; a restart leaves what JSON can keep."""

from __future__ import annotations

import msgspec
from hypothesis import HealthCheck, settings

from runtime_api.service.function_record import Function
from runtime_api.service.resources import KINDS, Shelves, kind_of
from tests.service.account import Account
from tests.service.random_operations import Operations, Performer


class OperationsOnRules(Operations):
    """The rules alone."""

    def restarted(self, account: Performer) -> Performer:
        assert isinstance(account, Account)
        functions = [msgspec.json.encode(function) for function in account.functions.values()]
        resources = [
            (kind_of(each), msgspec.json.encode(each))
            for kind in KINDS.values()
            for each in account.shelves.of(kind).values()
        ]
        decoded = [msgspec.json.decode(document, type=Function) for document in functions]
        assert {function.name: function for function in decoded} == account.functions
        account.functions = {function.name: function for function in decoded}
        account.shelves = Shelves()
        for kind, document in resources:
            account.shelves.put(msgspec.json.decode(document, type=KINDS[kind]))
        return account


TestOperationsOnRules = OperationsOnRules.TestCase
TestOperationsOnRules.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
