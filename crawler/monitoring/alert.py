"""What may be wrong with a source, and how an alert says it: what, since when, on which pages, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from crawler.environment import name_program
from pipelines.examples import MOST

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from crawler.monitoring.logbook import RunRecord


class AlertKind(StrEnum):
    """What may be wrong with a source."""

    RUN = "run"
    SILENCE = "silence"
    FIELDS = "fields"
    ERRORS = "errors"
    FAILURES = "failures"
    ROBOTS = "robots"
    NO_ARTICLE = "no_article"
    IN_PLACE = "in_place"
    DOUBTS = "doubts"
    SAME = "same"
    DOUBLED = "doubled"
    NOTICE = "notice"
    TEMPLATE = "template"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One thing that is wrong.

    Attributes:
        message: what it is, in one line for people.
        since: when the first run began in which it was so, as far as is known.
        examples: addresses of pages that show it, at most three.
        advice: what to do, as a command.
    """

    kind: AlertKind
    message: str
    since: datetime | None = None
    examples: tuple[str, ...] = ()
    advice: str = ""

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        since = f", since {self.since:%Y-%m-%d %H:%M} UTC" if self.since else ""
        shown = f", as on {' '.join(self.examples)}" if self.examples else ""
        return f"{self.message}{since}{shown}" + (f"; {self.advice}" if self.advice else "")


def collect_examples(runs: Sequence[RunRecord], *names: str) -> tuple[str, ...]:
    """Return the first examples that runs have for any of some names."""
    found = (url for run in runs for name in names for url in run.examples.get(name, ()))
    return tuple(dict.fromkeys(found))[:MOST]


def advise_check(run: RunRecord) -> str:
    """Return the advice to try a source's rules on what was captured."""
    return f"run '{name_program()} sources check {run.source} --collection {run.collection}'"
