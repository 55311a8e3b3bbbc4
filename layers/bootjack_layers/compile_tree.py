"""Run by the interpreter that is to load it: makes bytecode that does not look at file times.

`python -s -S compile_tree.py ROOT PLACE MODE < names`: each name is a source below ROOT, which will stand at PLACE;
MODE is unchecked or checked. Names that do not compile are printed. Runs on any Python 3.8 or newer.
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
                os.path.join(root, name),  # noqa: PTH118 - quicker to start
                dfile=f"{place}/{name}",
                doraise=True,
                invalidation_mode=kind,
            )
        except (py_compile.PyCompileError, ValueError, RecursionError, MemoryError):
            print(name)


if __name__ == "__main__":
    main()
