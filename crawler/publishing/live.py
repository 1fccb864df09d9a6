"""Delivers changes during a crawl, so that receivers need not wait for the end of a long run.

Every few seconds a thread enters what the run has filed since the last time into the change log, and delivers it. It
reads only new filings, and the crawl never waits for a receiver. Removed posts are entered at the end of the run.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING

from archives.errors import ArchiveError
from crawler.publishing.delivering import deliver_changes
from crawler.reparsing.ledger import find_ledger
from crawler.sources import SourceError
from pipelines.posts.filing import FilingLog

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from crawler.publishing.library import Library
    from crawler.publishing.webhooks import Hook

logger = logging.getLogger(__name__)

_ENTERED_AT_ONCE = 500
# A receiver that does not answer holds up the end of a run no longer than this.
_LONGEST_END_S = 15.0


class LiveDelivery:
    """Delivers the changes of one run while it is in progress.

    Args:
        pause_s: seconds between one round and the next.

    Attributes:
        entered: changes that were entered so far.
        delivered: deliveries that were accepted so far.
        failed: rounds that went wrong; the next one does their work again.
    """

    def __init__(self, library: Library, hooks: Sequence[Hook], collection: str, *, pause_s: float) -> None:
        self._library = library
        self._hooks = tuple(hooks)
        self._collection = collection
        self._pause_s = pause_s
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
        self._filings = ("", 0)
        self.entered = self.delivered = self.failed = 0

    def start(self) -> None:
        """Begin with what is filed from now on."""
        self._filings = self._find_end()
        self._thread.start()

    def stop(self) -> None:
        """End it; a delivery that is under way may be repeated by the next one."""
        self._stopped.set()
        self._thread.join(_LONGEST_END_S)

    def _run(self) -> None:
        while not self._stopped.wait(self._pause_s):
            try:
                self.entered += self._enter()
                done = deliver_changes(
                    self._library, self._hooks, timeout_s=self._pause_s, is_over=self._stopped.is_set
                )
                self.delivered += done.delivered
            except (ArchiveError, SourceError, OSError, sqlite3.Error) as error:
                self.failed += 1
                logger.warning("Webhooks could not be delivered during the run; its end tries again: %s", error)

    def _enter(self) -> int:
        """Enter what was filed since the last round."""
        name, last = self._find_end()
        if name != self._filings[0]:  # the ledger was made meanwhile, or rebuilt
            self._filings = (name, 0)
        count = 0
        with (
            closing(FilingLog(self._find_ledger())) as filings,
            closing(self._library.open_log(self._collection)) as log,
        ):
            while self._filings[1] < last and not self._stopped.is_set():
                found = filings.list_since(self._filings[1], limit=_ENTERED_AT_ONCE)
                if not found:
                    break
                count += log.account_filed([key for _, key in found])
                self._filings = (name, found[-1][0])
        return count

    def _find_end(self) -> tuple[str, int]:
        """Return the name of the ledger's log of filings, '' where there is none, and its last position."""
        ledger = self._find_ledger()
        if not ledger.exists():
            return "", 0
        with closing(FilingLog(ledger)) as filings:
            return filings.find_end()

    def _find_ledger(self) -> Path:
        return find_ledger(self._library.open_collection(self._collection))
