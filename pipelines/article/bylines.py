"""The authors of an article: as the page states them, or from the visible byline.

Bylines name people, their newspaper and their place in one breath, `新京报记者 裴剑飞` as much as `By Jane Doe, AP`.
Names of organisations and addresses are not authors, and the `author` of a Chinese `meta` is the site's maintainer.
"""

from __future__ import annotations

import html
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pipelines.article.boilerplate import begin_from, stands_beside
from pipelines.late_patterns import compile_late
from pipelines.names.tags import normalise_names
from pipelines.page.page import fold_blanks, fold_title, read_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipelines.page.metadata import Metadata
    from pipelines.page.page import Page

_MAX_CHARS = 60
_MAX_AUTHORS = 12
_MAX_SIGNED = 90
# An avatar without a picture shows the author's initials.
_MIN_BESIDE_PICTURE = 4
_MAX_ELEMENTS = 3
_MAX_NAMED = 300
_MAX_CACHED = 4096
_HAN_NAME = r"[\u4e00-\u9fff]{2,4}(?:·[\u4e00-\u9fff]{2,8})?"
_GAP = r"[ \u3000\xa0]"
_ROLES = "本报记者|特约记者|见习记者|实习记者|记者|記者|通讯员|作者|撰文|采写|撰稿|文字|文"
# The label of the next field, such as `点击：`, is no name.
_NAMES = rf"(?P<names>{_HAN_NAME}(?:(?:{_GAP}+|[、，,/])(?![\u4e00-\u9fff]{{2,4}}{_GAP}?[：:]){_HAN_NAME}){{0,4}})"
# A name that no blank or colon parts from its role must end where words end: `记者了解到，` has no name.
_HAN_BYLINES = (
    compile_late(rf"(?:{_ROLES}){_GAP}*[:：/|丨]{_GAP}*{_NAMES}(?=$|{_GAP}|[，。,；;、|/／()（）：:】\]])"),
    compile_late(rf"(?:记者|記者|作者){_GAP}+{_NAMES}(?=$|{_GAP}|[，。,；;|/／()（）：:】\]]|摄|报道|報道|整合|文)"),
    compile_late(rf"(?:记者|記者){_NAMES}(?=$|{_GAP}|[()（）】\]／/]|摄|报道|報道|整合)"),
)
# Words that a name follows, with a colon or without; of scripts without capitals a mark must be between.
_BY_WORDS = (
    "written by/reported by/words by/text by/posted by/submitted by/story by/by/von/par/por/di/av/af/door/auteur/autor",
    "autora/autorin/texte?/skrevet av/skriven av/tekst/fotos? und text/da/pisze/napsal/írta/yazan/haber/oleh/penulis",
    "ditulis oleh/tác giả/автор/авторы/текст/γράφει(?: ο| η)?/του/της/szerző/teksti/kirjoittaja/piše/pišu",
    "autorius/autorė/autors/avtor/eftir/müəllif/muallif/(?:geschrieben|verfasst) von/écrit par/rédigé par/escrito por",
    "scritto da/geschreven door/napisała?/аутор/пише/аўтар",
)
_MARKED_WORDS = (
    "автор/авторы/текст/بقلم/كتب/كتبت/الكاتب/מאת/נכתב על ידי/نویسنده/लेखक/द्वारा/লেখক/โดย/ผู้เขียน",
    "تحریر/مصنف/ავტორი/հեղինակ/લેખક/ਲੇਖਕ/ಲೇಖಕ/రచయిత/ដោយ/ໂດຍ/取材・文/文/執筆/著者/記者/글/글쓴이/작성자",
)
_BY, _MARKED = ("|".join(rows).replace("/", "|") for rows in (_BY_WORDS, _MARKED_WORDS))
_PARTICLE = (
    r"(?:von|van|vom|zu|zum|zur|und zu|de|del|della|dela|di|da|do|dos|du|der|den|la|le|el|al|bin|ibn|ter|ten|af|av|y)"
)
# A word with a colon behind it is the label of what follows the name.
_WORD = r"(?:[^\W\d_a-zà-ÿ][\w.'’‐-]*(?![\w.'’‐-]*\s?[:：]\s*\S))"
_NAME = rf"{_WORD}(?:\s+(?:{_PARTICLE}\s+)*{_WORD}){{1,4}}"
_LATIN_BYLINE = compile_late(
    rf"^(?:(?i:{_BY})\s*(?::|\s|$)\s*)(?P<names>{_NAME}(?:(?:,|\s+(?i:and|und|et|y|og|och|i|и|&))\s+{_NAME}){{0,4}})"
)
_MARKED_BYLINE = compile_late(
    rf"(?i:^(?:{_MARKED}))(?:\s*[:：՝・=＝／/|]|\s[–-](?=\s*[\u0600-\u06ff]))\s*(?P<names>[^\d:：|。.]{{2,40}}?)\s*(?:$|[|。\d])"
)
_BEHIND_BYLINE = compile_late(
    r"^(?P<names>[\uac00-\ud7af]{2,5})\s*(?:선임|수습)?기자(?:$|\s)|^(?P<japanese>[\u3040-\u30ff\u4e00-\u9fff]{3,8})記者$"
)
_PREFIX = compile_late(
    rf"^(?:{_BY}|{_MARKED}|foto|author|authors|作者|记者|記者|文|撰文|编辑|by)(?:\s*[:：՝/|・]\s*|\s+)"
    r"|^(?:words|story|reporter|writer|journalist|contributors?)\s*[:：|]\s*|\s*\([a-z.]{2,5}\)?$"
    r"|\s+기자$|記者$",
    re.IGNORECASE,
)
_SPLIT_LATIN = compile_late(
    r"\s*(?:[;|]|,(?!\s*(?:Jr|Sr|PhD|MD|M\.D))|\s(?i:and|und|et|y|og|och|&)\s(?!(?:zu|von|van)\s))\s*"
)
_NOBODIES = """
admin administrator anonymous author default edit editor editors guest none null redacción redaction redaktion redaktor
rédaction redazione root staff super-user support team unknown user webadmin webmaster wordpress
"""
_NOBODY = frozenset(map(fold_title, _NOBODIES.split()))
_SIGNED_CLASS = compile_late(
    r"(?:^|[\s_-])(?:authors?|byline|by-line|writer|journalist|reporter|contributors?|auteur|autor|autorin|verfasser)(?:[\s_-]*(?:name|link|text|wrap(?:per)?|info|names))?(?:$|[\s_-])|author-?name|postauthor",
    re.IGNORECASE,
)
_AUTHOR_LINK = compile_late(
    r"/(?:authors?|autor(?:en|es)?|auteurs?|contributors?|byline|reporters?)/[^/]", re.IGNORECASE
)
_SIGNING = ("a", "span", "div", "p", "h3", "h4", "h5", "em", "address", "li", "strong", "cite")
_NAMING = ("class", "rel", "data-testid", "data-test", "data-qa", "itemprop")
_CAMEL = compile_late(r"(?<=[a-z])(?=[A-Z])")
_SPLIT_HAN = compile_late(r"[、，,;；/| \u3000\xa0]+")
_ORGANISATION = compile_late(
    r"https?:|www\.|@|\d|[\u4e00-\u9fff]*(?:网|報|报|社|台|编辑部|编辑|小编|记者|记者站|新闻|日报|晚报|频道|客户端|公司|集团|中心|委员会|办公室|综合|佚名|转载|原创|整合|来源)$"
    r"|\.(?:com|net|org|de|fr|cn|it|es|jp|tv|at)\b",
    re.IGNORECASE,
)

