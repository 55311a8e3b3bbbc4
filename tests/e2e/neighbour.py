"""Another function of the same server, which must notice nothing."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from tests.e2e.running import SECONDS

if TYPE_CHECKING:
    from tests.e2e.running import Serve

__all__ = ["Neighbour"]


class Neighbour:
    """Invokes the other function all the time; every answer is right and comes within the bound of every wait."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._over = threading.Event()
        self._wrong: list[str] = []
        self._answers = 0
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def __enter__(self) -> Neighbour:
        assert self._serve.invoke(b'"warm"', "other").body == b'"warm"'
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Ask no more."""
        self._over.set()
        self._thread.join(30)
        assert not self._thread.is_alive(), "the other function does not answer"
        assert not self._wrong

    def answers(self, count: int = 3) -> None:
        """Wait for this many answers from now on."""
        with self._news:
            wanted = self._answers + count
            assert self._news.wait_for(lambda: self._wrong or self._answers >= wanted, SECONDS), "it is starved"

    def _ask(self) -> None:
        number = 0
        while not self._over.is_set():
            number += 1
            try:
                reply = self._serve.invoke(b"%d" % number, "other")
            except OSError as error:
                self._wrong.append(repr(error))
                return
            with self._news:
                self._answers += 1
                self._news.notify_all()
            if reply.body != b"%d" % number:
                self._wrong.append(repr(reply))
