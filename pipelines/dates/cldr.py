"""Month names from CLDR (by Babel) for languages that are not in `vocabulary`.

The shapes are the same in all of them: day, name and year in one of three orders, with a short word of the language
between or an ending behind. A language is loaded when a text is in it: by the tag of the page, or by its script.

Spec: Unicode CLDR, dates/calendars/gregorian/months.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from babel import Locale

from pipelines.dates import vocabulary as words
from pipelines.dates.model import FoundDay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
_SHORT_WORD = r"(?:[^\W\d]{1,5}[.:)]{0,2} )?"


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
    locale = Locale.parse(language)
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
    name = rf"(?<![^\W\d_])(?P<name>{words.build_alternatives(load_months(language))}){_ENDING}"
    day, year = r"(?<!\d)(?P<day>\d{1,2})(?![\d:])", r"(?<!\d)(?P<year>\d{4})(?![\d:])"
    return (
        re.compile(rf"{year}{_ENDING}{_GAP}{_SHORT_WORD}{name}{_GAP}{day}"),
        re.compile(rf"{year}{_ENDING}{_GAP}{_SHORT_WORD}{day}{_ENDING}{_GAP}{name}"),
        re.compile(rf"{day}{_ENDING}{_GAP}{_SHORT_WORD}{name}(?:{_GAP}{_SHORT_WORD}{year})?"),
        re.compile(rf"{name}{_GAP}{day}{_ENDING}(?:{_GAP}{_SHORT_WORD}{year})?"),
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
