"""Writes the log to a descriptor, in batches; a reader that falls behind blocks only the functions' own output.

There is no thread and no O_NONBLOCK, which a terminal would share with other programs: before each piece, poll(2)
says whether the descriptor takes one, and a pipe that does takes `PIECE_BYTES` without blocking.

The records of a journal's entry are taken as they are and turned into text some milliseconds later, so that no
caller waits for the text of its END and REPORT. Until then their size is an estimate. Those who keep a log get that
text, too, whether or not a reader takes it: bytes cost less to hold than entries.
"""

from __future__ import annotations

import asyncio
import os
import select
import stat
from functools import partial
from typing import TYPE_CHECKING, Protocol

from runtime_api.protocol.journal import Entry
from runtime_api.protocol.platform_events import Lines

from .look import OWN, Look
from .repeated_init import RepeatedInit

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime_api.protocol.platform_events import Record

__all__ = ["FunctionLog", "LogSink", "OutputSource"]

PIECE_BYTES = 4096  # PIPE_BUF: a pipe that poll(2) calls writable takes this much (pipe(7))
BATCH_S = 0.005  # a line waits this long for others
RETRY_S = 0.002  # a reader that has fallen behind is tried again after this
HELD_BYTES = 1_048_576  # above this, the functions' output has to wait
LOST_BYTES = 8 * HELD_BYTES  # above this, lines are lost and counted
EXIT_S = 2.0  # at the end, a reader that takes nothing for this long loses the rest
RECORD_BYTES = 128  # the size that a platform record counts for: END has 52 bytes, REPORT about 180
PLAIN = Look()


class OutputSource(Protocol):
    """Writes to the log, and can be made to wait."""

    def pause_output(self) -> None: ...
    def resume_output(self) -> None: ...


