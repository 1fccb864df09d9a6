"""Compares several places of a page that state the same field, and finds those that disagree with the others.

A rule that takes the first `h1` takes the name of the site where a header prints it in one; a rule that takes the first
`time` takes the day that a header prints. The page itself mostly knows better: its title, its other headings, its
address. Here the chosen value gives way where the page's own evidence refuses it, and what disagrees is noted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from pipelines.article.main_text import list_long_words, measure_mentioned
from pipelines.article.titles import is_of_page_part
from pipelines.dates.machine_dates import list_in_url
from pipelines.dates.model import DateRefused
from pipelines.dates.parse import parse_date
from pipelines.discovery.address_shapes import is_front
from pipelines.names.headlines import normalise_headline
from pipelines.page.address_words import list_address_words, says_most, says_none
from pipelines.page.classification import read_markup
from pipelines.page.jsonld import is_article, list_texts
from pipelines.page.page import fold_title, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from pipelines.page.page import Page
    from pipelines.posts.items import Statement
    from pipelines.rules.model import Rules

_SITE_METAS = ("og:site_name", "application-name", "site_name", "apple-mobile-web-app-title")
_TITLE_METAS = ("og:title", "twitter:title")
_ADDRESS_KEYS = ("url", "mainEntityOfPage", "@id")
_AUTHOR_METAS = ("author", "article:author", "byl", "parsely-author")
_SEPARATOR = re.compile(r"\s+[-–—|·•»:]\s+|\s*[|｜_]\s*")
_BAR = re.compile(r"[|｜]")
_MASTHEAD = re.compile(
    r"(?:^|[^a-z])(?:logo|masthead|brand|branding|site-?(?:name|title)|sitename|blog-?title)(?:$|[^a-z])", re.I
)
# With the name of the host these make the name of a newspaper, in the folded case in which they are compared.
_PAPER = """
the a an der die das le la les el los las il lo de het o os online web www home startseite accueil inicio
gazette times post news daily herald tribune journal chronicle echo observer press mail mirror star sun telegraph
courier guardian standard standart express review record register bulletin weekly magazine media today now
zeitung tageblatt anzeiger bote nachrichten kurier rundschau blatt wochenblatt presse stimme
gazet courant dagblad krant nieuws blad nieuwsblad journaal
gazzetta giornale corriere notizie cronaca diario noticias periodico correo voz jornal folha correio
nouvelles courrier quotidien tidning tidningen avis avisen bladet dagbladet sanomat uutiset lehti
gazeta kurier dziennik wiadomosci noviny denik lapok hirek hirlap vesti novosti pravda
"""
_PAPER_WORDS = frozenset(_PAPER.split())
_AROUND_PATH = re.compile(r"^(?:\w+:)?//[^/]*|[?#].*$", re.DOTALL)
_BY_RULE = "source: "
_LEAST_LETTERS = 4
_MOST_HEADINGS, _MOST_TIMES = 6, 8
# Parts of a headline's words that a text has which is about it, and which is not.
_WELL_NAMED, _BADLY_NAMED = 0.6, 0.35
_LEAST_WORDS = 3
_MOST_MARKUP = 12_000
_MOST_OTHERS = 3
_MOST_CHARS = 120
_MOST_PARAGRAPHS, _LEAST_PARAGRAPH, _MOST_OWN = 200, 40, 0.6
# Each of a page's few titles is compared with all the others.
_fold = lru_cache(128)(fold_title)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading of the first level; `is_masthead` where it links to the front page or is classed as the site's name."""

    text: str
    is_masthead: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnesses:
    """What a page says of headline and date, beside what is chosen.

    Attributes:
        headings: those of the first level, as they stand.
        repeated: the heading that `title` or `og:title` repeats word by word, if one does.
        of_others: headlines in JSON-LD of articles at other addresses, folded.
        title: parts of the `title` element; `stated` are titles in `meta`, `sites` names of the site there.
        header_times: values of `time` elements that are above the article, beside the name of the site.
        own_times: values of the others.
        authors: place and names of each that states who wrote the article; `bodies` are texts of it in JSON-LD.
        description: what `meta` says of the article.
    """

    url: str
    headings: tuple[Heading, ...]
    repeated: str
    of_others: frozenset[str]
    title: tuple[str, ...]
    stated: tuple[str, ...]
    sites: frozenset[str]
    header_times: tuple[str, ...]
    own_times: tuple[str, ...]
    authors: tuple[tuple[str, tuple[str, ...]], ...]
    bodies: tuple[str, ...]
    description: str


