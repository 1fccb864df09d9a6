"""The content of a notification: alerts that have begun or ended, or posts that a saved search has found."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from crawler.publishing.webhooks import build_envelope

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from crawler.alerts.alert_store import CurrentAlert
    from pipelines.exports.records import PostRecord


class Sendable(Protocol):
    """A message, in the forms that channels need."""

    @property
    def id(self) -> str:
        """The same at every attempt."""
        ...

    @property
    def at(self) -> datetime:
        """When it was made, aware UTC."""
        ...

    @property
    def subject(self) -> str:
        """One line."""
        ...

    @property
    def text(self) -> str:
        """Plain text for people."""
        ...

    def dump(self) -> str:
        """Return it as JSON."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Alerts that have begun or ended since the last message.

    Attributes:
        id: the same at every attempt to send it.
        at: aware UTC.
        note: said in front, if anything.
    """

    id: str
    at: datetime
    begun: tuple[CurrentAlert, ...] = ()
    ended: tuple[CurrentAlert, ...] = ()
    note: str = ""

    @property
    def subject(self) -> str:
        """One line of at most 100 characters."""
        if self.note:
            return f"Newsreel: {self.note}"[:100]
        names = sorted({alert.source or alert.collection for alert in (*self.begun, *self.ended)})
        where = names[0] if len(names) == 1 else f"{len(names)} sources"
        counts = [f"{len(self.begun)} begun"] * bool(self.begun) + [f"{len(self.ended)} over"] * bool(self.ended)
        return f"Newsreel: alerts of {where}: {', '.join(counts)}"[:100]

    @property
    def text(self) -> str:
        """Plain text for people, with a line feed at the end of each line."""
        return "".join(f"{line}\n" for line in self._iter_lines())

    def _iter_lines(self) -> Iterator[str]:
        if self.note:
            yield self.note
        for heading, alerts in (("Begun:", self.begun), ("Over:", self.ended)):
            if alerts:
                yield heading
                for alert in alerts:
                    where = alert.source or alert.collection
                    place = f" in {alert.collection}" if alert.collection != where else ""
                    yield f"  {where}{place}: {alert.kind}: {alert.message}"
        yield "Current alerts: newsreel health"

    def build_data(self) -> dict[str, Any]:
        """Return the same as JSON has it."""
        return {
            "subject": self.subject,
            "begun": [build_object(alert) for alert in self.begun],
            "ended": [build_object(alert) for alert in self.ended],
            "note": self.note,
        }

    def dump(self) -> str:
        """Return an object in JSON, in the form that Standard Webhooks recommends: type, timestamp, data."""
        kind = "alerts.test" if self.note else "alerts.changed"
        return json.dumps(build_envelope(kind, self.at, self.build_data()), ensure_ascii=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchMessage:
    """What a saved search has newly found.

    Attributes:
        id: the same at every attempt to send it.
        at: aware UTC.
        words: the search as it is written.
        more: how many further posts it found.
    """

    id: str
    at: datetime
    search: str
    words: str
    posts: tuple[PostRecord, ...]
    more: int

    @property
    def subject(self) -> str:
        """One line of at most 100 characters."""
        count = len(self.posts) + self.more
        return f"Newsreel: {self.search}: {count} new post{'s' * (count != 1)}"[:100]

    @property
    def text(self) -> str:
        """Plain text for people, with a line feed at the end of each line."""
        return "".join(f"{line}\n" for line in self._iter_lines())

    def _iter_lines(self) -> Iterator[str]:
        yield f"New for the search {self.words}:"
        for post in self.posts:
            published = f"{post.datePublished:%Y-%m-%d %H:%M}" if post.datePublished else "no date"
            yield f"  {' '.join(post.headline.split())} ({post.source}, {published})"
            yield f"    {post.url}"
        if self.more:
            yield f"  and {self.more} more"

    def dump(self) -> str:
        """Return an object in JSON, in the form that Standard Webhooks recommends: type, timestamp, data."""
        data = {
            "search": self.search,
            "query": self.words,
            "posts": [
                {
                    "collection": post.collection,
                    "source": post.source,
                    "identifier": post.identifier,
                    "headline": post.headline,
                    "url": post.url,
                    "datePublished": post.datePublished.isoformat() if post.datePublished else None,
                }
                for post in self.posts
            ],
            "more": self.more,
        }
        return json.dumps(build_envelope("search.found", self.at, data), ensure_ascii=False)


def build_object(alert: CurrentAlert) -> dict[str, Any]:
    """Return an alert as JSON has it."""
    return {
        "collection": alert.collection,
        "source": alert.source,
        "kind": alert.kind,
        "message": alert.message,
        "since": alert.since.isoformat(timespec="seconds"),
    }
