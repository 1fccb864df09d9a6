"""The page of what is going on: crawls under way, sources and when they are due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from archives.errors import ArchiveError
from crawler.monitoring.logbook import list_runs
from crawler.status.running import Crawls
from crawler.status.sources import list_sources, read_schedule
from crawler.viewer.pages import build_page
from crawler.viewer.search.lookup import DOUBTFUL, Wanted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from archives.replay.http import Response
    from crawler.monitoring.health import Limits
    from crawler.status.running import Crawl
    from crawler.status.sources import SourceStatus
    from crawler.viewer.search.lookup import Found
    from crawler.viewer.search.pool import IndexPool

_REFRESH_S: Final = 5
_RUNS: Final = 200
_EXAMPLES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCard:
    """What the page says of a source.

    Attributes:
        doubtful: how many posts have captures that no longer look like the article.
        examples: some of them.
    """

    status: SourceStatus
    doubtful: int
    examples: Sequence[Found]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusPage:
    """What `status.html` shows.

    Attributes:
        at: when it was made.
        refresh_s: seconds after which the page loads itself again; 0 if it does not.
        schedule_fault: why the schedule cannot be read; empty if it can.
    """

    at: datetime
    crawls: Sequence[Crawl]
    sources: Sequence[SourceCard]
    refresh_s: int
    schedule_fault: str


class StatusDesk:
    """Makes the page.

    Args:
        schedule: where the schedule is remembered: a file, or the address of a database.
    """

    def __init__(self, data_dir: Path, pool: IndexPool, schedule: Path | str, limits: Limits) -> None:
        self._data_dir = data_dir
        self._pool = pool
        self._schedule = schedule
        self._limits = limits
        self._crawls = Crawls(data_dir / "schedule")

    def show(self, *, refreshes: bool = True) -> Response:
        """Return the page, which loads itself again while a crawl runs.

        Args:
            refreshes: the reader has not stopped that.
        """
        runs = list_runs(self._data_dir, most=_RUNS)
        at = datetime.now(UTC)
        crawls = self._crawls.list_running(runs, now=at)
        fault, schedule = "", {}
        try:
            schedule = read_schedule(self._schedule)
        except ArchiveError as error:
            fault = str(error)
        sources = list_sources(self._data_dir, runs, schedule, now=at, limits=self._limits)
        refresh_s = _REFRESH_S if crawls and refreshes else 0
        page = StatusPage(
            at=at,
            crawls=crawls,
            sources=[self._build_card(source) for source in sources],
            refresh_s=refresh_s,
            schedule_fault=fault,
        )
        return build_page("status.html", page, headers=(("Refresh", str(refresh_s)),) if refresh_s else ())

    def _build_card(self, status: SourceStatus) -> SourceCard:
        if not status.collection:
            return SourceCard(status=status, doubtful=0, examples=())
        wanted = Wanted(labels=(("source", status.source), DOUBTFUL))
        names = [status.collection]
        examples = self._pool.list_posts(names, wanted, limit=_EXAMPLES)
        return SourceCard(status=status, doubtful=self._pool.count(names, wanted) if examples else 0, examples=examples)