def list_witnesses(page: Page) -> Witnesses:
    """Return the witnesses of a page whose tree is whole."""
    elements = page.marked["h1"][:_MOST_HEADINGS]
    headings = tuple(
        Heading(text=text, is_masthead=_is_masthead(one, text, page)) for one in elements if (text := read_text(one))
    )
    own = next((one for one, heading in zip(elements, headings, strict=False) if not heading.is_masthead), None)
    above: list[str] = []
    below: list[str] = []
    for element in page.marked["time"][:_MOST_TIMES]:
        value = (element.get("datetime") or read_text(element)).strip()
        (above if own is not None and _stands_in_header(element, own) else below).append(value)
    title = tuple(part for part in _SEPARATOR.split(page.title) if part)
    stated = tuple(text for name in _TITLE_METAS if (text := page.find_meta(name)))
    return Witnesses(
        url=page.url,
        headings=headings,
        repeated=_find_repeated(page, headings, _list_names(title, stated), stated),
        of_others=frozenset(_iter_others(page)),
        title=title,
        stated=stated,
        sites=frozenset(_fold(text) for name in _SITE_METAS if (text := page.find_meta(name))),
        header_times=tuple(filter(None, above)),
        own_times=tuple(filter(None, below)),
        authors=tuple(_iter_authors(page)),
        bodies=tuple(text for node in page.nodes if "articleBody" in node for text in list_texts(node["articleBody"])),
        description=page.find_meta("description", "og:description"),
    )


def _list_names(title: tuple[str, ...], stated: tuple[str, ...]) -> frozenset[str]:
    """Return what a page's head calls the article, folded; of the `title` that is the longest part."""
    longest = max(map(_fold, title), key=len, default="")
    return frozenset(name for name in (longest, *map(_fold, stated)) if len(name) >= _LEAST_LETTERS)


def _find_repeated(page: Page, headings: tuple[Heading, ...], names: frozenset[str], stated: tuple[str, ...]) -> str:
    first = (heading.text for heading in headings if not heading.is_masthead)
    second = (read_text(element) for element in page.marked["h2"][:_MOST_HEADINGS])
    # What dashes part before a bar is one headline, of which a lesser heading may be but a part.
    parts = {*map(_fold, stated), *map(_fold, _BAR.split(page.title))}
    lesser = names & parts if _BAR.search(page.title) else names
    repeated = (text for texts, known in ((first, names), (second, lesser)) for text in texts if _fold(text) in known)
    return next(repeated, "")


def _iter_others(page: Page) -> Iterator[str]:
    own = urlsplit(page.url).path.strip("/")
    for node in page.nodes:
        if "headline" in node and is_article(node):
            named = [value.get("@id") if isinstance(value := node.get(key), dict) else value for key in _ADDRESS_KEYS]
            paths = [_AROUND_PATH.sub("", text).strip("/") for text in named if isinstance(text, str) and "/" in text]
            if any(paths) and not any(path and (path in own or own in path) for path in paths):
                yield from map(_fold, list_texts(node["headline"]))


def _iter_authors(page: Page) -> Iterator[tuple[str, tuple[str, ...]]]:
    for node in page.nodes:
        names = list_texts(node["author"], page.nodes) if "author" in node and is_article(node) else []
        if names:
            yield "jsonld:author", tuple(names)
    for name in _AUTHOR_METAS:
        text = page.find_meta(name)
        if text and "://" not in text:
            yield f"meta:{name}", (text,)


