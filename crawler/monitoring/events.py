"""Events of scheduler and crawl, as a line of text or as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class EventKind(StrEnum):
    """What may happen."""

    READY = "ready"
    STARTED = "started"
    BUSY = "busy"
    ADOPTED = "adopted"
    STOPPING = "stopping"
    FINISHED = "finished"
    FAULT = "fault"
    POST = "post"
    FAILURE = "failure"
    PROGRESS = "progress"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened.

    Attributes:
        at: aware UTC.
        source: '' where it concerns all.
        details: JSON values.
    """

    kind: EventKind
    at: datetime
    source: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


def dump_event(event: Event) -> str:
    """Return an event as one line of JSON."""
    source = {"source": event.source} if event.source else {}
    return json.dumps({"event": event.kind, "at": format_instant(event.at)} | source | dict(event.details))


def describe_event(event: Event) -> str:
    """Return an event as one line for people: instant, what, which source, and what is known of it."""
    details = [f"{name}={_quote(value)}" for name, value in event.details.items() if value is not None]
    return " ".join([format_instant(event.at), event.kind, *([event.source] if event.source else []), *details])


def format_instant(instant: datetime) -> str:
    """Return an instant in UTC to the second, as ISO 8601."""
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"


def _quote(value: object) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if not text or set(text) & set(' "\n=') else text