# What a link to a writer's page says in place of a name.
_OF_LINKS = compile_late(
    r"^(?:(?:see|view|show|read|learn)\s+(?:all|more|profile|bio)|(?:more|articles?|posts?|stories)\s+(?:by|from)"
    r"|(?:mehr|artikel|beiträge)\s+von|about the author|corresponding author|all posts)\b",
    re.IGNORECASE,
)


_LABEL = compile_late(rf"(?:{_BY}|{_MARKED})[:：]?", re.IGNORECASE)
# A placeholder of a template that was not filled in.
_UNFILLED = compile_late(r"[{}<>$%]|^[a-z_]+(?:\.[a-z_]+)*\.(?:authors?|byline|name)$")
# Of a byline, what is left without its name.
_NAMELESS = compile_late(
    rf"(?:{_BY}|{_MARKED}|the author|authored by|publi(?:ziert|shed|cado)(?: am| on| el)?|posted(?: on)?|insights from"
    r"|(?:last )?(?:updated|modified|reviewed)"
    r"|beitrag|gepostet(?: von)?|veröffentlicht(?: am| von)?|verfasst von|geschrieben von)",
    re.IGNORECASE,
)


def list_signed(page: Page) -> list[list[str]]:
    """Return the names in the first elements that are named for an author, a list an element, at most three.

    What is in comments, beside other articles or in the frame of the site signs nothing here.
    """
    found: list[list[str]] = []
    beside = begin_from(page.list_elements("h1"))
    for element in page.list_elements(*_SIGNING):
        if len(found) == _MAX_ELEMENTS:
            break
        if not _is_signed(element) or stands_beside(element, beside):
            continue
        texts = _read_names(element)
        if texts and texts not in found:
            found.append(texts)
    return found


def _is_signed(element: Any) -> bool:
    """Return whether an element's attributes name an author."""
    if element.tag == "a" and _AUTHOR_LINK.search(element.get("href") or ""):
        return True
    given = element.keys()
    named = " ".join([value for name in _NAMING if name in given and (value := element.get(name))])
    return bool(named) and _names_author(named[:_MAX_NAMED])


@lru_cache(_MAX_CACHED)
def _names_author(named: str) -> bool:
    return bool(_SIGNED_CLASS.search(_CAMEL.sub("-", named)))


