"""Tries a source's rules on all captures of an archive.

Captures are read as in a reparse, into a scratch ledger. What the rules found is tallied on the way: a rule that finds
nothing is as good as none, and no crawl says so.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archives.index.catalogue import CollectionIndex
from crawler.projects.progress_bar import show_progress
from crawler.reparsing.comparison import Comparison, compare_collection, dump_comparison
from crawler.reparsing.reparse import CaptureReader, Reparsed, write_posts
from crawler.sources.archived import build_options
from pipelines.examples import MOST
from pipelines.posts.items import Origin
from pipelines.posts.ledger import Ledger
from pipelines.posts.normalise import normalise
from pipelines.posts.settle import PostRefused, settle
from pipelines.reading.fields import ORIGINS
from pipelines.reading.witnesses import BY_RULE
from pipelines.rules.addresses import build_identity
from pipelines.rules.links import LinkKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from crawler.reparsing.contents import CollectionContents
    from crawler.sources import Source
    from pipelines.posts.items import Statement
    from pipelines.reading.read import Reading

SHOWN_FIELDS = ("headline", "datePublished", "articleSection", "keywords", "author", "articleBody")
SINGULAR_FIELDS = ("headline", "datePublished", "articleBody")
"""Fields that no two articles of a source share."""
_SAMPLE_CHARS = 60
_CLAIMED_CHARS = 500
_LEAST_ALIKE = 3
_LEAST_CHARS = 120
_LEAST_SHARED = 0.5
_LEAST_BUILT, _MAX_TEMPLATES = 5, 500
_WORD = re.compile(r"[^\W_]+")
_KIND_OF = {origin: kind for kind, origin in ORIGINS.items()}


@dataclass(slots=True)
class _Span:
    """The captures of one template."""

    first: datetime
    last: datetime
    pages: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateChange:
    """One template that took the place of another.

    Attributes:
        since: when the first page of the new one was captured.
        pages: of the new one.
    """

    since: datetime
    pages: int
    examples: tuple[str, ...]


class TemplateHistory:
    """Notes which templates were met when."""

    def __init__(self) -> None:
        self._spans: dict[str, _Span] = {}

    def add(self, statement: Statement) -> None:
        """Note what one page of an article is built by."""
        if not statement.template or (statement.template not in self._spans and len(self._spans) >= _MAX_TEMPLATES):
            return
        span = self._spans.setdefault(statement.template, _Span(statement.at, statement.at))
        span.first, span.last = min(span.first, statement.at), max(span.last, statement.at)
        span.pages += 1
        if len(span.examples) < MOST and statement.url not in span.examples:
            span.examples.append(statement.url)

    def find_change(self) -> TemplateChange | None:
        """Return the latest change: a template of five pages that came after the last page of another."""
        used = sorted(
            (span for span in self._spans.values() if span.pages >= _LEAST_BUILT), key=lambda span: span.first
        )
        for latest in reversed(used):
            if any(span.last < latest.first for span in used):
                return TemplateChange(since=latest.first, pages=latest.pages, examples=tuple(latest.examples))
        return None


@dataclass(slots=True)
class FieldTally:
    """Where one field was found, what it was first, and which articles were claimed to have which value."""

    places: Counter[str] = field(default_factory=Counter)
    sample: str = ""
    claimed: dict[str, set[str]] = field(default_factory=dict)


@dataclass(slots=True)
class Tally:
    """What a dry run saw.

    Attributes:
        pages: pages by kind.
        linked: distinct addresses that pages link to, by kind.
        matches: for each kind and pattern of the link rules, distinct addresses that it matches.
        read: pages or entries read by each parser, by its place in the definition.
        ruled: of these, those on which a parser's rules found a field.
        stated: statements by origin; `fields` are the fields found in them, as they survived normalising.
        templates: when articles were built by which template.
        articles: by id, the addresses of an article's pages with the headline and the first words that were there.
    """

    pages: Counter[LinkKind] = field(default_factory=Counter)
    linked: Counter[LinkKind] = field(default_factory=Counter)
    matches: Counter[tuple[LinkKind, str]] = field(default_factory=Counter)
    read: Counter[int] = field(default_factory=Counter)
    ruled: Counter[tuple[int, str]] = field(default_factory=Counter)
    stated: Counter[Origin] = field(default_factory=Counter)
    fields: dict[tuple[Origin, str], FieldTally] = field(default_factory=dict)
    articles: dict[str, dict[str, tuple[str, str]]] = field(default_factory=dict)
    templates: TemplateHistory = field(default_factory=TemplateHistory)
    _seen: set[str] = field(default_factory=set)

    def add_reading(self, source: Source, url: str, reading: Reading) -> None:
        """Count a page and the addresses that it names."""
        self.pages[reading.kind] += 1
        self._add_address(source, url, is_link=False)
        for link in reading.links:
            self._add_address(source, link.url, is_link=True)

    def _add_address(self, source: Source, url: str, *, is_link: bool) -> None:
        if url in self._seen:
            return
        self._seen.add(url)
        if is_link:
            self.linked[source.find_kind(url)] += 1
        for kind, patterns in source.links.patterns.items():
            for pattern in patterns:
                self.matches[kind, pattern.pattern] += bool(pattern.search(url))

    def add_statement(self, source: Source, statement: Statement) -> None:
        """Count what one page or entry states, and by which parser."""
        self.stated[statement.origin] += 1
        if statement.origin is Origin.ARTICLE:
            said = (statement.headline, statement.find_claimed("articleBody")[:_CLAIMED_CHARS])
            self.templates.add(statement)
            self.articles.setdefault(statement.identifier, {})[build_identity(statement.url)] = said
        for name in SHOWN_FIELDS:
            if name in SINGULAR_FIELDS and (claimed := statement.find_claimed(name)):
                articles = self.fields.setdefault((statement.origin, name), FieldTally()).claimed
                articles.setdefault(claimed[:_CLAIMED_CHARS], set()).add(statement.identifier)
            if not getattr(statement, name):
                continue
            found = self.fields.setdefault((statement.origin, name), FieldTally())
            found.places[statement.witnesses.get(name, "")] += 1
            found.sample = found.sample or _sample(statement, name)
        kind = _KIND_OF.get(statement.origin)
        parser = source.find_parser(kind, statement.at) if kind else None
        number = next((number for number, own in enumerate(source.parsers) if own is parser), None)
        if number is None:
            return
        self.read[number] += 1
        for name, place in statement.witnesses.items():
            self.ruled[number, name] += place.startswith(BY_RULE)

    def list_merged(self) -> list[tuple[str, tuple[str, str]]]:
        """Return each id under which two articles stand that share neither headline nor text, with both addresses."""
        merged = []
        for identifier, pages in self.articles.items():
            (first, said), *others = pages.items()
            other = next((url for url, says in others if _is_another(said, says)), "")
            if other:
                merged.append((identifier, (first, other)))
        return merged

    def list_split(self) -> list[tuple[str, ...]]:
        """Return the addresses of each article that is under several ids: same headline, same words."""
        by_words: dict[tuple[str, str], dict[str, str]] = {}
        for identifier, pages in self.articles.items():
            for url, said in pages.items():
                if said[0] and len(said[1]) >= _LEAST_CHARS:
                    by_words.setdefault(said, {}).setdefault(identifier, url)
        # What all articles say is the site's: another finding.
        return [
            tuple(urls.values()) for urls in by_words.values() if 1 < len(urls) < max(_LEAST_ALIKE, len(self.articles))
        ]


def _is_another(said: tuple[str, str], says: tuple[str, str]) -> bool:
    """Return whether two pages hold different articles rather than two versions of one."""
    if said[0] == says[0]:
        return False
    words, others = (set(_WORD.findall(text)) for _, text in (said, says))
    return bool(words and others) and len(words & others) < _LEAST_SHARED * min(len(words), len(others))


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldShare:
    """On how many pages of a kind a field was found, and survived normalising.

    Attributes:
        places: where it was found, the most frequent place first.
        sample: what it is on the first page that has it.
        constant: the value that every article is claimed to have, with the ids of three of them; '' where they differ.
    """

    kind: LinkKind
    field: str
    pages: int
    found: int
    places: tuple[tuple[str, int], ...]
    sample: str
    constant: str = ""
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The result of a dry run.

    Attributes:
        posts: how many posts are made; `refused` are ids and reasons of the articles that get none.
        comparison: with the posts that the collection has now.
    """

    source: Source
    tally: Tally
    fields: tuple[FieldShare, ...]
    posts: int
    refused: tuple[tuple[str, str], ...]
    sections: tuple[str, ...]
    comparison: Comparison


