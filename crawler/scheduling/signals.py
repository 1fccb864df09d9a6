"""Signals to wait for, without work in the signal handlers."""

from __future__ import annotations

import os
import select
import signal
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType


class SignalWatch:
    """Catches signals while the block runs; for the main thread only."""

    def __init__(self, signums: Iterable[signal.Signals]) -> None:
        self._signums = tuple(signums)

    def __enter__(self) -> Self:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        self._wakeup = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        self._handlers = {signum: signal.signal(signum, _leave_to_pipe) for signum in self._signums}
        return self

    def __exit__(self, *_: object) -> None:
        for signum, handler in self._handlers.items():
            signal.signal(signum, handler)
        signal.set_wakeup_fd(self._wakeup)
        os.close(self._reader)
        os.close(self._writer)

    def wait(self, timeout_s: float) -> list[signal.Signals]:
        """Return the signals that have come, as soon as there is one, or none when the time is over."""
        if not select.select([self._reader], [], [], timeout_s)[0]:
            return []
        return [signal.Signals(number) for number in os.read(self._reader, 4096)]


def _leave_to_pipe(signum: int, frame: FrameType | None) -> None:
    """Let the interpreter write the number into the pipe, which is all that is wanted of it."""