def has_stated(metadata: Metadata) -> bool:
    """Return whether JSON-LD names people, so that no other place is needed."""
    stated = (group for group in metadata.authors if group[0].evidence.startswith("jsonld"))
    return any(
        clean_names((statement.text for statement in group), metadata.site_names, is_han=False) for group in stated
    )


def _read_names(element: Any) -> list[str]:
    """Return the names that a signed element holds: those marked as names, those of links, or its whole text."""
    marked = [inner for inner in element.iter() if _is_name(inner)]
    links = [link for link in element.iter("a") if link is not element and read_text(link)]
    for parts in (marked, links, [element]):
        texts = [fold_blanks(" ".join(part.itertext())) for part in parts]
        least = _MIN_BESIDE_PICTURE if "avatar" in (element.get("class") or "") else 2
        texts = [text for text in texts if least <= len(text) <= _MAX_SIGNED]
        if texts:
            return list(dict.fromkeys(texts))
    return []


def _is_name(element: Any) -> bool:
    return element.get("itemprop") == "name" or "fn" in (element.get("class") or "").split()


def find_authors(
    metadata: Metadata, *, signed: list[list[str]], near: Iterable[str], body_text: str, language: str
) -> tuple[list[str], str]:
    """Return names and the place they were found in.

    Args:
        signed: texts of elements named for an author, as `list_signed` returns them.
        near: texts around the headline.
        body_text: one line a block; its first and last lines may hold a byline.
    """
    is_han = language.partition("-")[0] == "zh"
    lines = body_text.split("\n")
    stated = [([statement.text for statement in group], group[0].evidence) for group in metadata.authors]
    seen = [
        (list(_iter_names(text, is_han=is_han)), evidence)
        for evidence, texts in (("text:near headline", _join_labels(near)), ("text:body", [*lines[:2], *lines[-3:]]))
        for text in texts
    ]
    # The `author` of a Chinese `meta` is usually the webmaster: right on one page in six.
    trusted = [entry for entry in stated if not is_han or entry[1].startswith("jsonld")]
    marked = [] if is_han else [(texts, "class:author") for texts in signed]
    cleaned = (
        (clean_names(found, metadata.site_names, is_han=is_han), evidence)
        for found, evidence in (*trusted, *marked, *seen)
    )
    entries = [(names, evidence) for names, evidence in cleaned if names]
    if entries:
        # A byline that readers see is right where a system states who entered the article.
        shown = [entry for entry in entries if entry[1] == "text:near headline" and not is_han]
        return shown[0] if shown and _are_others(shown[0][0], entries[0][0]) else entries[0]
    # A blog may bear its writer's name.
    names = clean_names(metadata.persons, (), is_han=is_han)
    return names, "jsonld:author" if names else ""


def _join_labels(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines, and those that only say whose name follows with the next one: `Written by`, `Nora Fields`."""
    label = ""
    for line in lines:
        joined = f"{label}: {line}"
        names = _LATIN_BYLINE.match(joined)
        is_cut = names is not None and joined[names.end() :].lstrip()[:1].isalpha()
        if label and not is_cut:
            yield joined
        label = line.rstrip(":：") if _LABEL.fullmatch(line) else ""
        yield line


def _are_others(names: list[str], others: list[str]) -> bool:
    """Return whether some names share no word with others."""
    words, known = ({word for name in group for word in name.casefold().split()} for group in (names, others))
    return words.isdisjoint(known)


def _iter_names(text: str, *, is_han: bool) -> Iterator[str]:
    if is_han:
        yield from (match["names"] for pattern in _HAN_BYLINES for match in pattern.finditer(text))
    elif byline := (_LATIN_BYLINE.match(text) or _MARKED_BYLINE.match(text)):
        yield byline["names"]
    elif behind := _BEHIND_BYLINE.match(text):
        yield behind["names"] or behind["japanese"]


def clean_names(found: Iterable[str], site_names: Iterable[str], *, is_han: bool) -> list[str]:
    """Return the people that some texts name; organisations, addresses and names of the site are none."""
    sites = {fold_title(name) for name in site_names} | _NOBODY
    split = _SPLIT_HAN if is_han else _SPLIT_LATIN
    parts = (part.strip(" ()（）[]【】:：-–—,") for text in found for part in split.split(_strip_prefix(text)))
    names = normalise_names(part for part in parts if 2 <= len(part) <= _MAX_CHARS)
    rules = (_ORGANISATION.search, _OF_LINKS.search, _NAMELESS.fullmatch, _UNFILLED.search)
    kept = [name for name in names if not any(rule(name) for rule in rules)]
    return [name for name in kept if fold_title(name) not in sites][:_MAX_AUTHORS]


def _strip_prefix(text: str) -> str:
    """Return a text without the words that a name follows, of which there may be two: `Author: by`."""
    # A name that is escaped twice has semicolons, at which names are split.
    bare = html.unescape(text).strip()
    for _ in range(2):
        bare = _PREFIX.sub("", bare).strip()
    return bare
