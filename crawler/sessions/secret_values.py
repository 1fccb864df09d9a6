"""Secret values of a session: read from their source, and masked in everything that is recorded."""

from __future__ import annotations

import base64
import html
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, quote_plus

from crawler.sources.model import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# A shorter value would star out words of every page.
_LEAST_CHARS: Final = 6


def load_value(text: str, *, beside: str, key: str) -> str:
    """Return a value, read from where it is if `text` is a reference: `env:NAME` or `file:NAME`.

    Args:
        beside: path of the definition.
        key: of the definition, for errors.

    Raises:
        SourceError: the variable is not set, or the file cannot be read.
    """
    kind, _, name = text.partition(":")
    if kind == "env":
        found = os.environ.get(name)
        if not found:
            raise SourceError(f"the environment has no {name}; set it before the crawl", path=beside, key=key)
        return found
    if kind == "file":
        try:
            return Path(beside).with_name(name).read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(f"{name} beside the definition cannot be read: {error}", path=beside, key=key) from error
    return text


class SecretValues:
    """Secrets in all the spellings in which they may cross the wire."""

    def __init__(self) -> None:
        self._spellings: set[bytes] = set()

    def add(self, value: str) -> None:
        """Keep a value secret; one of less than six characters is not looked for in what is recorded."""
        if len(value) >= _LEAST_CHARS:
            self._spellings.update(spelling.encode() for spelling in _iter_spellings(value))

    def mask(self, data: bytes) -> bytes:
        """Put `*` over every secret, so that the length stays."""
        for spelling in self._sorted():
            if spelling in data:
                data = data.replace(spelling, b"*" * len(spelling))
        return data

    def is_in(self, data: bytes) -> bool:
        """Return whether a secret is in some bytes."""
        return any(spelling in data for spelling in self._spellings)

    def _sorted(self) -> Iterable[bytes]:
        return sorted(self._spellings, key=len, reverse=True)


def _iter_spellings(value: str) -> Iterator[str]:
    yield value
    yield quote(value, safe="")
    yield quote(value)
    yield quote_plus(value)
    yield html.escape(value)
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield base64.b64encode(value.encode()).decode()