def weigh_headline(statement: Statement, witnesses: Witnesses, texts: list[str]) -> None:
    """Have a headline that is the site's name give way, and note who agrees with it and who does not.

    Args:
        texts: all that the rule found which gave the headline; empty if none did.
    """
    chosen = statement.headline_found
    if not chosen:
        return
    place = statement.witnesses.get("headline", "")
    # Without a rule the page has been weighed where it was read, and only another heading is better.
    is_ruled = not place or place.startswith(_BY_RULE)
    if _is_refused(chosen, witnesses):
        others = [(place, text) for text in texts[1:]] + list(_iter_titles(witnesses))
        sound = (
            (where, text) for where, text in others if not _is_same(text, chosen) and not _is_refused(text, witnesses)
        )
        where, text = next(((where, text) for where, text in sound if is_ruled or where == "h1"), ("", ""))
        is_of_site = _names_host(chosen, witnesses.url) or _is_masthead_text(chosen, witnesses)
        if text or (is_ruled and is_of_site):
            chosen = _replace_headline(statement, text, where)
    elif _stands_alone(chosen, place, witnesses):
        chosen = _replace_headline(statement, witnesses.repeated, "heading")
    elif not is_ruled and (text := _find_better_named(statement, witnesses)):
        if place.startswith("jsonld:") and not any(_is_same(name, chosen) for _, name in _iter_titles(witnesses)):
            _drop_foreign_author(statement)
        chosen = _replace_headline(statement, text, "h1")
    if chosen:
        _note_titles(statement, chosen, place, witnesses)


def _note_titles(statement: Statement, headline: str, place: str, witnesses: Witnesses) -> None:
    """Note which other places of the page agree with a headline, and which do not."""
    titles = list(_iter_titles(witnesses))
    agreeing = sum(_is_same(text, headline) for where, text in titles if where != place)
    if agreeing:
        statement.agreeing["headline"] = agreeing
    for where, text in titles:
        if not _is_same(text, headline) and not _is_refused(text, witnesses):
            note_other(statement, "headline", f"{where}: {text}")


def _stands_alone(headline: str, place: str, witnesses: Witnesses) -> bool:
    """Return whether the page's head says nothing of a headline, and repeats another heading of the page.

    A rule that chose no `h1` at all meant the element that it names. A headline in JSON-LD was compared with the
    headings already, and gives way only if it is that of another article.
    """
    text = witnesses.repeated
    if not text or _is_same(text, headline) or _is_refused(text, witnesses):
        return False
    chosen = _fold(headline)
    headings = {_fold(heading.text) for heading in witnesses.headings}
    if chosen not in (witnesses.of_others if place.startswith("jsonld:") else headings):
        return False
    return not any(_is_same(name, headline) for name in _list_names(witnesses.title, witnesses.stated))


def _find_better_named(statement: Statement, witnesses: Witnesses) -> str:
    """Return the only `h1`, where address or text have its words and hardly those of a headline that no heading shows.

    The head of a page may say the same on all pages of its site, and JSON-LD may describe another article.
    """
    own = [heading.text for heading in witnesses.headings if not heading.is_masthead]
    chosen = statement.headline_found
    if len(own) != 1 or _is_same(own[0], chosen) or _is_refused(own[0], witnesses):
        return ""
    is_stated = statement.witnesses.get("headline", "").startswith("jsonld:")
    if is_stated and any(_is_same(part, normalise_headline(chosen)) for part in witnesses.title):
        # The head of the page names the article that JSON-LD does.
        return ""
    addressed = list_address_words(witnesses.url)
    if says_most(own[0], addressed) and says_none(chosen, addressed):
        return own[0]
    words = list_long_words(own[0])
    text = read_markup(statement.articleBody_found[:_MOST_MARKUP])
    mentioned = measure_mentioned(words, text) if len(words) >= _LEAST_WORDS else 0.0
    is_named = mentioned >= _WELL_NAMED and measure_mentioned(list_long_words(chosen), text) <= _BADLY_NAMED
    return own[0] if is_named else ""


