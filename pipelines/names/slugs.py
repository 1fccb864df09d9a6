"""The ASCII spellings of names: a category's slug and a post file's stem.

A slug is part of an address, so it is a pure function of the name and never changes once published. The default style
is the one that the first source's site has used from its beginning, polyphones read wrong included; pypinyin's phrase
data therefore belong to the format, and a source that wants another spelling names it in its alias table.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MIN_STEM_BYTES = 24

_STEM = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
_OUTSIDE_STEM = re.compile(r"[^A-Za-z0-9_]+")
_UNFIT = re.compile(r"[\x00-\x1f\x7f:<>\"\\^`{|}]+")
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_RESERVED = re.compile(r"con|prn|aux|nul|com[0-9]|lpt[0-9]", re.IGNORECASE)
# Latin letters that no Unicode decomposition takes apart.
_LATIN = str.maketrans(
    {"ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L"}
    | {"đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ı": "i", "ħ": "h", "Ħ": "H", "ŋ": "ng"}
)


class SlugStyle(StrEnum):
    """How a name becomes a slug."""

    PINYIN = "pinyin"
    PINYIN_URL = "pinyin-url"
    UNICODE = "unicode"


def build_slug(name: str, style: SlugStyle = SlugStyle.PINYIN) -> str:
    """Return the slug of a name.

    PINYIN joins toneless pinyin for Han and leaves everything else untouched, blanks, case and brackets included, but
    for what no part of an address can hold: Jekyll stops at a category with a colon, as at an address without a host.
    PINYIN_URL lowers and joins words with `-`. UNICODE keeps the letters of every script. The last two are empty
    for a name without a letter or digit.
    """
    if style is SlugStyle.PINYIN:
        return _UNFIT.sub("-", _spell_han(name))
    folded = unicodedata.normalize("NFKC", name)
    if style is SlugStyle.UNICODE:
        return _join_words(folded)
    return _join_words(unicodedata.normalize("NFKC", _spell_han(folded).lower()))


def build_file_stem(text: str, *, max_bytes: int = 80) -> str:
    """Return a file name's stem from the closed alphabet `[A-Za-z0-9_-]`, never empty and safe on every file system.

    A text that is such a stem already comes back unchanged, so a publisher's own id names its file. Where letters of
    another script had to be left out, eight hexadecimal digits of the text's SHA-256 keep two headlines apart.

    Raises:
        ValueError: max_bytes is below MIN_STEM_BYTES, too short for words and the digits.
    """
    if max_bytes < MIN_STEM_BYTES:
        raise ValueError(f"max_bytes is {max_bytes}; a file stem needs at least {MIN_STEM_BYTES}")
    if _STEM.fullmatch(text) and len(text) <= max_bytes and not _RESERVED.fullmatch(text):
        return text
    spelt = _spell_latin(text)
    words = _OUTSIDE_STEM.sub("-", spelt).strip("-")
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    if not words or _RESERVED.fullmatch(words):
        return f"post-{words or digest}"
    if any(char.isalpha() and not char.isascii() for char in spelt):
        return f"{_cut_words(words, max_bytes - 9)}-{digest}"
    return _cut_words(words, max_bytes)


def is_device(name: str) -> bool:
    """Return whether Windows takes a file of this name for a device, whatever its extension."""
    return bool(_RESERVED.fullmatch(name.partition(".")[0].rstrip(" ")))


def fold_name(name: str) -> str:
    """Return what two names share where a file system that ignores case or composition has one file for both."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def find_collisions(names: Iterable[str], style: SlugStyle) -> dict[str, list[str]]:
    """Return the slugs that several different names share, with those names in the order found."""
    by_slug: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        by_slug.setdefault(build_slug(name, style), []).append(name)
    return {slug: sharing for slug, sharing in by_slug.items() if len(sharing) > 1}


@lru_cache(maxsize=4096)
def _spell_han(text: str) -> str:
    if text.isascii():
        return text
    from pypinyin import lazy_pinyin  # noqa: PLC0415 (its tables take a quarter of a second to load)

    return "".join(lazy_pinyin(text))


def _spell_latin(text: str) -> str:
    """Return the text with Han as separate pinyin words' letters and Latin letters without their marks."""
    folded = _spell_han(unicodedata.normalize("NFKC", text)).translate(_LATIN)
    return "".join(char for char in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(char))


def _join_words(text: str) -> str:
    """Return the text with every run of other characters than letters, digits, marks and `_` as one `-`."""
    kept = (char if _is_word_char(char) else "-" for char in text)
    return re.sub(r"-+", "-", "".join(kept)).strip("-")


def _is_word_char(char: str) -> bool:
    return char == "_" or char.isalnum() or unicodedata.category(char).startswith("M")


def _cut_words(words: str, max_bytes: int) -> str:
    """Return the words cut to the size, at an edge between words unless that would cost more than half of it."""
    if len(words) <= max_bytes:
        return words
    edge = max(words.rfind("-", 0, max_bytes + 1), words.rfind("_", 0, max_bytes + 1))
    return words[: edge if edge > max_bytes // 2 else max_bytes].rstrip("-")
