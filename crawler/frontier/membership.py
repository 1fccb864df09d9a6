"""A run's membership in a shared crawl, from before the first request to the end of the run.

Meanwhile a lock beside the frontier's file shows that the run is alive, as with a frontier of this machine.
"""

from __future__ import annotations

import logging
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from scrapy.utils.asyncio import call_later
from scrapy.utils.defer import maybe_deferred_to_future
from twisted.internet.defer import Deferred

from archives.storage.files import is_held, lock_file
from crawler.frontier.streams import WorkerRegistration
from crawler.runs.run import RunExtension

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

_ASK_AGAIN_S: Final = 0.2
_RUN_ID: Final = f"{'[0-9]' * 14}-{'[0-9a-f]' * 6}"


class Membership:
    """One run among those that share a crawl.

    Args:
        lock: a file that is locked as long as the run lives, and removed at its end.
        place: machine and data directory, which the joint manifest gives beside the run's own.
    """

    def __init__(
        self, run: RunExtension, registration: WorkerRegistration, *, lock: Path, place: dict[str, str]
    ) -> None:
        self._run = run
        self._registration = registration
        self._place = place
        self._path = lock
        self._lock = lock.open("w")
        lock_file(self._lock.fileno())

    @classmethod
    def begin(cls, crawler: Crawler, url: str, job: str, *, worker: str, lease_s: float) -> Self | None:
        """Register the run with the server of the frontier; None if no run is kept.

        Raises:
            FrontierError: the server cannot be used.
            OSError: an earlier crawl's joint manifest could not be written.
        """
        run = crawler.get_extension(RunExtension)
        if run is None:
            return None
        place = {"machine": platform.node(), "data_dir": str(Path(crawler.settings["DATA_DIR"]).resolve())}
        frontier = Path(crawler.settings["FRONTIER_FILE"])
        _clear_locks(frontier)
        registration = WorkerRegistration(url, job, worker=worker, write=run.write_manifest, lease_s=lease_s)
        run.crawl = registration.register(run.build_manifest(exit_reason=None) | place)
        return cls(run, registration, lock=frontier.with_name(f"{frontier.name}.{run.run_id}.lock"), place=place)

    async def end(self) -> None:
        """Leave the manifest with the server; where the crawl is over, wait for those who have not yet."""
        manifest: dict[str, Any] = self._run.manifest | self._place
        try:
            while not self._registration.leave(manifest):
                await _pause(_ASK_AGAIN_S)
        except OSError as error:
            logger.warning("The joint manifest does not know how this run ended: %s", error)
        finally:
            self._registration.close()
            self._path.unlink(missing_ok=True)
            self._lock.close()


def _clear_locks(frontier: Path) -> None:
    """Remove the locks of runs that were killed."""
    for path in frontier.parent.glob(f"{frontier.name}.{_RUN_ID}.lock"):
        if not is_held(path):
            path.unlink(missing_ok=True)


async def _pause(seconds: float) -> None:
    pause: Deferred[None] = Deferred()
    call_later(seconds, pause.callback, None)
    await maybe_deferred_to_future(pause)
