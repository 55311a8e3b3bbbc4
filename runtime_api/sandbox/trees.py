"""Trees: directories that are made once and shared, an unpacked archive for example, and removed with the last lease.

All trees of a process lie in one temporary directory, which is made with the first of them. A user of a tree holds a
lease on it. Trees are made and removed on the calling thread; both may take a while.
"""

from __future__ import annotations

from itertools import count
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tempfile
    from collections.abc import Callable, Hashable
    from types import TracebackType
    from typing import Self

__all__ = ["Lease", "Trees"]


class Trees:
    """Holds every tree by its key; a context manager that removes them all at its end."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._trees: dict[Hashable, _Tree] = {}
        self._numbers = count()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def hold(self, key: Hashable, make: Callable[[Path], None]) -> Lease:
        """Lease the tree of this key, made by `make` if there is none; other callers wait while it is made.

        `make` gets a path that does not exist yet. If it raises, there is no tree.
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
        """Whether this is one of the trees, which means that nothing writes to it."""
        with self._lock:
            return any(tree.path == path for tree in self._trees.values())

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
            raise RuntimeError("Trees are closed")
        import tempfile  # slow to import, and most processes need no trees

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
    """One directory, inside a temporary folder of its own."""

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
    """Keeps one tree from being removed."""

    def __init__(self, trees: Trees, tree: _Tree) -> None:
        self._trees = trees
        self._tree = tree
        self._held = True

    @property
    def path(self) -> Path:
        """The path of the tree."""
        return self._tree.path

    def share(self) -> Lease:
        """Take another lease on the same tree."""
        self._trees._share(self._tree)
        return Lease(self._trees, self._tree)

    def release(self) -> None:
        """End this lease; the last one to end removes the tree."""
        if self._held:
            self._held = False
            self._trees._release(self._tree)
