"""Trees: directories that are made once, shared, and removed with their last user, such as an unpacked archive.

The trees of a process lie in one temporary directory, which is made with the first of them. Each user of a tree holds
a lease of it. Making and removing a tree may take a while; both run on the calling thread.
"""

from __future__ import annotations

from itertools import count
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tempfile
    from collections.abc import Callable, Hashable
    from typing import Self

__all__ = ["Lease", "Trees"]


class Trees:
    """Keeps every tree under its key; a context manager that leaves none behind."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._trees: dict[Hashable, _Tree] = {}
        self._numbers = count()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def hold(self, key: Hashable, make: Callable[[Path], None]) -> Lease:
        """Lease the tree of this key; `make` makes it when there is none, and other threads that ask wait for it.

        `make` gets a path that does not exist yet. When it raises, there is no tree.
        """
        with self._lock:
            tree = self._trees.get(key)
            if tree is None:
                tree = self._trees[key] = _Tree(self._place())
            tree.holders += 1
        lease = Lease(self, tree)
        try:
            with tree.making:
                if not tree.made:
                    _make(tree, make)
        except BaseException:
            lease.release()
            raise
        return lease

    def has(self, path: Path) -> bool:
        """Tell whether this is one of the trees, which are never written to once they are made."""
        with self._lock:
            return any(tree.path == path for tree in self._trees.values())

    @property
    def folder(self) -> Path | None:
        """The directory in which all trees are; None before there is one."""
        return None if self._folder is None else Path(self._folder.name)

    def close(self) -> None:
        """Remove every tree, leased or not."""
        with self._lock:
            self._closed = True
            trees = list(self._trees.values())
            self._trees.clear()
        for tree in trees:
            tree.folder.cleanup()
        if self._folder is not None:
            self._folder.cleanup()

    def _place(self) -> tempfile.TemporaryDirectory[str]:
        if self._closed:
            raise RuntimeError("no tree can be made: Trees is closed")
        import tempfile  # slow to import, and most processes need no tree

        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="bootjack-")
        prefix, folder = f"{next(self._numbers)}-", Path(self._folder.name).resolve()
        return tempfile.TemporaryDirectory(prefix=prefix, dir=folder, ignore_cleanup_errors=True)

    def _share(self, tree: _Tree) -> None:
        with self._lock:
            tree.holders += 1

    def _release(self, tree: _Tree) -> None:
        with self._lock:
            tree.holders -= 1
            if tree.holders:
                return
            self._trees = {key: other for key, other in self._trees.items() if other is not tree}
        tree.folder.cleanup()


class _Tree:
    """A directory, in a temporary folder of its own."""

    def __init__(self, folder: tempfile.TemporaryDirectory[str]) -> None:
        self.folder = folder
        self.path = Path(folder.name) / "tree"
        self.making = Lock()
        self.made = False
        self.holders = 0


def _make(tree: _Tree, make: Callable[[Path], None]) -> None:
    try:
        make(tree.path)
    except BaseException:
        import shutil

        shutil.rmtree(tree.path, ignore_errors=True)
        raise
    tree.made = True


class Lease:
    """One user's share in a tree."""

    def __init__(self, trees: Trees, tree: _Tree) -> None:
        self._trees = trees
        self._tree = tree
        self._held = True

    @property
    def path(self) -> Path:
        """The tree's directory."""
        return self._tree.path

    def share(self) -> Lease:
        """Return another lease of the same tree."""
        self._trees._share(self._tree)
        return Lease(self._trees, self._tree)

    def release(self) -> None:
        """Give the lease up; the tree is removed with its last lease. A second call does nothing."""
        if self._held:
            self._held = False
            self._trees._release(self._tree)
