"""The newspaper's articles, read from `articles.toml`.

The articles are data, so that they can be read, mended and added to without a look at the code that prints
them.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from importlib import resources
from typing import Any

PAPER_ZONE = timezone(timedelta(hours=8), "CST")
ID_DIGITS = slice(2, 16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A section of the paper; the slug is in links as it is, blanks and brackets included."""

    slug: str
    name: str
    motto: str

    def path(self, page: int = 1) -> str:
        """The unescaped path of one page of the section; pages count from 1."""
        return f"/section/{self.slug}{'' if page == 1 else f'-{page}'}.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """One article; paragraphs are HTML fragments, the title is plain text.

    `whole` means that the page carries all of the text; otherwise the page has the first paragraph and a
    share link, and the text comes from the JSON address under `text_key`.
    """

    id: str
    section: Section
    language: str
    title: str
    desk: str
    paragraphs: tuple[str, ...]
    tags: tuple[str, ...] = ()
    whole: bool = False
    text_key: str = "text"
    charset: str = "utf-8"
    is_charset_declared: bool = True
    edition: int = 1
    listed_only: bool = False
    is_busy_once: bool = False
    revised_in: int = 0

    @property
    def published(self) -> datetime:
        """The instant the paper states, which its ids spell out to the second."""
        return datetime.strptime(self.id[ID_DIGITS], "%Y%m%d%H%M%S").replace(tzinfo=PAPER_ZONE)

    @property
    def path(self) -> str:
        """The unescaped path of the article's page."""
        return f"/{self.section.slug}/{self.published:%Y/%m/%d}/{self.id}.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A line of the notice board on the home page: a link that leads somewhere out of the ordinary."""

    href: str
    text: str
    status: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """All that is in print at one time, newest articles first."""

    number: int
    sections: tuple[Section, ...]
    articles: tuple[Article, ...]
    notices: tuple[Notice, ...]

    def articles_of(self, section: Section) -> tuple[Article, ...]:
        """The articles to be found on the section's pages."""
        return tuple(a for a in self.articles if a.section == section and not a.listed_only)


def read_edition(number: int) -> Edition:
    """Read the paper as it is in edition 1, 2, …

    Raises:
        ValueError: No such edition.
    """
    text = resources.files(__package__).joinpath("articles.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    if not 1 <= number <= data["editions"]:
        raise ValueError(f"no edition {number} of the newspaper; there are {data['editions']}, the first is 1")
    sections = {entry["slug"]: Section(**entry) for entry in data["section"]}
    articles = [_build_article(entry, sections, number) for entry in data["article"]]
    in_print = [article for article in articles if article.edition <= number]
    return Edition(
        number=number,
        sections=tuple(sections.values()),
        articles=tuple(sorted(in_print, key=lambda article: article.id[ID_DIGITS], reverse=True)),
        notices=tuple(Notice(**entry) for entry in data["notice"]),
    )


def _build_article(entry: dict[str, Any], sections: dict[str, Section], number: int) -> Article:
    revision = entry.get("revision") if number > 1 else None
    fields = {name: value for name, value in entry.items() if name not in {"text", "revision"}}
    fields["section"] = sections[entry["section"]]
    fields["tags"] = tuple(entry.get("tags", ()))
    fields["revised_in"] = 2 if revision else 0
    return Article(**fields, paragraphs=_split_paragraphs(revision or entry["text"]))


def _split_paragraphs(text: str) -> tuple[str, ...]:
    return tuple(text.strip().split("\n\n"))
