"""Compile sources to bytecode that is validated by hash, not by file time.

`python -s -S compile_tree.py ROOT PLACE MODE < names`: each name is a source below ROOT, which will be mounted at
PLACE; MODE is unchecked or checked. Prints the names that do not compile. Runs in the interpreter that will load the
bytecode, so it uses the standard library only and works with any Python from 3.8 on.
"""

import os
import py_compile
import sys


def main() -> None:
    root, place, mode = sys.argv[1:]
    kind = py_compile.PycInvalidationMode[f"{mode.upper()}_HASH"]
    for line in sys.stdin.buffer.read().split(b"\0"):
        name = os.fsdecode(line)
        if not name:
            continue
        try:
            py_compile.compile(
                os.path.join(root, name),  # noqa: PTH118 - pathlib would slow down the start
                dfile=f"{place}/{name}",
                doraise=True,
                invalidation_mode=kind,
            )
        except (py_compile.PyCompileError, ValueError, RecursionError, MemoryError):
            print(name)


if __name__ == "__main__":
    main()