def run_dry(contents: CollectionContents, source: Source, *, examples: int = 3) -> Report:
    """Try a source on all captures of a collection; nothing is written and no request is sent.

    Args:
        examples: of each kind of change that the report keeps.
    """
    with tempfile.TemporaryDirectory(prefix="newsreel-") as name:
        scratch = Path(name)
        with closing(Ledger(scratch / "ledger.sqlite", is_scratch=True)) as ledger:
            tally = _gather(contents, source, ledger)
            posts, refused, sections = _settle_all(source, ledger)
            write_posts(ledger, scratch / "posts", build_options(contents.collection, [source]), Reparsed())
            comparison = compare_collection(
                contents.collection, ledger, scratch / "posts", sources=[source.name], examples=examples
            )
    return Report(
        source=source,
        tally=tally,
        fields=tuple(_iter_shares(tally)),
        posts=posts,
        refused=tuple(refused),
        sections=tuple(sections),
        comparison=comparison,
    )


def _gather(contents: CollectionContents, source: Source, ledger: Ledger) -> Tally:
    tally = Tally()
    title = f"read {contents.collection.name}"
    with CollectionIndex(contents.collection) as index, show_progress(title, contents.count_entries()) as advance:
        reader = CaptureReader(index, Reparsed(), with_links=True)
        for entry, _ in contents.iter_entries((source,)):
            advance("")
            reading = reader.read(entry, source)
            if reading is None:
                continue
            tally.add_reading(source, entry.url, reading)
            with ledger.exclusive():
                for statement in reading.statements:
                    normalised = normalise(statement, source.post)
                    tally.add_statement(source, normalised)
                    ledger.add(normalised)
    return tally


