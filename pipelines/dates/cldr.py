"""Names of months and spans of time from CLDR (by Babel) for languages that are not in `vocabulary`.

The shapes are the same in all of them: day, name and year in one of three orders, with a short word of the language
between or an ending behind. A language is loaded when a text is in it: by the tag of the page, or by its script.

Spec: Unicode CLDR, dates/calendars/gregorian/months and dates/fields.
"""

from __future__ import annotations

import re
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Literal

from pipelines.dates import vocabulary as words
from pipelines.dates.model import FoundDay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from babel import Locale

# Languages whose pages date themselves with these names; those of the vocabulary are spelt there in more ways.
_LANGUAGES = frozenset(
    re.findall(
        "[a-z]+", "af am az be bs cy eu ga gl gu hy ka kk km kn ky lo mk ml mn mr my ne or pa ps si so sq sw ta te"
    )
) | frozenset(re.findall("[a-z]+", "tg tk ur uz zu fil as sd ckb lb mt"))
# Scripts of one language, or of one whose names of months others share.
_SCRIPTS = (
    ("\u0b80-\u0bff", "ta"),
    ("\u0c00-\u0c7f", "te"),
    ("\u0c80-\u0cff", "kn"),
    ("\u0d00-\u0d7f", "ml"),
    ("\u0a80-\u0aff", "gu"),
    ("\u0a00-\u0a7f", "pa"),
    ("\u0b00-\u0b7f", "or"),
    ("\u1000-\u109f", "my"),
    ("\u0e80-\u0eff", "lo"),
    ("\u1780-\u17ff", "km"),
    ("\u0d80-\u0dff", "si"),
    ("\u1200-\u137f", "am"),
    ("\u10a0-\u10ff", "ka"),
    ("\u0530-\u058f", "hy"),
)
_OF_SCRIPT = [(re.compile(f"[{letters}]"), language) for letters, language in _SCRIPTS]
# CLDR has the names of the lunar months, where newspapers use these.
_SINHALA = "ජනවාරි පෙබරවාරි මාර්තු අප්‍රේල් මැයි ජූනි ජූලි අගෝස්තු සැප්තැම්බර් ඔක්තෝබර් නොවැම්බර් දෙසැම්බර්"
_GAP = r"[ .,،፣၊、-]*"
_ENDING = r"[\w'’()]{0,8}"
# Khmer and Lao write "month" and "year" before the name and the number.
_SHORT_WORD = r"(?:[^\W\d]{1,5}['’.:)]{0,2} |(?:ខែ|ឆ្នាំ|ເດືອນ|ປີ) ?)?"
# Sinhala writes "month" behind the name.
_MONTH_WORD = r"(?: මස)?"
_Unit = Literal["minute", "hour", "day", "week"]
_UNITS: dict[_Unit, timedelta] = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
# Numbers that languages decline in different ways; no unit is written as the next larger one.
_COUNTS = (1, 2, 3, 5, 11, 21)
_NEVER_LARGER = 1000.0
_DIGIT = re.compile(r"\d")
_LETTER = re.compile(r"[^\W\d_]")
_MIN_LETTERS = 3
_NOTHING = re.compile("(?!)")
_COUNTED = re.compile(r"(?P<before>\D*)\d+(?P<after>\D*)")


def find_language(text: str, tag: str) -> str:
    """Return the language whose names of months a text may have, or '' where the vocabulary has them all.

    Args:
        text: folded.
        tag: BCP 47 tag of the page in lower case, or ''.
    """
    primary = tag.split("-", maxsplit=1)[0]
    primary = "fil" if primary == "tl" else primary
    if primary in _LANGUAGES:
        return primary
    if text.isascii():
        return ""
    return next((language for script, language in _OF_SCRIPT if script.search(text)), "")


