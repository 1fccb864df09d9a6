"""Patterns of addresses that are never fetched, shown or exported.

Nothing is deleted. Earlier captures stay in the archive and in proofs, but are left out wherever the archive is read.
Use erasure for what must be deleted.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from archives.errors import CollectionError
from archives.storage.files import write_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FILE_NAME: Final = "excluded.jsonl"


class PatternError(ValueError):
    """A text that is not a pattern."""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """One pattern: a regular expression that is searched for in addresses, or a part of them as it stands.

    Attributes:
        at: instant, ISO 8601, UTC.
        reason: as given, or ''.
    """

    pattern: str
    at: str = ""
    reason: str = ""


class Exclusions:
    """The patterns of one data directory, read again when the file has changed. Not safe for several threads."""

    def __init__(self, path: Path, entries: Iterable[Exclusion] = ()) -> None:
        self._path = path
        self._state: tuple[int, int, int] | None = None
        self._set(entries)

    def __bool__(self) -> bool:
        """Whether there is any pattern."""
        return bool(self.entries)

    @property
    def fingerprint(self) -> str:
        """A value that changes with the patterns."""
        return "\n".join(entry.pattern for entry in self.entries)

    def excludes(self, *urls: str) -> bool:
        """Return whether one of the addresses is excluded, as it stands or with its escapes decoded."""
        return any(self._is_met(url) for url in urls if url) if self.entries else False

    def refresh(self) -> None:
        """Read the file again if it has changed.

        Raises:
            CollectionError: it is damaged, so what must be left out is unknown.
        """
        state = _find_state(self._path)
        if state == self._state:
            return
        try:
            lines = self._path.read_text("utf-8").splitlines() if state else []
            self._set([Exclusion(**json.loads(line)) for line in lines if line.strip()])
        except (OSError, ValueError, TypeError) as error:
            words = f"{self._path} is damaged ({error}); mend the line, or restore the file from a copy"
            raise CollectionError(words, path=self._path) from error
        self._state = state

    def add(self, entries: Iterable[Exclusion]) -> None:
        """Write further patterns to the file; one that is there already stays as it was."""
        known = {entry.pattern for entry in self.entries}
        self._write([*self.entries, *(entry for entry in entries if entry.pattern not in known)])

    def remove(self, patterns: Iterable[str]) -> None:
        """Take patterns out of the file."""
        gone = set(patterns)
        self._write([entry for entry in self.entries if entry.pattern not in gone])

    def _write(self, entries: list[Exclusion]) -> None:
        lines = [json.dumps(asdict(entry), ensure_ascii=False) + "\n" for entry in entries]
        write_file(self._path, "".join(lines).encode())
        self.refresh()

    def _set(self, entries: Iterable[Exclusion]) -> None:
        self.entries = tuple(entries)
        self._compiled = [(entry.pattern, compile_pattern(entry.pattern)) for entry in self.entries]

    def _is_met(self, url: str) -> bool:
        spellings = {url, decode_address(url)}
        return any(text in one or found.search(one) for text, found in self._compiled for one in spellings)


def load_exclusions(data_dir: Path) -> Exclusions:
    """Return the patterns of a data directory; there are none where it has no such file.

    Raises:
        CollectionError: the file is damaged.
    """
    exclusions = Exclusions(data_dir / FILE_NAME)
    exclusions.refresh()
    return exclusions


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return a pattern ready for use.

    Raises:
        PatternError: it is not a regular expression, or one that every address meets.
    """
    try:
        found = re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise PatternError(f"{pattern!r} is not a regular expression: {error}") from error
    if found.search("") is not None:
        raise PatternError(f"{pattern!r} matches every address; name a part of those that you mean")
    return found


def decode_address(url: str) -> str:
    """Return an address as people write it: percent-escapes and a host in Punycode decoded."""
    if "%" in url:
        url = unquote(url)
    if "xn--" not in url:
        return url
    host = urlsplit(url).hostname or ""
    try:
        return url.replace(host, host.encode("ascii").decode("idna"), 1)
    except UnicodeError:
        return url


def _find_state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
