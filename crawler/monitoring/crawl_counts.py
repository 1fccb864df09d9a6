"""Counts, rate and remaining time of a running crawl."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from crawler.sources.timetable import format_duration
from pipelines.posts.filing import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

_WINDOW_S: Final = 60.0
_DONE: Final = "frontier/acknowledged"
_UNITS: Final = ("B", "kB", "MB", "GB", "TB")


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlCounts:
    """Numbers of a run.

    Attributes:
        pages: read.
        failed: could not be fetched, once their retries were used up.
        posts: outcome to posts that had it.
        dropped: articles that got no file.
        bytes_archived: compressed.
        done: requests that are finished.
        waiting: requests that are known and not yet done.
        per_s: requests done a second, lately.
    """

    pages: int = 0
    failed: int = 0
    posts: Mapping[str, int]
    dropped: int = 0
    bytes_archived: int = 0
    done: int = 0
    waiting: int = 0
    per_s: float = 0.0

    @property
    def eta_s(self) -> int | None:
        """Seconds that the waiting requests will take at this rate; None if unknown."""
        return round(self.waiting / self.per_s) if self.waiting and self.per_s else None


class Pace:
    """How fast something grows, over the last minute."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, int]] = deque()

    def measure(self, now: float, count: int) -> float:
        """Return growth a second, having noted that there are so many now.

        Args:
            now: seconds on any clock that only goes forward.
        """
        while len(self._marks) > 1 and now - self._marks[0][0] > _WINDOW_S:
            self._marks.popleft()
        self._marks.append((now, count))
        began, first = self._marks[0]
        return (count - first) / (now - began) if now > began else 0.0


def build_counts(stats: Mapping[str, Any], *, bytes_archived: int, pace: Pace, now: float) -> CrawlCounts:
    """Return the counts of a run by its statistics."""
    done = stats.get(_DONE, 0)
    return CrawlCounts(
        pages=_sum(stats, "pages/", but=("pages/failed/", "pages/not_html")),
        failed=_sum(stats, "pages/failed/"),
        posts={outcome.value: stats.get(f"posts/{outcome}", 0) for outcome in Outcome},
        dropped=_sum(stats, "posts/dropped/"),
        bytes_archived=bytes_archived,
        done=done,
        waiting=count_waiting(stats),
        per_s=round(pace.measure(now, done), 1),
    )


def count_waiting(stats: Mapping[str, Any]) -> int:
    """Return how many requests are known and not done yet, by the statistics of a run."""
    known: int = stats.get("frontier/added", 0) + stats.get("frontier/resumed", 0)
    return max(0, known - int(stats.get(_DONE, 0)))


def describe_counts(counts: CrawlCounts) -> str:
    """Return the counts as one line for people."""
    parts = [
        f"{counts.pages} pages",
        *(f"{count} {outcome}" for outcome, count in counts.posts.items()),
        f"{counts.failed} failed",
        format_bytes(counts.bytes_archived),
        f"{counts.per_s:g}/s",
    ]
    if counts.eta_s is not None:
        parts.append(f"{counts.waiting} waiting, {format_duration(counts.eta_s)} left")
    return " · ".join(parts)


def dump_counts(counts: CrawlCounts) -> dict[str, Any]:
    """Return the counts as JSON values."""
    return {
        "pages": counts.pages,
        **counts.posts,
        "failed": counts.failed,
        "dropped": counts.dropped,
        "bytes": counts.bytes_archived,
        "done": counts.done,
        "waiting": counts.waiting,
        "per_s": counts.per_s,
        "eta_s": counts.eta_s,
    }


def format_bytes(size: float) -> str:
    """Return a size to three digits, in powers of a thousand."""
    for unit in _UNITS[:-1]:
        if size < 999.5:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} {_UNITS[-1]}"


def _sum(stats: Mapping[str, Any], prefix: str, *, but: tuple[str, ...] = ()) -> int:
    return sum(value for name, value in stats.items() if name.startswith(prefix) and not name.startswith(but))
