"""Crawls as child processes, and the lock of a source.

The lock is the kernel's, on one file for each source. Scheduler and crawl hold it together: the crawl inherits it, so
it stays held until both have released it. A scheduler that was killed leaves a crawl that no process waits for; its
lock keeps all others from the source, and names its process, so that it can be stopped.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from archives.storage.files import lock_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class SourceLock:
    """The lock of one source, held until it is closed here and by the crawl that inherited it."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.descriptor = descriptor

    @classmethod
    def take(cls, path: Path) -> SourceLock | None:
        """Take the lock without waiting; None if a living process holds it."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        if lock_file(descriptor):
            return cls(path, descriptor)
        os.close(descriptor)
        return None

    def sign(self, pid: int) -> None:
        """Write down which process holds the lock beside this one."""
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, f"{pid}\n".encode(), 0)

    def close(self) -> None:
        """Release the lock in this process."""
        os.close(self.descriptor)


class Crawl(Protocol):
    """A running crawl, ours or one that a dead scheduler left."""

    pid: int

    def poll(self) -> bool:
        """Return whether it has ended."""

    @property
    def exit_code(self) -> int | None:
        """Its exit code, or the negative number of the signal that killed it; None if unknown."""

    def send(self, signum: signal.Signals) -> bool:
        """Send it a signal, if it is still there; return whether it was sent."""

    def close(self) -> None:
        """Release its lock, once its end has been recorded."""


def build_crawl_command(words: Sequence[str], options: Sequence[str]) -> list[str]:
    """Return the command of a crawl in its own process.

    Args:
        words: the spider and its arguments.
        options: `-s NAME=VALUE` and the like.
    """
    return [sys.executable, "-m", "scrapy", "crawl", *words, *options]


class Child:
    """A crawl that this process started.

    Args:
        log: gets its output; the log of the run before is kept under `.1`.
    """

    def __init__(self, command: Sequence[str], *, lock: SourceLock, log: Path) -> None:
        self._lock = lock
        with suppress(FileNotFoundError):
            log.replace(log.with_name(log.name + ".1"))
        with log.open("wb") as output:
            # Its own session, so that Ctrl-C reaches the scheduler alone: at a second signal Scrapy stops at once.
            self._process = subprocess.Popen(  # noqa: S603 (our own command)
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(lock.descriptor,),
                start_new_session=True,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},  # keeps the lines of the log in order
            )
        self.pid = self._process.pid
        lock.sign(self.pid)

    def poll(self) -> bool:
        """Return whether it has ended."""
        return self._process.poll() is not None

    def wait(self) -> None:
        """Wait until it has ended."""
        self._process.wait()

    @property
    def exit_code(self) -> int | None:
        """See `Crawl`."""
        return self._process.returncode

    def send(self, signum: signal.Signals) -> bool:
        """See `Crawl`; what kills it kills what it may have started, too."""
        if self.poll():
            return False
        if signum == signal.SIGKILL:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signum)
        self._process.send_signal(signum)
        return True

    def close(self) -> None:
        """See `Crawl`."""
        self._lock.close()


class Orphan:
    """A crawl whose scheduler died: it ends when its lock is free."""

    def __init__(self, lock_path: Path) -> None:
        self._path = lock_path
        self._lock: SourceLock | None = None
        self.exit_code: int | None = None
        self.pid = _read_pid(lock_path)

    def poll(self) -> bool:
        """Return whether it has ended; its lock is ours then."""
        self._lock = self._lock or SourceLock.take(self._path)
        return self._lock is not None

    def send(self, signum: signal.Signals) -> bool:
        """See `Crawl`; nothing is sent to a process that cannot be proved to hold the lock."""
        if not hasattr(os, "pidfd_open"):
            return False
        with suppress(OSError):
            descriptor = os.pidfd_open(self.pid)
            try:
                # The number may have gone to another process; the descriptor always means the same process.
                if _has_open(self.pid, self._path):
                    signal.pidfd_send_signal(descriptor, signum)
                    return True
            finally:
                os.close(descriptor)
        return False

    def close(self) -> None:
        """See `Crawl`."""
        if self._lock is not None:
            self._lock.close()


def _read_pid(path: Path) -> int:
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):
        return 0


def _has_open(pid: int, path: Path) -> bool:
    """Return whether a process has a file open, where the system shows it. Spec: Linux proc(5), /proc/PID/fd."""
    wanted = path.stat()
    with os.scandir(f"/proc/{pid}/fd") as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                if os.path.samestat(wanted, entry.stat()):
                    return True
    return False