def _drop_foreign_author(statement: Statement) -> None:
    """Drop an author that JSON-LD names whose article is another."""
    place = statement.witnesses.get("author", "")
    if place.startswith("jsonld:"):
        note_other(statement, "author", f"{place}: {', '.join(statement.author)}")
        statement.author = []
        del statement.witnesses["author"]


def _replace_headline(statement: Statement, text: str, where: str) -> str:
    note_other(statement, "headline", f"{statement.witnesses.get('headline', '')}: {statement.headline_found}")
    statement.headline_found = statement.headline = text
    statement.witnesses["headline"] = where
    if not text:
        del statement.witnesses["headline"]
    return text


def weigh_date(statement: Statement, witnesses: Witnesses, texts: list[str], rules: Rules) -> None:
    """Have a date that a header prints, or that stands alone against the article's line and address, give way.

    Args:
        texts: all that the rule found which gave the date; empty if none did.
    """
    place = statement.witnesses.get("datePublished", "")
    reader = _DateReader(statement, rules)
    chosen = statement.datePublished.date() if statement.datePublished else reader.read(statement.datePublished_found)
    if chosen is None:
        return
    addressed = next((reader.read(found.text) for found in list_in_url(witnesses.url)), None)
    # Of an article captured in the night the address may hold the day before.
    is_contradicted = addressed is not None and not _is_near(chosen, addressed)
    found = statement.datePublished_found.strip()
    if found in witnesses.header_times:
        other = next((text for text in texts[1:] if text.strip() not in witnesses.header_times), "")
        if other and reader.read(other) is not None:
            _replace(statement, other, place, f"{place}: {found}")
            return
        if is_contradicted and addressed is not None:
            _replace(statement, addressed.isoformat(), "url", f"{place}: {found}")
            return
    if not is_contradicted:
        statement.agreeing |= {"datePublished": 1} if addressed is not None and place != "url" else {}
        return
    others = [(place, text) for text in texts[1:]] + [("time", text) for text in witnesses.own_times]
    agreed = next(((where, text) for where, text in others if _is_near(reader.read(text), addressed)), None)
    # An address may hold the day on which an article was planned.
    is_shown = reader.read(next(iter(witnesses.own_times), "")) == chosen and not place.startswith(_BY_RULE)
    if agreed and not is_shown and place.startswith(("meta:", "jsonld:", _BY_RULE)):
        _replace(statement, agreed[1], agreed[0], f"{place}: {found}")
        statement.agreeing["datePublished"] = 1
    elif place != "url":
        note_other(statement, "datePublished", f"url: {addressed}")


def _is_near(day: date | None, addressed: date | None) -> bool:
    return day is not None and addressed is not None and abs((day - addressed).days) <= 1


def is_of_site(text: str, witnesses: Witnesses) -> bool:
    """Return whether a text is the name of the site, by its metas or its host."""
    return _fold(text) in witnesses.sites or _names_host(text, witnesses.url)


def find_title(witnesses: Witnesses) -> str:
    """Return the first text that a page names its article by, or ''."""
    return next((text for _, text in _iter_titles(witnesses) if not _is_refused(text, witnesses)), "")


def is_doubled(body: str) -> bool:
    """Return whether a body says most of its paragraphs twice, as a rule makes it that fits two elements."""
    paragraphs = [text for text in body.split("</p>")[:_MOST_PARAGRAPHS] if len(text) >= _LEAST_PARAGRAPH]
    own = {text.rpartition("<p")[2] for text in paragraphs}
    return len(paragraphs) >= 4 and len(own) <= _MOST_OWN * len(paragraphs)


class _DateReader:
    """Reads texts as days in the zone of the source."""

    def __init__(self, statement: Statement, rules: Rules) -> None:
        self._at = statement.capture.captured_at if statement.capture else statement.captured_at
        self._rules = rules

    def read(self, text: str) -> date | None:
        if not text or self._at is None:
            return None
        options = self._rules.post
        try:
            return parse_date(text, zone=options.zone, captured_at=self._at, language=options.language).instant.date()
        except DateRefused:
            return None


