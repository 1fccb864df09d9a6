"""The versions of an article as a page shows them, compared word by word."""

from __future__ import annotations

import difflib
import re
from contextlib import closing
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from archives.replay.markup import Html, fill, join, render
from crawler.publishing.history import build_versions
from crawler.reparsing.ledger import open_ledger
from pipelines.markup.sanitise import find_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from archives.storage.collection import Collection
    from pipelines.posts.options import PostOptions

_MAX_WORDS: Final = 4_000
# A word, or one character of a script without blanks, or a run of blanks, or a mark.
_UNSPACED: Final = r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
_WORD: Final = re.compile(rf"{_UNSPACED}|(?:(?!{_UNSPACED})\w)+|\s+|[^\w\s]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """One version of an article.

    Attributes:
        lines: what a reader sees, headline first, one line a block.
    """

    number: int
    captured_at: datetime
    record_id: str
    changed: tuple[str, ...]
    headline: str
    lines: tuple[str, ...]


def list_editions(collection: Collection, key: tuple[str, str], options: PostOptions) -> list[Edition]:
    """Return the versions of an article, the oldest first.

    Args:
        key: its source and identifier.

    Raises:
        archives.errors.CollectionError: the ledger cannot be read.
    """
    with closing(open_ledger(collection)) as ledger:
        versions = build_versions(ledger.list_sightings(key), options)
    return [
        Edition(
            number=version.number,
            captured_at=version.captured_at,
            record_id=version.record_id,
            changed=version.changed,
            headline=version.post.headline,
            lines=(version.post.headline, *find_text(version.post.articleBody).splitlines()),
        )
        for version in versions
    ]


def build_comparison(old: Sequence[str], new: Sequence[str]) -> Html:
    """What changed from one version to the next, in whole paragraphs, the words that went and came marked."""
    return join([fill('<div class="diff">'), *_iter_rows(old, new), fill("</div>")], "\n")


def _iter_rows(old: Sequence[str], new: Sequence[str]) -> Iterator[Html]:
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for tag, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if tag == "equal":
            yield from _iter_same(old[old_from:old_to])
            continue
        for before, after in zip_longest(old[old_from:old_to], new[new_from:new_to]):
            if before is None:
                yield fill('<p class="came"><ins>{text}</ins></p>', text=after)
            elif after is None:
                yield fill('<p class="went"><del>{text}</del></p>', text=before)
            else:
                yield fill('<p class="changed">{text}</p>', text=compare_words(before, after))


def _iter_same(lines: Sequence[str]) -> Iterator[Html]:
    """Paragraphs that did not change: the ends as they are, what is between folded away."""
    if len(lines) <= 3:
        yield from (fill("<p>{text}</p>", text=line) for line in lines)
        return
    yield fill("<p>{text}</p>", text=lines[0])
    inside = join(fill("<p>{text}</p>", text=line) for line in lines[1:-1])
    yield fill(
        "<details><summary>{count} paragraphs without changes</summary>{inside}</details>",
        count=len(lines) - 2,
        inside=inside,
    )
    yield fill("<p>{text}</p>", text=lines[-1])


def compare_words(before: str, after: str) -> Html:
    """One paragraph with the words that went struck out and those that came underlined."""
    old, new = _WORD.findall(before), _WORD.findall(after)
    if len(old) + len(new) > _MAX_WORDS:
        return fill("<del>{old}</del> <ins>{new}</ins>", old=before, new=after)
    parts: list[Html] = []
    for tag, old_from, old_to, new_from, new_to in difflib.SequenceMatcher(
        None, old, new, autojunk=False
    ).get_opcodes():
        went, came = "".join(old[old_from:old_to]), "".join(new[new_from:new_to])
        if tag == "equal":
            parts.append(render(went))
            continue
        if went:
            parts.append(fill("<del>{text}</del>", text=went))
        if came:
            parts.append(fill("<ins>{text}</ins>", text=came))
    return join(parts)
