"""Runs commands that keep a data directory tidy once a day, beside the crawls of a schedule."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Self

from archives.storage.files import write_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

COMMANDS: Final = ("merge", "prune")
_DAY_S: Final = 86_400
# A command that failed, as one does where a crawl holds the collection, is tried again after so long.
_LOOK_S: Final = 300.0
# No source has a name that begins like these.
_STATE: Final = "_upkeep.json"
_LOG: Final = "_%s.log"


class Upkeep:
    """Runs each command when a day has passed since it last went well.

    Args:
        folder: holds when each last went well, and a log of what they said last.
        commands: names of our commands.
        options: given to each.
        report: called with one sentence where a command fails.
    """

    def __init__(
        self,
        folder: Path,
        commands: Sequence[str],
        options: Sequence[str],
        *,
        report: Callable[[str], None],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._folder = folder
        self._commands = commands
        self._options = options
        self._report = report
        self._clock = clock
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """End, once the command that runs now has ended."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self.run_due()
            self._stopped.wait(_LOOK_S)

    def run_due(self) -> None:
        """Run the commands that are due, one after the other."""
        went = self._load()
        for command in self._commands:
            if self._stopped.is_set():
                return
            now = self._clock()
            last = datetime.fromisoformat(went[command]) if command in went else None
            if last is not None and (now - last).total_seconds() < _DAY_S:
                continue
            try:
                if self._call(command):
                    went[command] = now.isoformat()
                    write_file(self._folder / _STATE, json.dumps(went).encode())
            except OSError as error:
                self._report(f"{command} is tried again later: {error}")

    def _load(self) -> dict[str, str]:
        try:
            return dict(json.loads((self._folder / _STATE).read_bytes()))
        except (OSError, ValueError):
            return {}

    def _call(self, command: str) -> bool:
        done = subprocess.run(  # noqa: S603 (our own command)
            [sys.executable, "-m", "scrapy", command, *self._options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        log = self._folder / (_LOG % command)
        write_file(log, done.stdout)
        if done.returncode:
            self._report(f"{command} did not succeed and is tried again later; {log} says why")
        return done.returncode == 0
