"""What a source owes, shared by workers on several machines: the server has it, and each file is a copy.

A run begins with what the server has, so a page that failed on one machine is requested again by another. Everything
else is read from the copy, also by `health` and `status`, and continues while the server is unavailable.
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
            self._merge()
        except ServerUnavailable:  # the copy of an earlier run has to do; the server's warning says so
            return

    def close(self) -> None:
        """Close copy and server."""
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

    def _write(self, row: Row, *, is_shared: bool = False) -> None:
        is_sent = self._send(self._owed_key, row[0], json.dumps(row[1:], ensure_ascii=False))
        super()._write(row, is_shared=is_shared or is_sent)

    def _forget(self, url: str) -> None:
        super()._forget(url)
        self._send(self._owed_key, url, "")

    def _send(self, key: str, field: str, value: str) -> bool:
        """Send a change; return whether the server has it already."""
        return self._server.send("note", [key], [field, value]) is not None

    def _merge(self) -> None:
        """Copy what the server has, and send it what only this file has.

        Rows that the server had when they were written and has no longer were settled by another machine, unless the
        server knows nothing of the source.
        """
        owed = self._server.get(lambda client: client.hgetall(self._owed_key))
        walk = self._server.get(lambda client: client.hgetall(self._walk_key))
        is_known = bool(owed or walk)
        rows = self._list_rows(with_shared=not is_known)
        if is_known:
            self._replace([(url.decode(), *json.loads(row)) for url, row in owed.items()])
            if rules := walk.get(_RULES.encode()):
                super().note_walk(rules.decode())
            super().note_refusals(int(walk.get(_REFUSALS.encode(), 0)))
        for row in rows:
            if row[0].encode() not in owed:
                self._write(row)
