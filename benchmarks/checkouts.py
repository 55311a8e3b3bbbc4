"""A checkout of bootjack and how to run its `bootjack` command with the Python that runs the benchmarks."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import Unusable

PROJECT = Path(__file__).resolve().parents[1]
# Older checkouts have the packages `bootstrap` and `layers` at their top, newer ones keep packages in those folders.
IMPORT_PATHS = ("", "bootstrap", "layers")
COMMAND = "import sys; sys.argv[0] = 'bootjack'; from runtime_api.cli import main; sys.exit(main())"
LOCATION = "import runtime_api; print(runtime_api.__file__)"
LIMIT_SECONDS = 60


@dataclass(frozen=True)
class Checkout:
    """One source tree; its dependencies come from the environment that runs the benchmarks."""

    root: Path

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-P", "-c", COMMAND]

    def environment(self, scratch: Path) -> dict[str, str]:
        """The caller's, with this tree first on the import path and with bytecode kept outside the tree."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_LAMBDA_")}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # compiling anew makes a start under valgrind take minutes
        return environment | {
            "PYTHONPATH": os.pathsep.join(str(self.root / path) for path in IMPORT_PATHS),
            "PYTHONPYCACHEPREFIX": str(scratch / "bytecode"),
            "PYTHONHASHSEED": "0",  # a random one changes the count of instructions from run to run
        }

    def describe(self) -> str:
        """Its path, and its commit where git knows one."""
        command = ["git", "-C", str(self.root), "log", "-1", "--format=%h"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=True)
        except (OSError, subprocess.SubprocessError):
            return str(self.root)
        return f"{self.root} at {done.stdout.strip()}"


def checkout(root: Path, scratch: Path) -> Checkout:
    """The checkout at this path; refuse a path whose bootjack can't be imported from there."""
    found = Checkout(root.resolve())
    command = [sys.executable, "-P", "-c", LOCATION]
    environment = found.environment(scratch)
    done = subprocess.run(
        command, env=environment, cwd=scratch, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
    )
    if done.returncode != 0 or not Path(done.stdout.strip()).is_relative_to(found.root):
        raise Unusable(f"{root} is not a checkout of bootjack: name the directory that holds runtime_api/")
    return found
