"""A source: the rules by which its pages are read, and when and how it is crawled."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from pipelines.rules.links import Scope
from pipelines.rules.model import Rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crawler.sources.timetable import Timetable
    from pipelines.posts.items import Statement
    from pipelines.rules.expressions import Expression

_PLACE = re.compile(r"\{(\w+)\}")


class SourceError(ValueError):
    """A source definition that cannot be used.

    Attributes:
        path: the file, or the name that was requested.
        key: dotted key inside the file, empty if the file as a whole is invalid.
    """

    def __init__(self, message: str, *, path: str, key: str = "") -> None:
        where = f"{path}: {key}" if key else path
        super().__init__(f"{where}: {message}")
        self.path = path
        self.key = key


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
        time_limit_s: seconds after which a crawl is stopped.
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
class Bound:
    """How long something is kept, and how much of it; 0 for no such limit.

    Attributes:
        most: posts, or bytes of captures.
    """

    age_s: int = 0
    most: int = 0

    def __bool__(self) -> bool:
        """Whether there is any limit."""
        return bool(self.age_s or self.most)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """What is kept of a source; what is beyond goes, oldest and least needed first."""

    posts: Bound = Bound()
    captures: Bound = Bound()
    requisites: Bound = Bound()


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """How to log in.

    Attributes:
        url: of the page with the form, or of what takes the fields at once.
        fields: name of a field to its value, or to the reference that says where that is.
        send: `form`, `fields` or `json`.
        form: finds the form; None for the first one with a password.
        check: matches only on pages of a logged-in user.
        lapsed: matches only on pages of a logged-out user.
    """

    url: str
    fields: Mapping[str, str]
    send: str = "form"
    form: Expression | None = None
    check: Expression | None = None
    lapsed: Expression | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What a publisher knows us by. It holds references, such as `env:NEWSREEL_SECRET_PAPER`, and no secrets.

    Attributes:
        cookies: reference of a cookie file or of cookies; '' for none.
        headers: field name to value or reference.
        basic: references of name and password.
    """

    cookies: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    basic: tuple[str, str] | None = None
    login: Login | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Click:
    """Something to click: by its text, its role and name, or a CSS selector.

    Attributes:
        times: how often at most, while it is there.
    """

    text: str = ""
    role: str = ""
    name: str = ""
    css: str = ""
    times: int = 1

    def __str__(self) -> str:
        return f"{self.role} {self.name}".strip() if self.role else self.text or self.css


@dataclass(frozen=True, slots=True, kw_only=True)
class Render:
    """When a page is opened in a browser, and what is done there.

    Attributes:
        when: `never`, `shell` or `always`.
        scope: what pages may fetch beside what the source admits.
        wait: CSS selector that is waited for; '' waits only until the page asks for nothing more.
        scroll: how often to scroll to the end at most.
        screenshot: a picture of each page is kept.
        seconds: for one page, all of it.
    """

    when: str = "shell"
    scope: Scope = field(default_factory=lambda: Scope(prefixes=()))
    wait: str = ""
    clicks: tuple[Click, ...] = ()
    scroll: int = 0
    screenshot: bool = False
    seconds: int = 30
    max_requests: int = 200
    max_bytes: int = 50_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Source(Rules):
    """A publisher we follow.

    Attributes:
        title: for people; `name` is also the default name of the collection.
        schedule: None if it is crawled only by hand.
        render: None if no browser is used.
        session: None if the publisher does not know us.
        keep: None if everything is kept.
        proxy: that all requests go through: its address without a password, or a reference; '' for none of its own.
        definition: the TOML text that it was read from; it is archived beside the captures.
        path: of the file that holds it, or where else it stands; Python that it names is beside it.
    """

    title: str
    politeness: Politeness = field(default_factory=Politeness)
    definition: str = ""
    path: str = ""
    schedule: Schedule | None = None
    render: Render | None = None
    session: Session | None = None
    keep: Keep | None = None
    proxy: str = ""

    def with_seeds(self, seeds: tuple[str, ...]) -> Source:
        """Return this source with other pages to start from, given by hand."""
        return replace(self, seeds=seeds)

    def find_article_url(self, statement: Statement) -> str:
        """Return the article's page, if its address can be derived, or ''."""
        day = self.post.find_day(statement.identifier)
        if not self.share.article_url or day is None or not statement.publisher:
            return ""
        parts = {
            "id": statement.identifier,
            "category": quote(self.post.build_category(statement.publisher)),
            "year": f"{day:%Y}",
            "month": f"{day:%m}",
            "day": f"{day:%d}",
        }
        return _PLACE.sub(lambda match: parts.get(match[1], match[0]), self.share.article_url)
