"""What reading a date gives: an instant with the precision it was stated in, or a refusal with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from pipelines.posts.items import Precision


class DateRefused(ValueError):
    """The text does not state a day that can be believed.

    Attributes:
        reason: short name to count by: empty, no_date, impossible, year_zero, epoch_zero, future, ambiguous.
        found: the text as found.
    """

    def __init__(self, reason: str, found: str) -> None:
        shown = found if len(found) <= 80 else found[:79] + "…"
        super().__init__(f"no date taken from {shown!r}: {reason}; keep the text as found, or name a better selector")
        self.reason = reason
        self.found = found


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedDate:
    """An instant as a publisher stated it.

    Attributes:
        instant: aware, in the offset stated or else the source's; local midnight where only the day was stated.
        precision: how much of the instant was stated.
    """

    instant: datetime
    precision: Precision
