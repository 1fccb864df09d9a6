"""Tokenises text: the same folding and word boundaries in posts, queries and excerpts.

Folding takes away case, accents and forms of one letter (full-width, ligatures), so that `backerei` finds Bäckerei. A
script written without blanks is cut into characters, and a word of it is looked for as a phrase of them: 渡轮 is found
inside 夜航渡轮复航.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from crawler.viewer.search.stems import find_language, has_stem, stem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# Han, kana, Thai, Lao, Khmer, Myanmar, Hangul.
_UNSPACED: Final = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    r"\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
# Marks that are part of a letter: the vowel signs of Indian scripts, the voicing marks of kana.
_MARKS: Final = "".join(chr(code) for code in range(0x0300, 0x3100) if unicodedata.category(chr(code)) in {"Mn", "Mc"})
_TOKEN: Final = re.compile(rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}])[^\W_]|[{_MARKS}])+")
_IN_UNSPACED: Final = re.compile(rf"[{_UNSPACED}]")
# Accents of Latin, Greek and Cyrillic; points and vowel marks of Hebrew and Arabic; joiners and soft hyphens.
_DROPPED: Final = re.compile(
    "[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0640"
    "\u00ad\u200b-\u200f\u2060\ufeff]"
)
# Letters that Unicode does not take apart; and й, which is a letter and no и with an accent.
_LETTERS: Final = {
    "ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "й": "й",
    "ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه",
}  # fmt: skip


class _Folding(dict[int, str]):
    """What each character becomes; found when it is first met."""

    def __missing__(self, code: int) -> str:
        found = self[code] = _fold_character(chr(code))
        return found


def _fold_character(character: str) -> str:
    lower = character.casefold()
    if lower in _LETTERS:
        return _LETTERS[lower]
    bare = _DROPPED.sub("", unicodedata.normalize("NFKD", lower)).casefold()
    return unicodedata.normalize("NFC", "".join(_LETTERS.get(letter, letter) for letter in bare))


_LONGEST: Final = 80
# What follows one of them continues the word: sister's.
_APOSTROPHES: Final = ("'", "\u2019")
_FOLDING: Final = _Folding()


def fold(text: str) -> str:
    """Return a text without case, accents and the like; idempotent."""
    return text.lower() if text.isascii() else text.translate(_FOLDING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """Words in this order, with nothing but marks and blanks between them.

    Attributes:
        words: folded, as `cut` returns them.
        is_prefix: the last of them may be the beginning of a longer word.
        is_stemmed: other forms of the word are meant as well.
    """

    words: tuple[str, ...]
    is_prefix: bool = False
    is_stemmed: bool = False


def is_unspaced(word: str) -> bool:
    """Whether a word begins with a character of a script without blanks."""
    return _IN_UNSPACED.match(word) is not None


def cut(text: str) -> list[str]:
    """Return the words of a text, folded; of a script without blanks its characters."""
    return _TOKEN.findall(fold(text))


def locate(text: str, phrases: Sequence[Phrase], tag: str = "") -> list[tuple[int, int, int]]:
    """Return where phrases are in a text, in order and without overlap: start, end, number of the phrase.

    Args:
        tag: the language of the text as a BCP 47 tag.
    """
    language = find_language(tag)
    folded = fold(text)
    tokens = list(_TOKEN.finditer(folded))
    words = [token[0] for token in tokens]
    found = []
    for number, phrase in enumerate(phrases):
        for first in _list_places(words, phrase, language):
            found.append((tokens[first].start(), -tokens[first + len(phrase.words) - 1].end(), number))
    if not found:
        return []
    find_origin = _map_origins(text, folded)
    spans: list[tuple[int, int, int]] = []
    for start, end, number in sorted(found):
        place = (find_origin(start), find_origin(-end), number)
        if not spans or place[0] >= spans[-1][1]:
            spans.append(place)
    return spans


def find_word_starts(text: str, start: int, end: int) -> list[int]:
    """Return where words begin in a part of a text, as places of the whole."""
    # Folding moves places, so the text is cut as it is; case and accents do not matter to where a word begins.
    tokens = _TOKEN.finditer(text, max(0, start - _LONGEST), end)
    return [at for token in tokens if (at := token.start()) >= start and text[at - 1 : at] not in _APOSTROPHES]


def _list_places(words: Sequence[str], phrase: Phrase, language: str) -> list[int]:
    """Return the numbers of the words at which a phrase begins."""
    *firsts, last = phrase.words
    if phrase.is_stemmed and language:
        wanted = stem(last, language)
        # Forms of a word differ at their ends; not every word has to be stemmed, which takes long.
        return [
            at
            for at, word in enumerate(words)
            if word[0] == last[0] and (word == last or (has_stem(word) and stem(word, language) == wanted))
        ]
    length = len(firsts)
    return [
        at
        for at in range(len(words) - length)
        if (words[at + length].startswith(last) if phrase.is_prefix else words[at + length] == last)
        and list(words[at : at + length]) == firsts
    ]


def _map_origins(text: str, folded: str) -> Callable[[int], int]:
    """Return what gives, for a place in a folded text, the place in the text."""
    if text.isascii() or all(len(_FOLDING[ord(character)]) == 1 for character in set(text)):
        return lambda place: place
    origins: list[int] = []
    for at, character in enumerate(text):
        origins += [at] * len(_FOLDING[ord(character)])
    origins.append(len(text))

    def find(place: int) -> int:
        origin = origins[place]
        # Marks that folding has dropped belong to the letter before them, also at the end of a word.
        return len(text) if place == len(folded) else origin

    return find