def _settle_all(source: Source, ledger: Ledger) -> tuple[int, list[tuple[str, str]], dict[str, None]]:
    posts, refused = 0, []
    sections: dict[str, None] = {}
    for key in ledger.iter_keys():
        try:
            post = settle(ledger.list_statements(key), source.post)
        except PostRefused as refusal:
            if not refusal.is_expected:
                refused.append((key[1], refusal.reason))
            continue
        posts += 1
        sections |= dict.fromkeys(post.articleSection)
    return posts, refused, sections


def _iter_shares(tally: Tally) -> Iterator[FieldShare]:
    for kind, origin in ORIGINS.items():
        for name in SHOWN_FIELDS if tally.stated[origin] else ():
            found = tally.fields.get((origin, name), FieldTally())
            count = found.places.total()
            if kind is not LinkKind.ARTICLE and not count:
                continue
            yield FieldShare(
                kind=kind,
                field=name,
                pages=tally.stated[origin],
                found=count,
                places=tuple(found.places.most_common()),
                sample=found.sample,
                **_find_constant(found),
            )


def _find_constant(found: FieldTally) -> dict[str, Any]:
    """Return the one value of three articles or more, and three of them."""
    if len(found.claimed) != 1:
        return {}
    ((value, articles),) = found.claimed.items()
    if len(articles) < _LEAST_ALIKE:
        return {}
    return {"constant": value, "examples": tuple(sorted(articles)[:_LEAST_ALIKE])}


def _sample(statement: Statement, name: str) -> str:
    value = getattr(statement, name)
    text = ", ".join(value) if isinstance(value, list) else str(value)
    return " ".join("".join(islice(text, 4 * _SAMPLE_CHARS)).split())[:_SAMPLE_CHARS]


def dump_report(report: Report, *, collection: str, warnings: Iterable[str]) -> dict[str, Any]:
    """Return a report as JSON holds it."""
    return {
        "source": report.source.name,
        "collection": collection,
        "pages": {str(kind): count for kind, count in sorted(report.tally.pages.items())},
        "linked": {str(kind): count for kind, count in sorted(report.tally.linked.items())},
        "fields": [
            {
                "kind": share.kind,
                "field": share.field,
                "pages": share.pages,
                "found": share.found,
                "places": dict(share.places),
                "sample": share.sample,
            }
            for share in report.fields
        ],
        "links": [
            {"kind": kind, "pattern": pattern, "addresses": count}
            for (kind, pattern), count in report.tally.matches.items()
        ],
        "posts": report.posts,
        "merged": [{"id": identifier, "urls": list(urls)} for identifier, urls in report.tally.list_merged()],
        "split": [list(urls) for urls in report.tally.list_split()],
        "refused": dict(Counter(reason for _, reason in report.refused)),
        "warnings": list(warnings),
        "changes": dump_comparison(report.comparison),
    }
