"""Tags and section names, cleaned of the page's formatting.

Chinese pages write their keywords in one `meta` with any of six separators, or with blanks alone; others repeat the
headline or the site's name among them. Section names are kept apart from tags because they may hold blanks and must
not be split.
"""

from __future__ import annotations

import html
import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_SEPARATORS = re.compile(r"[,;、|]")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
_WIDTH_FORMS = re.compile(r"[\uff00-\uffef]+")
# Controls, lone surrogates, and characters that draw nothing; joiners stay, because Persian and emoji need them.
_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]"
)


def normalise_tags(
    found: Iterable[str],
    *,
    title: str = "",
    drop: Iterable[str] = (),
    aliases: Mapping[str, str] | None = None,
) -> list[str]:
    """Return the tags in the order found, each once whatever its case.

    A found text is split at `,` `;` `、` `|` and their full-width forms, and at blanks where every word has Han
    in it (`北京 上海`, but not `Career In 投行PEVC`). A tag equal to the title is dropped.

    Args:
        drop: names never wanted, compared without case; a source gives its own names here.
        aliases: name as found (case does not matter) to the name wanted; a name aliased to "" is dropped, one
            aliased to a text that would be split becomes several tags.
    """
    parts = (part for text in found for part in _iter_parts(_clean(text)))
    return _settle(parts, drop=[title, *drop], aliases=aliases or {}, split=_iter_parts)


def normalise_names(
    found: Iterable[str], *, drop: Iterable[str] = (), aliases: Mapping[str, str] | None = None
) -> list[str]:
    """Return section or author names in the order found, each once, never split: `21世纪经济报道 21财经APP` is one."""
    return _settle((_clean(text) for text in found), drop=drop, aliases=aliases or {}, split=lambda name: [name])


def _settle(
    names: Iterable[str], *, drop: Iterable[str], aliases: Mapping[str, str], split: Callable[[str], Iterable[str]]
) -> list[str]:
    wanted = {_fold(_clean(name)): list(split(_clean(alias))) for name, alias in aliases.items()}
    dropped = {_fold(_clean(name)) for name in drop} | {""}
    kept: dict[str, str] = {}
    for name in names:
        if _fold(name) not in dropped:
            for tag in _follow_aliases(name, wanted, frozenset()):
                if _fold(tag) not in dropped:
                    kept.setdefault(_fold(tag), tag)
    return list(kept.values())


def _follow_aliases(name: str, wanted: Mapping[str, list[str]], passed: frozenset[str]) -> Iterator[str]:
    """Yield the names at the ends of the alias chains; a chain that never ends is left where it comes round."""
    key = _fold(name)
    if key not in wanted or key in passed:
        yield name
        return
    for alias in wanted[key]:
        yield from _follow_aliases(alias, wanted, passed | {key})


def _iter_parts(text: str) -> Iterator[str]:
    for part in _SEPARATORS.split(text):
        words = part.split()
        if all(_HAN.search(word) for word in words):
            yield from words
        else:
            yield part.strip()


def _clean(text: str) -> str:
    """Return the text composed, in normal width, on one line, without what cannot be seen.

    Only the width forms are folded: compatibility folding of all characters would turn `m²` into `m2`. Text
    that is escaped twice (`AT&amp;T`) is unescaped here, because tags are split at semicolons.
    """
    before = ""
    while text != before and "&" in text:
        text, before = html.unescape(text), text
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    narrow = _WIDTH_FORMS.sub(lambda run: unicodedata.normalize("NFKC", run.group()), text)
    visible = _INVISIBLE.sub("", " ".join(narrow.split()))
    return " ".join(unicodedata.normalize("NFC", visible).split())


def _fold(name: str) -> str:
    return name.lower() if name.isascii() else unicodedata.normalize("NFKC", name).casefold()
