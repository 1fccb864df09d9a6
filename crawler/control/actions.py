"""The actions of the control page: start, stop, pause and resume a source, and save one page.

A crawl is started as the schedule starts it, under the lock of its source, so the two never crawl one source at once.
It outlives the process that started it.
"""

from __future__ import annotations

import signal
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from archives.errors import CollectionError
from archives.storage.files import write_file
from crawler.environment import name_program
from crawler.scheduling import pauses
from crawler.scheduling.children import Child, Orphan, SourceLock, build_crawl_command
from crawler.scheduling.logs import build_log_path
from crawler.sources import SourceError, find_source, list_sources

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from crawler.sources import Source

_SPIDER: Final = "category"
_MAX_URL: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """What can be done with a source now."""

    source: str
    is_running: bool
    is_paused: bool


class Actions:
    """Acts on the sources of the project.

    Args:
        folder: the schedule's, with a lock and a log for each source.
        options: of the command, such as `-s NAME=VALUE`, which hold for each crawl, too.
    """

    def __init__(self, folder: Path, options: Sequence[str] = ()) -> None:
        self._folder = folder
        self._options = options

    def list_states(self) -> list[SourceState]:
        """Return the project's sources."""
        paused = pauses.list_paused(self._folder)
        return [
            SourceState(source=name, is_running=self._is_running(name), is_paused=name in paused)
            for name in list_sources()
        ]

    def start(self, name: str) -> str:
        """Start a crawl of a source; return a sentence on it.

        Raises:
            CollectionError: it cannot be started.
        """
        source = self._find(name)
        schedule = source.schedule
        spider, collection = (schedule.spider, schedule.collection) if schedule else (_SPIDER, "")
        self._spawn(name, [spider, "-a", f"source={name}", *(["-a", f"collection={collection}"] if collection else [])])
        return f"The crawl of {name} was started."

    def stop(self, name: str) -> str:
        """Ask a running crawl to stop; what is waiting is crawled next time.

        Raises:
            CollectionError: none is running that was started here or by the schedule, or its process cannot be found.
        """
        self._find(name)
        if not self._is_running(name):
            raise CollectionError(f"no crawl of {name} is running that the schedule or this page has started")
        if not Orphan(self._lock_path(name)).send(signal.SIGTERM):
            raise CollectionError(f"the crawl of {name} could not be stopped: its lock does not lead to its process")
        return f"The crawl of {name} was asked to stop; the next one continues from there."

    def pause(self, name: str) -> str:
        """Keep the schedule from starting a source, and stop its crawl."""
        self._find(name)
        pauses.pause(self._folder, name)
        if self._is_running(name):
            self.stop(name)
        return f"{name} is paused."

    def resume(self, name: str) -> str:
        """Let the schedule start a source again."""
        self._find(name)
        pauses.resume(self._folder, name)
        return f"{name} is resumed; it runs when it is due."

    def save(self, url: str) -> str:
        """Fetch one page by the rules of the source that it belongs to.

        Raises:
            CollectionError: it is not an address, or of no source.
        """
        name = self.find_owner(url)
        task = f"{name}.share"
        links = self._folder / f"{task}.txt"
        # A file, because a list on the command line would be cut at commas.
        self._spawn(task, ["share", "-a", f"source={name}", "-a", f"urls={links}"], before=lambda: _write(links, url))
        return f"{url} is being saved for {name}."

    def find_owner(self, url: str) -> str:
        """Return the name of the source that an address belongs to.

        Raises:
            CollectionError: it is not an address, or of no source.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.netloc or len(url) > _MAX_URL or not url.isprintable():
            raise CollectionError("this is not the address of a web page")
        for name in list_sources():
            try:
                if find_source(name).admits(url):
                    return name
            except SourceError:  # an invalid definition admits nothing; the schedule reports it
                continue
        raise CollectionError(
            f"{parts.netloc} belongs to no source; '{name_program()} sources new {url}' drafts a definition"
        )

    def _find(self, name: str) -> Source:
        if name not in list_sources():
            raise CollectionError(f"{name!r} is not a source of this project")
        try:
            return find_source(name)
        except SourceError as error:
            raise CollectionError(str(error)) from error

    def _spawn(self, task: str, words: list[str], before: Callable[[], None] | None = None) -> None:
        lock = SourceLock.take(self._lock_path(task))
        if lock is None:
            raise CollectionError(f"{task} is being crawled already")
        try:
            if before:
                before()
            child = Child(build_crawl_command(words, self._options), lock=lock, log=build_log_path(self._folder, task))
        except OSError as error:
            lock.close()
            raise CollectionError(f"the crawl could not be started: {error}") from error
        threading.Thread(target=_wait, args=(child,), name=f"crawl of {task}", daemon=True).start()

    def _is_running(self, name: str) -> bool:
        lock = SourceLock.take(self._lock_path(name))
        if lock is None:
            return True
        lock.close()
        return False

    def _lock_path(self, task: str) -> Path:
        return self._folder / f"{task}.lock"


def _write(path: Path, url: str) -> None:
    write_file(path, f"{url}\n".encode())


def _wait(child: Child) -> None:
    """Wait for the end of a crawl, so that its lock is released and no zombie process is left."""
    child.wait()
    child.close()
