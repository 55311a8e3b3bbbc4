"""A disk without room, on which what frees some can be removed all the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# On a disk of 3 MB: what each change ends in, and whether the reserve is there after it.
CHANGES = """
import asyncio, json, os, subprocess, sys
from pathlib import Path
from runtime_api.store.sqlite.database import Database, StoreError
from runtime_api.store.sqlite.reserve import Reserve

disk = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", disk], check=True)
reserve, full = disk / "reserve", disk / "full"
database = Database(disk / "d.sqlite", ("CREATE TABLE things (name TEXT PRIMARY KEY, size BLOB)",), Reserve(reserve))
seen = []

def change(statement, *parameters, makes_room=False):
    try:
        asyncio.run(database.write((statement, parameters), makes_room=makes_room))
        seen.append(["done", reserve.exists()])
    except StoreError as error:
        seen.append(["room" in str(error), reserve.exists()])

change("INSERT INTO things VALUES (?, ?)", "a", bytes(50_000))
with full.open("wb", buffering=0) as file:
    try:
        while file.write(bytes(1024)):
            pass
    except OSError:
        pass
change("INSERT INTO things VALUES (?, ?)", "b", bytes(50_000))
change("DELETE FROM things WHERE name = ?", "a", makes_room=True)
full.unlink()
change("INSERT INTO things VALUES (?, ?)", "c", b"")
database.close()
print(json.dumps(seen), Database(disk / "d.sqlite", ("",)).read("SELECT name FROM things"))
"""


def test_a_removal_uses_what_is_reserved(tmp_path: Path) -> None:
    as_root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    command = [
        "unshare",
        *as_root,
        "--mount",
        "--propagation",
        "private",
        sys.executable,
        "-c",
        CHANGES,
        str(tmp_path),
    ]
    ran = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT, timeout=60)
    seen, _, names = ran.stdout.partition("]] ")
    assert json.loads(f"{seen}]]") == [["done", True], [True, True], ["done", False], ["done", True]]
    assert names == "[('c',)]\n"
