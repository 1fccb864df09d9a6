"""Forms of one word: `gardens` also finds garden and gardening, in languages whose words change at their ends.

A stem is looked for in posts of its language alone. In the index it follows a private-use character, which words of
texts and searches do not contain, so `yen*` finds no English stems.
"""

from __future__ import annotations

import threading
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_ALGORITHMS: Final = {
    "da": "danish", "de": "german", "en": "english", "es": "spanish", "fi": "finnish", "fr": "french",
    "hu": "hungarian", "it": "italian", "nb": "norwegian", "nl": "dutch", "nn": "norwegian", "no": "norwegian",
    "pt": "portuguese", "ro": "romanian", "ru": "russian", "sv": "swedish",
}  # fmt: skip
_ANYWHERE: Final = "\ue000"
_IN_TITLE: Final = "\ue001"
_SHORTEST: Final = 3
_REMEMBERED: Final = 100_000
_LOCK: Final = threading.Lock()


def find_language(tag: str) -> str:
    """Return the language of a BCP 47 tag if its words have stems; empty if they have not."""
    language = tag.partition("-")[0].lower()
    return language if language in _ALGORITHMS else ""


def has_stem(word: str) -> bool:
    """Return whether a word as people type it may be one form of several."""
    return len(word) >= _SHORTEST and word.isalpha()


@lru_cache(maxsize=_REMEMBERED)
def stem(word: str, language: str) -> str:
    """Return the stem of a folded word of a language."""
    with _LOCK:  # a stemmer keeps the word that it works on
        return str(_load(_ALGORITHMS[language]).stemWord(word))


def list_tokens(words: Iterable[str], tag: str, *, in_title: bool = False) -> list[str]:
    """Return what the index holds for the words of a post in a language: each stem once."""
    language = find_language(tag)
    if not language:
        return []
    return sorted({_build_token(word, language, in_title=in_title) for word in words if has_stem(word)})


def list_wanted(word: str, *, in_title: bool = False) -> list[str]:
    """Return what is looked for in the index for a word of a search, whatever its language."""
    return sorted({_build_token(word, language, in_title=in_title) for language in _ALGORITHMS})


def _build_token(word: str, language: str, *, in_title: bool) -> str:
    return f"{_IN_TITLE if in_title else _ANYWHERE}{language}x{stem(word, language)}"


@cache
def _load(algorithm: str) -> Any:
    import snowballstemmer  # noqa: PLC0415 (it loads every language, and most runs search nothing)

    return snowballstemmer.stemmer(algorithm)
