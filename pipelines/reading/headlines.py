"""Replaces a headline that is the name of the site, of a section or of another article.

A rule that takes the first `h1` may find the name of the site in its header. The title of the page, its other headings
and its address mostly show which one is the article's.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pipelines.article.main_text import list_long_words, measure_mentioned
from pipelines.article.titles import is_of_page_part
from pipelines.names.headlines import normalise_headline
from pipelines.page.address_words import list_address_words, says_most, says_none
from pipelines.page.classification import read_markup
from pipelines.reading.witnesses import BY_RULE, LEAST_LETTERS, fold, list_names, note_other

if TYPE_CHECKING:
    from pipelines.posts.items import Statement
    from pipelines.reading.witnesses import Witnesses


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
# Parts of a headline's words that a text has which is about it, and which is not.
_WELL_NAMED, _BADLY_NAMED = 0.6, 0.35
_LEAST_WORDS = 3
_MOST_MARKUP = 12_000


def is_of_site(text: str, witnesses: Witnesses) -> bool:
    """Return whether a text is the name of the site, by its metas or its host."""
    return fold(text) in witnesses.sites or _names_host(text, witnesses.url)


def find_title(witnesses: Witnesses) -> str:
    """Return the first text that a page names its article by, or ''."""
    return next((text for _, text in _iter_titles(witnesses) if not _is_refused(text, witnesses)), "")


def weigh_headline(statement: Statement, witnesses: Witnesses, texts: list[str]) -> None:
    """Replace a headline that is not the article's, and note which places of the page agree with the result.

    Args:
        texts: all that the rule found which gave the headline; empty if none did.
    """
    chosen = statement.headline_found
    if not chosen:
        return
    place = statement.witnesses.get("headline", "")
    # Without a rule the page has been weighed where it was read, and only another heading is better.
    is_ruled = not place or place.startswith(BY_RULE)
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
    headings already, and is replaced only if it is that of another article.
    """
    text = witnesses.repeated
    if not text or _is_same(text, headline) or _is_refused(text, witnesses):
        return False
    chosen = fold(headline)
    headings = {fold(heading.text) for heading in witnesses.headings}
    if chosen not in (witnesses.of_others if place.startswith("jsonld:") else headings):
        return False
    return not any(_is_same(name, headline) for name in list_names(witnesses.title, witnesses.stated))


def _find_better_named(statement: Statement, witnesses: Witnesses) -> str:
    """Return the only `h1`, if address or text have its words, but few of a headline that no heading shows.

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
    statement.headline_found, statement.headline = text, ""
    statement.witnesses["headline"] = where
    if not text:
        del statement.witnesses["headline"]
    return text


def _iter_titles(witnesses: Witnesses) -> list[tuple[str, str]]:
    found = [("h1", heading.text) for heading in witnesses.headings if not heading.is_masthead]
    found += [("meta:og:title", text) for text in witnesses.stated[:1]]
    found += [("title", text) for text in witnesses.title[:1]]
    return [(place, text) for place, text in found if len(fold(text)) >= LEAST_LETTERS]


def _is_refused(text: str, witnesses: Witnesses) -> bool:
    """Return whether a text is the name of the site, of a section or of a part of the page, by the page's evidence."""
    folded = fold(text)
    if is_of_page_part(text) or is_of_site(text, witnesses) or _is_masthead_text(text, witnesses):
        return True
    # A part of the title behind the headline, where another heading is the part before.
    is_behind = folded in {fold(part) for part in witnesses.title[1:]}
    first = fold(witnesses.title[0]) if witnesses.title else ""
    return is_behind and any(
        fold(heading.text)[:30] == first[:30] != folded[:30] for heading in witnesses.headings if first
    )


def _is_masthead_text(text: str, witnesses: Witnesses) -> bool:
    folded = fold(text)
    alike = [heading.is_masthead for heading in witnesses.headings if fold(heading.text) == folded]
    return bool(alike) and all(alike)


@lru_cache(128)
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
    one, other = fold(left), fold(right)
    return bool(one and other) and (one in other or other in one)