def _replace(statement: Statement, text: str, place: str, refused: str) -> None:
    """Put another text in the place of a date; the item pipelines read it."""
    statement.datePublished_found = text
    statement.datePublished = statement.datePublished_precision = None
    statement.witnesses["datePublished"] = place
    note_other(statement, "datePublished", refused)


def note_other(statement: Statement, name: str, text: str) -> None:
    """Note `place: value` of a witness that says something else than the chosen one."""
    others = statement.disagreeing.setdefault(name, [])
    if len(others) < _MOST_OTHERS:
        others.append(text[:_MOST_CHARS])


def _iter_titles(witnesses: Witnesses) -> list[tuple[str, str]]:
    found = [("h1", heading.text) for heading in witnesses.headings if not heading.is_masthead]
    found += [("meta:og:title", text) for text in witnesses.stated[:1]]
    found += [("title", text) for text in witnesses.title[:1]]
    return [(place, text) for place, text in found if len(_fold(text)) >= _LEAST_LETTERS]


def _is_refused(text: str, witnesses: Witnesses) -> bool:
    """Return whether a text is the name of the site, of a section or of a part of the page, by the page's evidence."""
    folded = _fold(text)
    if is_of_page_part(text) or is_of_site(text, witnesses) or _is_masthead_text(text, witnesses):
        return True
    # A part of the title behind the headline, where another heading is the part before.
    is_behind = folded in {_fold(part) for part in witnesses.title[1:]}
    first = _fold(witnesses.title[0]) if witnesses.title else ""
    return is_behind and any(
        _fold(heading.text)[:30] == first[:30] != folded[:30] for heading in witnesses.headings if first
    )


def _is_masthead_text(text: str, witnesses: Witnesses) -> bool:
    folded = _fold(text)
    alike = [heading.is_masthead for heading in witnesses.headings if _fold(heading.text) == folded]
    return bool(alike) and all(alike)


def _names_host(text: str, url: str) -> bool:
    """Return whether a text is the name of the host among words of which newspapers make their names."""
    words = re.findall(r"\w+", text.casefold())
    if not words or len(words) > 6:
        return False
    labels = _list_labels(url)
    named = [word for word in words if word in labels or "".join(words) in labels]
    return bool(named) and all(word in labels or word in _PAPER_WORDS or "".join(words) in labels for word in words)


@lru_cache(128)
def _list_labels(url: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z0-9]+", (urlsplit(url).hostname or "").rpartition(".")[0]))


def _is_same(left: str, right: str) -> bool:
    one, other = _fold(left), _fold(right)
    return bool(one and other) and (one in other or other in one)


def _is_masthead(element: Any, text: str, page: Page) -> bool:
    link = element if element.tag == "a" else element.find(".//a[@href]")
    if link is None:
        link = next((one for one in islice(element.iterancestors("a"), 1) if one.get("href")), None)
    if link is not None and _fold(read_text(link)) == _fold(text):
        try:
            target = urljoin(page.base_url, link.get("href").strip())
        except ValueError:
            target = ""
        is_near = urlsplit(target).hostname == urlsplit(page.url).hostname
        if target.startswith(("http://", "https://")) and is_near and is_front(target) and not is_front(page.url):
            return True
    named = (
        one for one in (element, *islice(element.iterancestors(), 2)) if one.tag not in ("body", "html", "article")
    )
    return any(_MASTHEAD.search(f"{one.get('class') or ''} {one.get('id') or ''}"[:_MOST_CHARS]) for one in named)


def _stands_in_header(element: Any, headline: Any) -> bool:
    """Return whether an element is before the headline, and in nothing that holds both but the body.

    If the headline's `article` has a time of its own, all before the article is a header.
    """
    around = set(element.iterancestors())
    shared = next((one for one in headline.iterancestors() if one in around), None)
    article = next(headline.iterancestors("article"), None)
    is_outside = article is not None and article not in around and next(article.iter("time"), None) is not None
    if shared is None or not (is_outside or shared.tag == "body"):
        return False
    for one in shared:
        if one is element or one in around:
            return True
        if one is headline or any(parent is one for parent in headline.iterancestors()):
            return False
    return False
