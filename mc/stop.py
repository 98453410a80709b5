"""Ctrl-C and SIGTERM as an answer for a run, which then saves its state and leaves."""

import logging
import os
import select
import signal
import socket
import sys
import threading
from contextlib import suppress
from types import FrameType
from typing import Any

from mc.disk import abandon

log = logging.getLogger("ferrocast")

GRACE = 4.0
"""Seconds until a process leaves that does not come to ask: it compiles, and cannot be interrupted in that."""


class Stop:
    """Called between two groups of blocks: whether a signal asks the run to stop.

    Where nobody asks (reading, writing), and on the second signal, the program is left at once. Python runs handlers in
    its main thread, which may be waiting for the devices' threads and miss its turn for the whole run; so the ones who
    ask also look into the socket where a signal leaves its number as it arrives, and a thread watches that somebody
    does. To leave at once is to end the process: an exception would be lost in a callback of JAX, and Python's way out
    crashes while XLA is at work. Files are replaced as a whole, so nothing that was saved is lost.
    """

    def __init__(self) -> None:
        self.signal = 0
        self.asked = False
        self.noted = False
        self.before: dict[int, Any] = {}
        self.answered = threading.Event()

    def __call__(self) -> bool:
        """Whether a signal has arrived."""
        self.asked = True
        with suppress(BlockingIOError):
            arrived = [number for number in self.reader.recv(64) if number in self.before]
            self.signal = self.signal or (arrived[0] if arrived else 0)
        if self.signal:
            self.answered.set()
        return self.signal != 0

    def __enter__(self) -> "Stop":
        self.reader, self.writer = socket.socketpair()
        for end in (self.reader, self.writer):
            end.setblocking(False)
        self.wakeup = signal.set_wakeup_fd(self.writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            self.before[number] = signal.signal(number, self._note)
        self.watcher = threading.Thread(target=self._watch, daemon=True)
        self.watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self.wakeup)
        self.answered.set()
        with suppress(BlockingIOError):
            self.writer.send(b"\0")
        self.watcher.join()
        self.reader.close()
        self.writer.close()

    def _note(self, number: int, _: FrameType | None) -> None:
        if self.asked and not self.noted:
            self.signal, self.noted = number, True
            log.warning("stopping after the blocks in hand; again to leave at once")
            return
        _leave(number)

    def _watch(self) -> None:
        """Leave when a signal is not answered in time."""
        select.select([self.reader], [], [])
        if self.answered.wait(GRACE):
            return
        number = self.signal
        with suppress(BlockingIOError):
            number = number or next((one for one in self.reader.recv(64) if one in self.before), 0)
        log.warning("left in the middle of a compilation or a long block; what was saved before it is whole")
        _leave(number)


def _leave(number: int) -> None:
    abandon()
    sys.stderr.flush()
    os._exit(128 + number)
