"""The versions of an article as a page shows them: found by `scrapy history`, compared word by word.

A version is what the spiders make of the captures, and spiders run in a process of their own: Scrapy's loop can be
started once in a process and does not share it. What it found is kept until the archive has changed.
"""

from __future__ import annotations

import difflib
import json
import re
import subprocess
import sys
import threading
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from archives.errors import ArchiveError
from archives.replay.markup import Html, fill, join, render
from pipelines.markup.sanitise import find_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

MAX_KEPT: Final = 200
PATIENCE_S: Final = 120.0
_MAX_WORDS: Final = 4_000
# A word, or one character of a script without blanks, or a run of blanks, or a mark.
_UNSPACED: Final = r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
_WORD: Final = re.compile(rf"{_UNSPACED}|(?:(?!{_UNSPACED})\w)+|\s+|[^\w\s]")


class HistoryFailed(ArchiveError):
    """The versions of an article could not be found out."""


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


class Histories:
    """Finds versions, one article at a time.

    Args:
        project_dir: where `scrapy.cfg` is.
    """

    def __init__(self, data_dir: Path, project_dir: Path) -> None:
        self._data_dir = data_dir.resolve()
        self._project_dir = project_dir
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str, str, int], list[Edition]] = {}

    def list_editions(self, collection: str, source: str, identifier: str, *, captures: int) -> list[Edition]:
        """The versions of an article, the oldest first.

        Args:
            captures: how many the collection has; what was found with fewer is found anew.

        Raises:
            HistoryFailed: the command failed.
        """
        key = (collection, source, identifier, captures)
        with self._lock:
            if key not in self._kept:
                if len(self._kept) >= MAX_KEPT:
                    self._kept.clear()
                self._kept[key] = self._find(collection, source, identifier)
            return self._kept[key]

    def _find(self, collection: str, source: str, identifier: str) -> list[Edition]:
        options = ["--collection", collection, "--source", source, "--json", "-s", f"DATA_DIR={self._data_dir}"]
        if identifier.startswith("-"):
            raise HistoryFailed(f"{identifier} would be read as an option; scrapy history takes no such id")
        command = [sys.executable, "-m", "scrapy", "history", identifier, *options]
        try:
            done = subprocess.run(  # noqa: S603 (no shell; the words come from our own index)
                command, cwd=self._project_dir, capture_output=True, text=True, timeout=PATIENCE_S, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise HistoryFailed(f"finding the versions of {identifier} took more than {PATIENCE_S:.0f} s") from error
        if done.returncode not in (0, 1):
            raise HistoryFailed(f"scrapy history failed: {done.stderr.strip()[-500:]}")
        return [_load(line) for line in done.stdout.splitlines() if line.startswith("{")]


def _load(line: str) -> Edition:
    found = json.loads(line)
    return Edition(
        number=found["version"],
        captured_at=datetime.fromisoformat(found["captured_at"]),
        record_id=found["record_id"],
        changed=tuple(found["changed"]),
        headline=found["headline"],
        lines=(found["headline"], *find_text(found["articleBody"]).splitlines()),
    )


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