class LogSink:
    """Collects entries and writes them to one descriptor, in order."""

    def __init__(self, descriptor: int, look: Look = PLAIN) -> None:
        self._descriptor = descriptor
        self._look = look
        self._rest = memoryview(b"")  # what is left of a text that is being written
        self._texts: list[bytes] = []  # that wait for it
        self._held: list[tuple[FunctionLog, Entry]] = []
        self._held_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        self._piece_bytes = HELD_BYTES if stat.S_ISREG(os.fstat(descriptor).st_mode) else PIECE_BYTES
        self._full = False
        self._lost_lines = self._lost_records = 0
        self._sources: set[OutputSource] = set()
        self._own = FunctionLog(self)

    def attach(self, source: OutputSource) -> None:
        """Pause and resume the output of `source` from now on, as the reader of the log requires."""
        self._sources.add(source)
        if self._full:
            source.pause_output()

    def detach(self, source: OutputSource) -> None:
        """Leave the output of `source` alone from now on."""
        self._sources.discard(source)

    def write(self, lines: bytes) -> None:
        """Take whole lines; they are written soon, as they are."""
        self._own.write(lines)

    def consume(self, entry: Entry) -> None:
        """Take an entry of a journal; it is written soon."""
        self.take(self._own, entry)

    def take(self, log: FunctionLog, entry: Entry) -> None:
        """Take an entry of the journal that this log belongs to."""
        if self._held_bytes > HELD_BYTES and self._is_lost(log, entry):
            return
        self._held.append((log, entry))
        records = entry.records
        output = records[0]  # a process's output is an entry of its own
        size = len(output.data) if output.__class__ is Lines else RECORD_BYTES * len(records)
        self._held_bytes = held_bytes = self._held_bytes + size
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(BATCH_S, self._flush)
        if held_bytes > HELD_BYTES and not self._full:
            self._full = True
            for source in tuple(self._sources):
                source.pause_output()

    def _is_lost(self, log: FunctionLog, entry: Entry) -> bool:
        """Count an entry as lost if too much waits for the reader; those who keep this log get it nevertheless."""
        if self._held_bytes <= LOST_BYTES:
            return False
        self._lose(entry.records)
        if log.keep is not None:
            self.make_text()  # what came before it
            log.keep(entry.at, entry.text())
        return True

    def make_text(self) -> None:
        """Turn all that is held into text, and give it to those who keep it."""
        held = self._held
        if not held:
            return
        self._held = []
        texts: list[bytes] = []
        show = None if self._look == PLAIN else self._look.show
        for log, entry in held:
            text = entry.text()
            if log.keep is not None:
                log.keep(entry.at, text)
            if b"\r" in text:
                text = _with_line_ends(text)
            if show is not None:
                text = show(entry, text)
            if log.label:
                text = _labelled(text, log.label)
            texts.append(log.repeated_init.show(entry, text))
        self._texts.append(b"".join(texts))
        self._held_bytes = len(self._rest) + sum(map(len, self._texts))

    def close(self) -> None:
        """Write what is left; waits for a slow reader, but not for one that has stopped reading."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.make_text()
        self._write_ready(EXIT_S)
        self._drop()

    def _flush(self) -> None:
        self._timer = None
        self.make_text()
        self._write_ready(0)
        if self._rest or self._texts:
            self._timer = asyncio.get_running_loop().call_later(RETRY_S, self._flush)
        if self._full and self._held_bytes <= HELD_BYTES // 2:
            self._report_loss()
            self._full = False
            for source in tuple(self._sources):
                source.resume_output()

    def _lose(self, records: tuple[Record, ...]) -> None:
        for record in records:
            if isinstance(record, Lines):
                self._lost_lines += record.data.count(b"\n")
            else:
                self._lost_records += 1

    def _report_loss(self) -> None:
        lines, self._lost_lines = self._lost_lines, 0
        records, self._lost_records = self._lost_records, 0
        lost = [_counted(number, what) for number, what in ((lines, "line"), (records, "platform record")) if number]
        if lost:
            self.write(f"bootjack: {' and '.join(lost)} of the log were lost because nothing read it\n".encode())

    def _write_ready(self, timeout_s: float) -> None:
        """Write as much as the descriptor takes; `timeout_s`: how long to wait for it before each piece."""
        try:
            while (self._rest or self._texts) and self._poll.poll(timeout_s * 1000):
                if not self._rest:
                    self._begin_text()
                written = os.write(self._descriptor, self._rest[: self._piece_bytes])
                self._rest = self._rest[written:]
                self._held_bytes -= written
        except BlockingIOError:
            return  # another program shares the descriptor, and was faster
        except OSError:
            self._drop()  # the reader has gone: there is nowhere to report it

    def _begin_text(self) -> None:
        """Begin to write all the texts that wait."""
        text = b"".join(self._texts)
        self._texts.clear()
        self._rest = memoryview(text)
        self._held_bytes = len(text)

    def _drop(self) -> None:
        self._rest = memoryview(b"")
        self._texts.clear()
        self._held.clear()
        self._held_bytes = 0


def _with_line_ends(text: bytes) -> bytes:
    """Runtimes keep a traceback one record by carriage returns; CloudWatch shows them as line ends, so do we.

    Output that is no text stays as it is.
    """
    try:
        text.decode()
    except UnicodeDecodeError:
        return text
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _labelled(lines: bytes, label: bytes) -> bytes:
    """The lines, each behind the label."""
    return lines and label + lines[:-1].replace(b"\n", b"\n" + label) + b"\n"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


class FunctionLog:
    """The log of one function, or of one of its execution environments.

    With a name each line of it begins with that. `keep` gets the times and texts of the journal's entries, but no
    lines of the server's own.
    """

    def __init__(self, sink: LogSink, name: str = "", keep: Callable[[float, bytes], None] | None = None) -> None:
        self.label = f"{name} | ".encode() if name else b""
        self.keep = keep
        self.repeated_init = RepeatedInit()
        self.attach = sink.attach
        self.detach = sink.detach
        self.consume: Callable[[Entry], None] = partial(sink.take, self)  # takes an entry of the journal
        self._own = self if keep is None else FunctionLog(sink, name)

    def write(self, lines: bytes) -> None:
        """Take whole lines of the server's own; they are written soon."""
        self._own.consume(Entry(0, (Lines(OWN, lines),)))
