"""What a source definition holds once it has been read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from crawler.links import LinkKind, LinkRules, Scope, unwrap_share

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crawler.extract import Expression
    from crawler.timetable import Timetable
    from pipelines.options import PostOptions


class SourceError(ValueError):
    """A source definition that cannot be used.

    Attributes:
        path: the file, or the name that was asked for.
        key: dotted key inside the file, empty where the file as a whole is at fault.
    """

    def __init__(self, message: str, *, path: str, key: str = "") -> None:
        where = f"{path}: {key}" if key else path
        super().__init__(f"{where}: {message}")
        self.path = path
        self.key = key


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareRule:
    """Addresses that an article's id leads to; each holds `{id}`.

    Attributes:
        url: the share link, for articles known only by their id.
        text_url: what really holds the text behind a share link.
        article_url: the article's page, asked for when the text came without a headline; may also hold `{category}`,
            `{year}`, `{month}` and `{day}`.
    """

    url: str = ""
    text_url: str = ""
    article_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parser:
    """How one kind of page is read, up to a day.

    Attributes:
        of: kind of page.
        valid_until: last day, in the source's zone, on which captures look like this; None means still.
        records: for listings, what finds the entries.
        fields: post field to the expressions that find it, tried in order.
    """

    of: LinkKind
    valid_until: date | None = None
    records: Expression | None = None
    fields: Mapping[str, tuple[Expression, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Politeness:
    """What a source asks of us beyond the settings.

    Attributes:
        delay: seconds between two requests to one host; None leaves it to AutoThrottle.
        concurrency: requests to one host at a time; None leaves it to the settings.
    """

    delay: float | None = None
    concurrency: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a source is crawled without anybody asking, and how.

    Attributes:
        time_limit_s: seconds after which a crawl is told to stop.
        spider: that runs.
        collection: '' for the one that has the source's name.
        is_enabled: False keeps the table and runs nothing.
    """

    timetable: Timetable
    time_limit_s: int
    spider: str = "category"
    collection: str = ""
    is_enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A publisher we follow.

    Attributes:
        name: also the default name of its collection.
        schedule: None where it is crawled only by hand.
        definition: the TOML text that it was read from; it is archived beside the captures.
    """

    name: str
    title: str
    scope: Scope
    seeds: tuple[str, ...]
    links: LinkRules
    share: ShareRule
    parsers: tuple[Parser, ...]
    post: PostOptions
    politeness: Politeness
    definition: str
    schedule: Schedule | None = None

    def find_kind(self, url: str) -> LinkKind:
        """Return what `url` leads to; a seed without a rule of its own lists articles."""
        kind, _ = self.links.find_match(url)
        return LinkKind.CATEGORY if kind is LinkKind.OTHER and url in self.seeds else kind

    def find_identifier(self, url: str) -> str:
        """Return the publisher's id that `url` names, or ''."""
        return self.links.find_match(url)[1]

    def find_parser(self, kind: LinkKind, captured_at: datetime) -> Parser | None:
        """Return the parser for captures of a kind made at an instant: of those still valid, the first to end."""
        day = captured_at.astimezone(self.post.zone).date()
        valid = [p for p in self.parsers if p.of is kind and (p.valid_until is None or p.valid_until >= day)]
        return min(valid, key=lambda p: p.valid_until or date.max, default=None)

    def find_text_url(self, share_url: str) -> str:
        """Return the address that really holds the text of a share link, or ''."""
        return unwrap_share(self.links, self.share.text_url, share_url)

    def admits(self, url: str) -> bool:
        """Tell whether a run may fetch `url`."""
        return self.scope.admits(url) or url in self.seeds

    def with_seeds(self, seeds: tuple[str, ...]) -> Source:
        """Return this source with other pages to start from, given by hand."""
        return replace(self, seeds=seeds)
