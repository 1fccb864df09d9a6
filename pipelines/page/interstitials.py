"""Recognises pages shown in an article's place by their wording: gates, log-in forms, consent walls, error pages.

No sentence is looked for. A page of such a kind says what it is by two ideas side by side: somebody *checks*, and what
is checked is a *browser*; a *page*, and that it was *not found*. Each idea is a set of stems, and a sentence that holds
one stem of either in one language speaks for the kind. The stems are in `wording/LANGUAGE.toml`.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import chain
from typing import TYPE_CHECKING

from pipelines.page.classes import PageClass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_SENTENCE_END = re.compile(r"(?<=[.!?。！？؟।])\s*(?=\S)|[\n|｜]")
# Behind a name that a longer title only begins with.
_WORD_AHEAD = re.compile(r"\s*\w")
_TITLE_PARTS = re.compile(r"\s[-–—|·:»]\s|\s*[|｜_]\s*")
# From here on scripts join words, or write several letters in one character; names in others stand between blanks.
_FIRST_UNSPACED, _LEAST_LETTERS = "\u0590", 5
_MAX_SENTENCES, _FEW_SENTENCES = 16, 3
_MAX_CHARS, _FEW_CHARS = 3_000, 300
_MAX_NAME_CHARS = 120
_MAX_SENTENCE_CHARS = 400

_SHARED = "mul"
"""The file of words that many languages use."""

# The ideas of each kind of page that meet in a sentence.
PAIRS: Mapping[PageClass, tuple[tuple[str, str], ...]] = {
    PageClass.BLOCK: (
        ("check", "robot"),
        ("check", "browser"),
        ("blocked", "access"),
        ("obstacle", "switch"),
        ("place", "unavailable"),
    ),
    PageClass.NOT_FOUND: (("page", "missing"), ("search", "results"), ("domain", "sale")),
    PageClass.LOGIN: (("login", "account"),),
    PageClass.CONSENT: (("data", "agree"), ("age", "visitor"), ("place", "choose")),
    PageClass.MAINTENANCE: (("maintenance", "site"), ("down", "site")),
    PageClass.PAYWALL: (("subscribe", "read_on"),),
}
NEWSLETTER_PAIR = ("newsletter", "mail")
# What pages of a kind are called in a title or a heading.
NAMES: Mapping[PageClass, tuple[str, ...]] = {
    PageClass.BLOCK: ("challenge_names",),
    PageClass.NOT_FOUND: ("missing_names",),
    PageClass.LOGIN: ("login", "login_names"),
    PageClass.CONSENT: ("consent_names",),
    PageClass.MAINTENANCE: ("maintenance", "server_names"),
}
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
class _Pair:
    """Two ideas; most texts lack one of them in every language, and need no look at each."""

    left: tuple[str, ...]
    right: tuple[str, ...]
    by_language: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class _Kind:
    """How one kind of page speaks: pairs of ideas, and what it may be called."""

    pairs: tuple[_Pair, ...]
    names: tuple[str, ...] = ()


@cache
def _load_wording() -> tuple[Mapping[str, tuple[str, ...]], ...]:
    """Return idea to folded stems for each language."""
    folder = resources.files("pipelines.page").joinpath("wording")
    texts = {file.name.removesuffix(".toml"): file.read_text("utf-8") for file in folder.iterdir()}
    languages = {
        language: {idea: tuple(stem.casefold() for stem in stems) for idea, stems in tomllib.loads(text).items()}
        for language, text in sorted(texts.items())
    }
    shared = languages.pop(_SHARED)
    return tuple(
        {idea: (*own.get(idea, ()), *shared.get(idea, ())) for idea in own.keys() | shared.keys()}
        for own in languages.values()
    )


def _pair(left: str, right: str) -> _Pair:
    by_language = tuple(
        (stems[left], stems[right]) for stems in _load_wording() if stems.get(left) and stems.get(right)
    )
    return _Pair(
        left=_join(stems for stems, _ in by_language),
        right=_join(stems for _, stems in by_language),
        by_language=by_language,
    )


def _join(stems: Iterable[Sequence[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(chain.from_iterable(stems)))


@cache
def _load_kinds() -> Mapping[PageClass, _Kind]:
    return {
        page_class: _Kind(
            pairs=tuple(_pair(*ideas) for ideas in pairs),
            names=_join(stems.get(idea, ()) for idea in NAMES.get(page_class, ()) for stems in _load_wording()),
        )
        for page_class, pairs in PAIRS.items()
    }


@cache
def _load_newsletters() -> _Kind:
    return _Kind(pairs=(_pair(*NEWSLETTER_PAIR),))


def name_page(text: str) -> PageClass | None:
    """Return the kind of page that a title or a heading names, as a whole or in a part, or None."""
    folded = " ".join(text.casefold().split())
    if not folded or len(folded) > _MAX_NAME_CHARS:
        return None
    parts = (folded, *_TITLE_PARTS.split(folded))
    for page_class, kind in _load_kinds().items():
        if page_class is PageClass.PAYWALL:
            continue
        contained = filter(folded.__contains__, kind.names)
        if any(_is_called(part, name) for name in contained for part in parts) or _holds_pair(folded, kind):
            return page_class
    statuses = (
        (page_class, pattern) for part in parts for page_class, pattern in _STATUS.items() if pattern.search(part)
    )
    return next((page_class for page_class, _ in statuses), None)


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
    sentences: list[str] = []
    found: dict[PageClass, int] = {}
    for page_class, kind in _load_kinds().items():
        if not _holds_pair(folded, kind):
            continue
        sentences = sentences or _list_sentences(folded)
        count = sum(_holds_pair(sentence, kind) for sentence in sentences) or len(folded) <= _FEW_CHARS
        if count:
            found[page_class] = int(count)
    return found


def list_subjects(text: str, *, share: float) -> list[PageClass]:
    """Return the kinds of page that so much of the first sentences of a text speaks for, the most of it first.

    A text of three sentences is taken as a whole: their ideas belong together. The offer of a newsletter counts as one
    to subscribe.
    """
    folded = text[:_MAX_CHARS].casefold()
    sentences = _list_sentences(folded)
    if len(sentences) <= _FEW_SENTENCES:
        sentences = [" ".join(sentences)]
    counts: dict[PageClass, int] = {}
    for page_class, kind in (*_load_kinds().items(), (PageClass.PAYWALL, _load_newsletters())):
        if _holds_pair(folded, kind):
            counts[page_class] = counts.get(page_class, 0) + sum(_holds_pair(one, kind) for one in sentences)
    least = max(1, share * len(sentences))
    return sorted((kind for kind, count in counts.items() if count >= least), key=lambda kind: (-counts[kind], kind))


def _list_sentences(folded: str) -> list[str]:
    """Return the first sentences of a folded text, long ones cut."""
    parts = (part.strip()[:_MAX_SENTENCE_CHARS] for part in _SENTENCE_END.split(folded)[:_MAX_SENTENCES])
    return [part for part in parts if part]


def _holds_pair(text: str, kind: _Kind) -> bool:
    """Return whether two ideas of a kind are both in a text, in one language."""
    return any(
        any(_holds(text, left) and _holds(text, right) for left, right in pair.by_language)
        for pair in kind.pairs
        if _holds(text, pair.left) and _holds(text, pair.right)
    )


def _holds(text: str, stems: tuple[str, ...]) -> bool:
    return any(map(text.__contains__, stems))
