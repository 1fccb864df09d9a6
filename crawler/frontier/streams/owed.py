"""What a source owes, shared by workers on several machines: the server has it, and each file is a copy.

A run begins with what the server has, so a page that failed on one machine is requested again by another. Everything
else is read from the copy, also by `health` and `status`, and goes on while the server is unavailable.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Final

from crawler.frontier.owed import OwedTable
from crawler.frontier.streams.server import Server, ServerUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from crawler.frontier.owed import Row

_RULES: Final = "rules"
_REFUSALS: Final = "refusals"


class SharedOwedTable(OwedTable):
    """What one source owes, on the server of a shared frontier.

    Args:
        url: of the server.
        collection: the workers of this one share what they owe.
        path: the SQLite file that is the copy.

    Raises:
        FrontierError: the server cannot be used.
        archives.errors.DatabaseError: the copy is damaged or of another version.
        sqlite3.OperationalError: the copy cannot be written.
    """

    def __init__(
        self, url: str, collection: str, path: Path, source: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._server = Server(url)
        self._owed_key = f"newsreel:{{{collection}/{source}}}:owed"
        self._walk_key = f"newsreel:{{{collection}/{source}}}:walk"
        super().__init__(path, source, clock=clock)
        try:
            self._copy()
        except ServerUnavailable:  # the copy of an earlier run has to do; the server's warning says so
            return

    def close(self) -> None:
        """Let copy and server go."""
        super().close()
        self._server.close()

    def note_refusals(self, count: int) -> None:
        """Note how many articles in a row were refused."""
        super().note_refusals(count)
        self._send(self._walk_key, _REFUSALS, str(count))

    def note_walk(self, rules: str) -> None:
        """Note that all lists have been walked to their ends, but for what is owed."""
        super().note_walk(rules)
        self._send(self._walk_key, _RULES, rules)

    def _write(self, row: Row) -> None:
        super()._write(row)
        self._send(self._owed_key, row[0], json.dumps(row[1:], ensure_ascii=False))

    def _forget(self, url: str) -> None:
        super()._forget(url)
        self._send(self._owed_key, url, "")

    def _send(self, key: str, field: str, value: str) -> None:
        self._server.send("note", [key], [field, value])

    def _copy(self) -> None:
        """Have the file hold what the server has; the first worker of a source brings what it owed before."""
        owed = self._server.get(lambda client: client.hgetall(self._owed_key))
        walk = self._server.get(lambda client: client.hgetall(self._walk_key))
        if owed or walk:
            self._replace([(url.decode(), *json.loads(row)) for url, row in owed.items()])
            if rules := walk.get(_RULES.encode()):
                super().note_walk(rules.decode())
            super().note_refusals(int(walk.get(_REFUSALS.encode(), 0)))
            return
        for row in self._list_rows():
            self._write(row)
