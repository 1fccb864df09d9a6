"""The headline in the address of a page, compared with what the page shows.

The address was given to an article. A page that says none of its words is something else, in whatever language and
wording; a heading that says them is the article's headline, even if it reads like that of an error page.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote, urlsplit

_WORD = re.compile("(?<![a-z0-9])[a-z]{4,}(?![a-z0-9])")
_INDEX = re.compile(r"/(?:index\.\w+)?$")
_LATIN = re.compile("[a-z]+")
_LEAST_WORDS = 3
_STEM_CHARS = 5
_LATIN_SHARE = 0.7


def list_address_words(url: str) -> frozenset[str]:
    """Return the longer words of the headline in an address; none if it has no headline in Latin letters."""
    path = _INDEX.sub("", unquote(urlsplit(url).path).casefold())
    words = frozenset(_WORD.findall(path.rpartition("/")[2]))
    return words if len(words) >= _LEAST_WORDS else frozenset()


def says_most(text: str, words: frozenset[str]) -> bool:
    """Return whether a text has at least half of the words."""
    letters = _fold(text)
    return bool(words) and 2 * sum(word in letters for word in words) >= len(words)


def says_none(text: str, words: frozenset[str]) -> bool:
    """Return whether a text in Latin letters has none of the words, in any inflection."""
    if not words:
        return False
    letters = _fold(text)
    is_latin = len(letters) > _LATIN_SHARE * sum(map(str.isalpha, text))
    return is_latin and not any(word[:_STEM_CHARS] in letters for word in words)


def _fold(text: str) -> str:
    """Return the letters a to z of a text, without their accents and without blanks."""
    return "".join(_LATIN.findall(unicodedata.normalize("NFKD", text.casefold())))
