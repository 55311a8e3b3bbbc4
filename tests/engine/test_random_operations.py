"""Random sequences of operations on the whole service, disk and packages included, agree with a model of the rules.

Nothing is invoked, and there is no socket. A restart closes the directory, and a new service opens it.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch

import orjson
from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant

from runtime_api.engine import management as management_module
from runtime_api.engine.code_sources import CodeSources
from runtime_api.engine.installations import Installations
from runtime_api.engine.installer import Installer
from runtime_api.engine.management import Management
from runtime_api.engine.provisioner import Provisioner
from runtime_api.service.codec import encode
from runtime_api.service.operations import model
from runtime_api.service.owners import DEFAULT_OWNER
from runtime_api.service.profiles import CURRENT
from runtime_api.store.memory_catalog import MemoryCatalog
from runtime_api.store.sqlite.directory import DataDirectory
from runtime_api.store.sqlite.functions import StoredFunctions
from runtime_api.store.trees import Trees
from tests.service.random_operations import Operations, Performer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runtime_api.engine.dispatch import LocalDispatch
    from runtime_api.service.function_record import Function


class NothingRuns:
    """Stands for the dispatch, which the service tells what is not run any more."""

    def retire(self, *_: object) -> None:
        """There is no environment to end."""

    def prepare(self, *_: object) -> None:
        """There is none to start."""

    def allot(self, *_: object) -> None:
        """There is none to count."""


class Service:
    """A service in a directory, whose loop runs while an operation is performed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._loop = asyncio.new_event_loop()
        self._trees = Trees()
        self._data = DataDirectory(folder)
        self._catalog, self._installations = MemoryCatalog(DEFAULT_OWNER), Installations()
        limits = CURRENT.limits
        dispatch = cast("LocalDispatch", NothingRuns())
        self._management = Management(
            self._catalog,
            dispatch,
            Installer(self._trees, self._installations, limits, self._data.packages),
            CodeSources(limits),
            self._installations,
            DEFAULT_OWNER,
            CURRENT,
            Provisioner(self._catalog, dispatch, lambda _lines: None),
            StoredFunctions(self._data.database),
        )
        self._management.restore()

    @property
    def functions(self) -> Mapping[str, Function]:
        """Return the functions, by name."""
        return self._catalog.functions(DEFAULT_OWNER)

    def perform(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Perform an operation, and let what it began come to its end."""
        answer: dict[str, Any] = self._loop.run_until_complete(self._perform(operation, parameters))
        return answer

    def close(self) -> None:
        """End it as a server does."""
        self._loop.run_until_complete(self._management.close())
        self._loop.run_until_complete(self._installations.close())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()
        self._data.close()
        self._trees.close()

    async def _perform(self, operation: str, parameters: dict[str, Any]) -> Any:
        described = model().operations[operation]
        result = await self._management.perform(described, parameters, "http://localhost")
        while settling := [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]:
            await asyncio.wait(settling)
        return orjson.loads(encode(described, result).body or b"{}")


class OperationsOnDisk(Operations):
    """The whole service."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="random-operations-")
        self._at_once = patch.object(management_module, "SETTLING_S", 0)
        self._at_once.start()
        super().__init__()

    def opened(self) -> Performer:
        return Service(Path(self._folder.name))

    def restarted(self, account: Performer) -> Performer:
        assert isinstance(account, Service)
        before = dict(account.functions)
        account.close()
        again = Service(account.folder)
        assert dict(again.functions) == before
        return again

    @invariant()
    def packages_are_those_of_functions_and_layers(self) -> None:
        """No package is missing, and none is left behind."""
        assert isinstance(self.account, Service)
        codes = [version.code for function in self.account.functions.values() for version in function.versions()]
        used = {code.sha256 for code in codes}
        listed = self.account.perform("ListLayers")["Layers"]
        for each in listed:
            versions = self.account.perform("ListLayerVersions", LayerName=each["LayerName"])["LayerVersions"]
            for version in versions:
                shown = self.account.perform(
                    "GetLayerVersion", LayerName=each["LayerName"], VersionNumber=version["Version"]
                )
                used.add(shown["Content"]["Location"].rpartition("/")[2].partition("?")[0])
        assert {path.name for path in (self.account.folder / "packages").iterdir()} == used

    def teardown(self) -> None:
        assert isinstance(self.account, Service)
        self.account.close()
        self._at_once.stop()
        self._folder.cleanup()


TestOperationsOnDisk = OperationsOnDisk.TestCase
TestOperationsOnDisk.settings = settings(
    max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
