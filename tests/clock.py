"""A clock that a test sets."""

from __future__ import annotations


class Clock:
    """Seconds; on the wall clock, since 1970."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