@cache
def load_months(language: str) -> dict[str, int]:
    """Return the folded names of the months in a language, wide and short, each with its number."""
    months: dict[str, int] = {}
    locale = _find_locale(language)
    assert locale is not None
    for context in ("format", "stand-alone"):
        for width in ("wide", "abbreviated"):
            for number, name in locale.months[context][width].items():
                folded = words.fold(name).strip(" .")
                if re.search(r"[^\W\d_]{2}", folded) or not folded.isascii():
                    months.setdefault(folded, int(number))
    if language == "si":
        months |= {words.fold(name): number for number, name in enumerate(_SINHALA.split(), 1)}
    return months


@cache
def list_patterns(language: str) -> tuple[re.Pattern[str], ...]:
    """Return the shapes of a day with a month's name in a language; groups `day`, `name` and `year`."""
    name = rf"(?:(?<![^\W\d_])|(?<=ເດືອນ))(?P<name>{words.build_alternatives(load_months(language))}){_ENDING}"
    day, year = r"(?<!\d)(?P<day>\d{1,2})(?![\d:])", r"(?<!\d)(?P<year>\d{4})(?![\d:])"
    return (
        re.compile(rf"{year}{_ENDING}{_GAP}{_SHORT_WORD}{name}{_MONTH_WORD}{_GAP}{day}"),
        re.compile(rf"{year}{_ENDING}{_GAP}{_SHORT_WORD}{day}{_ENDING}{_GAP}{name}"),
        re.compile(rf"{day}{_ENDING}{_GAP}{_SHORT_WORD}{name}(?:{_GAP}{_SHORT_WORD}{year})?"),
        re.compile(rf"{name}{_MONTH_WORD}{_GAP}{day}{_ENDING}(?:{_GAP}{_SHORT_WORD}{year})?"),
    )


def iter_days(text: str, tag: str, read_year: Callable[[str], int]) -> Iterator[FoundDay]:
    """Yield the days with such a month's name in a folded text; the tag is that of the page, or ''."""
    language = find_language(text, tag)
    for pattern in list_patterns(language) if language else ():
        for found in pattern.finditer(text):
            yield FoundDay(
                year=read_year(found["year"]) if found["year"] else None,
                month=load_months(language)[found["name"]],
                day=int(found["day"]),
                start=found.start(),
                end=found.end(),
            )


def find_span(text: str, tag: str) -> tuple[str, int, int] | None:
    """Return unit, count and end of a span before the capture in a folded text: `2 საათის წინ`, two hours ago."""
    language = find_language(text, tag) or tag.partition("-")[0]
    if not language or not _DIGIT.search(text):
        return None
    found = ((unit, pattern.search(text)) for unit, pattern in list_spans(language))
    return next(((unit, int(span["count"]), span.end()) for unit, span in found if span), None)


@cache
def list_spans(language: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Return the units of time, each with how a language says that so many of it have passed.

    An unknown language has none.
    """
    locale = _find_locale(language)
    return tuple((unit, _build_span(unit, locale)) for unit in _UNITS) if locale else ()


def _find_locale(language: str) -> Locale | None:
    """Return what CLDR has of a language, or None if it does not know it."""
    from babel import Locale, UnknownLocaleError  # noqa: PLC0415 (few pages need it, and every command would load it)

    try:
        return Locale.parse(language)
    except (UnknownLocaleError, ValueError):
        return None


def _build_span(unit: _Unit, locale: Locale) -> re.Pattern[str]:
    from babel.dates import format_timedelta  # noqa: PLC0415 (as above)

    said = [
        format_timedelta(
            -_UNITS[unit] * count, granularity=unit, threshold=_NEVER_LARGER, add_direction=True, locale=locale
        )
        for count in _COUNTS
    ]
    found = (_COUNTED.fullmatch(words.fold(text)) for text in said)
    kept = [match for match in found if match and len(_LETTER.findall(match[0])) >= _MIN_LETTERS]
    before, after = (words.build_alternatives({match[name] for match in kept}) for name in ("before", "after"))
    if not kept:
        return _NOTHING
    return re.compile(rf"(?<!\w)(?:{before})(?<![\d.:])(?P<count>\d{{1,3}})(?![\d:])(?:{after})(?!\w)")
