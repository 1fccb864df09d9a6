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


def describe_counts(counts: CrawlCounts, *, columns: int | None = None) -> str:
    """Return the counts as one line for people.

    Args:
        columns: how long it may be; what matters least is left out, so that no number is cut.
    """
    parts = _list_parts(counts)
    while columns is not None and len(parts) > 1 and len(_join(parts)) > columns:
        parts.remove(max(parts))
    return _join(parts)


def _list_parts(counts: CrawlCounts) -> list[tuple[int, str]]:
    """Return the parts of a line, each behind its rank; the higher, the sooner it is left out."""
    ranks = {Outcome.NEW: 3, Outcome.UPDATED: 6, Outcome.UNCHANGED: 8}
    parts = [
        (2, f"{counts.pages} pages"),
        *((ranks[Outcome(outcome)], f"{count} {outcome}") for outcome, count in counts.posts.items()),
        (1, f"{counts.failed} failed"),
        (5, format_bytes(counts.bytes_archived)),
        (7, f"{counts.per_s:g}/s"),
    ]
    if counts.eta_s is not None:
        parts += [(4, f"{counts.waiting} waiting"), (0, f"{format_duration(counts.eta_s)} left")]
    return parts


def _join(parts: list[tuple[int, str]]) -> str:
    return " · ".join(text for _, text in parts)


def describe_posts(stats: Mapping[str, Any]) -> str:
    """Return how many posts a run made, changed, left alone and dropped."""
    counts = [f"{stats.get(f'posts/{outcome}', 0)} {outcome}" for outcome in Outcome]
    return f"posts: {', '.join(counts)}, {_sum(stats, 'posts/dropped/')} dropped"


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
