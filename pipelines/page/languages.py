"""The language of a page: as declared, unless its letters contradict it.

Templates are copied with their `lang="en"`, so the script of the text has the last word where it names one language
or a few, and the small words of texts in Latin or Cyrillic letters.

Spec: BCP 47 (tags); HTML Living Standard §3.2.6.1 (`lang`).
"""

from __future__ import annotations

import re
import string
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

from pipelines.page.function_words import find_by_words

if TYPE_CHECKING:
    from pipelines.page.page import Page

_SAMPLE_CHARS = 6_000
_ENOUGH_CHARS = 600
_MIN_SHARE = 0.3
_MIN_LETTERS = 20
_ASCII_LETTERS = string.ascii_letters.encode()
_MAX_CACHED = 8192
_SCRIPTS = {
    "han": "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff",
    "kana": "\u3040-\u30ff",
    "hangul": "\uac00-\ud7af",
    "arabic": "\u0600-\u06ff",
    "hebrew": "\u0590-\u05ff",
    "greek": "\u0370-\u03ff",
    "cyrillic": "\u0400-\u04ff",
    "devanagari": "\u0900-\u097f",
    "bengali": "\u0980-\u09ff",
    "tamil": "\u0b80-\u0bff",
    "thai": "\u0e00-\u0e7f",
    "latin": "A-Za-z\u00c0-\u024f\u1e00-\u1eff",
}
_LETTERS = re.compile("|".join(f"(?P<{name}>[{letters}])" for name, letters in _SCRIPTS.items()))
# The languages that a script may stand for; the first is taken where the page declares none of them.
_LANGUAGES = {
    "han": ("zh",),
    "kana": ("ja",),
    "hangul": ("ko",),
    "arabic": ("ar", "fa", "ur", "ps", "ug", "ckb", "sd"),
    "hebrew": ("he", "yi"),
    "greek": ("el",),
    "devanagari": ("hi", "mr", "ne", "sa"),
    "bengali": ("bn", "as"),
    "tamil": ("ta",),
    "thai": ("th",),
}
_TRADITIONAL = frozenset("們個來對於這國學說時為與會過還發開關點當種頭後從實現應經進動業長門問間話見電車東馬")
_SIMPLIFIED = (
    frozenset("们个来对于这国学说时为与会过还发开关点当种头后从实现应经进动业长门问间话见电车东马") - _TRADITIONAL
)
_TAG = re.compile(r"[a-zA-Z]{2,3}(?:[-_][a-zA-Z0-9]{1,8})*")


def find_language(page: Page) -> str:
    """Return a BCP 47 tag, such as `de`, `pt-BR` or `zh-Hant`, or '' where nothing tells."""
    declared = _find_declared(page)
    sample = " ".join([page.title[:_SAMPLE_CHARS], page.find_meta("description")[:_SAMPLE_CHARS], _sample_text(page)])
    script = _find_script(sample)
    if script not in _LANGUAGES:
        is_impossible = script and declared.split("-")[0] in {name for names in _LANGUAGES.values() for name in names}
        return find_by_words(sample, "" if is_impossible else declared)
    if declared.split("-")[0].lower() in _LANGUAGES[script]:
        return declared
    if script == "han":
        return "zh-Hant" if _is_traditional(sample) else "zh"
    return _LANGUAGES[script][0]


def _find_declared(page: Page) -> str:
    found = [
        page.root.get("lang") or page.root.get("xml:lang") or "",
        page.find_meta("content-language", "og:locale", "language", "dc.language", "inlanguage"),
    ]
    return next(filter(None, map(parse_tag, found)), "")


def parse_tag(text: str) -> str:
    """Return a language as a BCP 47 tag, also if written as a locale (`zh_CN`, `de_DE.UTF-8`); '' for anything else."""
    tag = _TAG.fullmatch(text.strip().partition(".")[0])
    return tag[0].replace("_", "-") if tag else ""


def _sample_text(page: Page) -> str:
    """Return text of the page's paragraphs, and of its other blocks where they hold little."""
    parts: list[str] = []
    left = _SAMPLE_CHARS
    for names in (("p", "h1", "h2"), ("li", "div", "td")):
        for element in page.list_elements(*names):
            text = (element.text or "")[:_SAMPLE_CHARS].strip()
            if text and "://" not in text:
                parts.append(text)
                left -= len(text)
                if left < 0:
                    return " ".join(parts)
        if left < _SAMPLE_CHARS - _ENOUGH_CHARS:
            break
    return " ".join(parts)


def _find_script(sample: str) -> str:
    """Return the script of most letters, or '' where there are hardly any; a little kana makes Han Japanese."""
    if sample.isascii():
        rest = len(sample.encode().translate(None, _ASCII_LETTERS))
        return "latin" if len(sample) - rest >= _MIN_LETTERS else ""
    counts: Counter[str] = Counter()
    for char, count in Counter(sample).items():
        if script := _find_script_of(char):
            counts[script] += count
    total = sum(counts.values())
    if total < _MIN_LETTERS:
        return ""
    if counts["kana"] > 0.1 * total:
        return "kana"
    script, count = max(counts.items(), key=lambda entry: entry[1])
    if script == "latin":
        # Addresses and code are Latin on every page.
        others = [(name, number) for name, number in counts.items() if name != "latin"]
        script, count = max(others, key=lambda entry: entry[1], default=("latin", count))
        return script if count >= _MIN_SHARE * total else "latin"
    return script


@lru_cache(_MAX_CACHED)
def _find_script_of(char: str) -> str:
    letter = _LETTERS.fullmatch(char)
    return (letter.lastgroup or "") if letter else ""


def _is_traditional(sample: str) -> bool:
    return sum(char in _TRADITIONAL for char in sample) > sum(char in _SIMPLIFIED for char in sample)
