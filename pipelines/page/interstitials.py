"""Recognises pages shown in an article's place by their wording: gates, log-in forms, consent walls, error pages.

No sentence is looked for. A page of such a kind says what it is by two ideas side by side: somebody *checks*, and what
is checked is a *browser*; a *page*, and that it was *not found*. Each idea is a set of stems, and a sentence that holds
one stem of either in one language speaks for the kind. The stems are in `wording/LANGUAGE.toml`.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from pipelines.page.classes import PageClass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_SENTENCE_END = re.compile(r"(?<=[.!?。！？؟।])\s*(?=\S)|[\n|｜]")
_TITLE_PARTS = re.compile(r"\s[-–—|·:»]\s|\s*[|｜_]\s*")
# Behind a name that a longer title only begins with.
_WORD_AHEAD = re.compile(r"\s*\w")
# From here on scripts join words, or write several letters in one character; names in others stand between blanks.
_FIRST_UNSPACED, _LEAST_LETTERS = "\u0590", 5
_MAX_SENTENCES, _FEW_SENTENCES = 16, 3
_MAX_CHARS, _FEW_CHARS = 3_000, 300
_MAX_NAME_CHARS = 120
_MAX_SENTENCE_CHARS = 400
# So many first letters of a stem are looked up.
_START = 3

_SHARED = "mul"
"""The file of words that many languages use."""

_PAIRS = (
    (PageClass.BLOCK, "check", "robot"),
    (PageClass.BLOCK, "check", "browser"),
    (PageClass.BLOCK, "blocked", "access"),
    (PageClass.BLOCK, "obstacle", "switch"),
    (PageClass.BLOCK, "place", "unavailable"),
    (PageClass.NOT_FOUND, "page", "missing"),
    (PageClass.NOT_FOUND, "search", "results"),
    (PageClass.NOT_FOUND, "domain", "sale"),
    (PageClass.LOGIN, "login", "account"),
    (PageClass.CONSENT, "data", "agree"),
    (PageClass.CONSENT, "age", "visitor"),
    (PageClass.CONSENT, "place", "choose"),
    (PageClass.MAINTENANCE, "maintenance", "site"),
    (PageClass.MAINTENANCE, "down", "site"),
    (PageClass.PAYWALL, "subscribe", "read_on"),
)
"""Each kind of page, and two ideas that meet in its sentences."""

SUBJECTS = (*_PAIRS, (PageClass.PAYWALL, "newsletter", "mail"))
"""The same of texts that a site shows beside its articles; to offer a newsletter is to offer a subscription."""

NAMES: Mapping[str, PageClass] = {
    "challenge_names": PageClass.BLOCK,
    "missing_names": PageClass.NOT_FOUND,
    "login": PageClass.LOGIN,
    "login_names": PageClass.LOGIN,
    "consent_names": PageClass.CONSENT,
    "maintenance": PageClass.MAINTENANCE,
    "server_names": PageClass.MAINTENANCE,
}
"""Ideas by whose stems titles and headings call a page, in the order in which they are looked for."""

_ERROR = r"(?:error|fehler|erreur|errore|erro|ошибка|错误|エラー|오류|hata|fel|feil|fejl|virhe|chyba|hiba)"
# A number alone opens many a headline: 500 people, 405 new jobs.
_BEHIND = (
    r"(?=\s*(?:$|[-–—:|]|bad |service |gateway |internal |backend |http|error|server|origin|forbidden"
    r"|not a|method|unavail))"
)
# The phrases of HTTP as a whole, which programs send as plain text; a headline may begin with one of them.
_STATUS: Mapping[PageClass, re.Pattern[str]] = {
    page_class: re.compile(
        rf"^{number}\b{_BEHIND}|(?:^|\b){_ERROR}\s*(?:code)?\s*[:#-]?\s*{number}\b|\|\s*{number}\s*:|^(?:{phrases})[.!]?$"
    )
    for page_class, number, phrases in (
        (
            PageClass.MAINTENANCE,
            r"(?:5\d\d|10[0-3]\d)",
            "bad gateway|gateway time-?out|no healthy upstream|upstream connect error.*|backend fetch failed",
        ),
        (PageClass.BLOCK, r"(?:40[135-9]|4[12]\d|451)", "forbidden|unauthorized|request rejected"),
        (PageClass.NOT_FOUND, r"404(?=\s*$)", "not found|gone|(?:error )?nosuchkey.*|no such (?:page|article|key).*"),
    )
}


@dataclass(frozen=True, slots=True)
class _Wording:
    """The stems of all languages.

    Attributes:
        by_start: those of at least three letters, by their first three; `short` are the others.
        uses: stem to language and idea of each of its uses.
    """

    by_start: Mapping[str, Sequence[str]]
    short: Sequence[str]
    uses: Mapping[str, Sequence[tuple[str, str]]]


@cache
def _load_wording() -> _Wording:
    uses: dict[str, list[tuple[str, str]]] = {}
    for file in resources.files("pipelines.page").joinpath("wording").iterdir():
        language = file.name.removesuffix(".toml")
        for idea, stems in tomllib.loads(file.read_text("utf-8")).items():
            for stem in stems:
                uses.setdefault(stem.casefold(), []).append((language, idea))
    by_start: dict[str, list[str]] = {}
    for stem in uses:
        by_start.setdefault(stem[:_START], []).append(stem)
    short = [stem for stem in uses if len(stem) < _START]
    return _Wording(by_start=by_start, short=short, uses=uses)


def _find_stems(text: str) -> list[str]:
    """Return the stems that a folded text holds."""
    wording = _load_wording()
    starts = {text[at : at + _START] for at in range(len(text))} & wording.by_start.keys()
    found = [stem for start in starts for stem in wording.by_start[start] if stem in text]
    return found + [stem for stem in wording.short if stem in text]


def _list_kinds(stems: Iterable[str], pairs: Sequence[tuple[PageClass, str, str]]) -> set[PageClass]:
    """Return the kinds of page of which two ideas are among these stems, in one language."""
    uses = _load_wording().uses
    ideas: dict[str, set[str]] = {_SHARED: set()}
    for stem in stems:
        for language, idea in uses[stem]:
            ideas.setdefault(language, set()).add(idea)
    shared = ideas[_SHARED]
    spoken = [own | shared for own in ideas.values()]
    return {kind for kind, left, right in pairs if any(left in own and right in own for own in spoken)}


def name_page(text: str) -> PageClass | None:
    """Return the kind of page that a title or a heading names, as a whole or in a part, or None."""
    folded = " ".join(text.casefold().split())
    if not folded or len(folded) > _MAX_NAME_CHARS:
        return None
    stems = _find_stems(folded)
    parts = (folded, *_TITLE_PARTS.split(folded))
    named = _list_kinds(stems, _PAIRS) - {PageClass.PAYWALL}
    for stem in stems:
        kinds = {NAMES[idea] for _, idea in _load_wording().uses[stem] if idea in NAMES} - named
        if kinds and any(_is_called(part, stem) for part in parts):
            named |= kinds
    if not named:
        named = {kind for kind, pattern in _STATUS.items() if any(map(pattern.search, parts))}
    return next((kind for kind in NAMES.values() if kind in named), None)


def _is_called(text: str, name: str) -> bool:
    """Return whether a name in a title is most of it, or its first clause; in a long title it is only a word."""
    at = text.find(name)
    has_words = name < _FIRST_UNSPACED
    if at < 0 or (at and has_words and text[at - 1].isalpha()):
        return False
    is_clause = at == 0 and not _WORD_AHEAD.match(text, len(name))
    is_most = len(text) <= len(name) + 12 and (len(name) >= _LEAST_LETTERS or not has_words)
    return is_clause or is_most or 2 * len(name) >= len(text)


def count_evidence(text: str) -> dict[PageClass, int]:
    """Return how many of the first sentences of a text speak for each kind of page.

    The ideas of a text of a few lines may meet anywhere in it.
    """
    folded = text[:_MAX_CHARS].casefold()
    stems = _find_stems(folded)
    kinds = _list_kinds(stems, _PAIRS)
    counts = _count_kinds(stems, _list_sentences(folded), _PAIRS) if kinds else Counter()
    least = int(len(folded) <= _FEW_CHARS)
    return {kind: count for kind in kinds if (count := max(least, counts[kind]))}


def list_subjects(text: str, *, share: float) -> list[PageClass]:
    """Return the kinds of page that so much of the first sentences of a text speaks for, the most of it first.

    A text of three sentences is taken as a whole: their ideas belong together.
    """
    folded = text[:_MAX_CHARS].casefold()
    stems = _find_stems(folded)
    if not _list_kinds(stems, SUBJECTS):
        return []
    sentences = _list_sentences(folded)
    if len(sentences) <= _FEW_SENTENCES:
        sentences = [" ".join(sentences)]
    counts = _count_kinds(stems, sentences, SUBJECTS)
    least = max(1, share * len(sentences))
    return sorted((kind for kind, count in counts.items() if count >= least), key=lambda kind: (-counts[kind], kind))


def _list_sentences(folded: str) -> list[str]:
    """Return the first sentences of a folded text, long ones cut."""
    parts = (part.strip()[:_MAX_SENTENCE_CHARS] for part in _SENTENCE_END.split(folded)[:_MAX_SENTENCES])
    return [part for part in parts if part]


def _count_kinds(
    stems: Sequence[str], sentences: Sequence[str], pairs: Sequence[tuple[PageClass, str, str]]
) -> Counter[PageClass]:
    """Return in how many sentences two ideas of each kind meet, given the stems of all of them."""
    return Counter(
        kind for sentence in sentences for kind in _list_kinds([stem for stem in stems if stem in sentence], pairs)
    )
