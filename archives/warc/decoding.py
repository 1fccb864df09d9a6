"""Decompresses deflate with isal if installed, which takes half the time of zlib."""

from __future__ import annotations

import contextlib
import zlib
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

GZIP: Final = 31
ZLIB: Final = 15
BARE: Final = -15


class Inflater(Protocol):
    """One stream being inflated, as zlib's `decompressobj` does it."""

    @property
    def eof(self) -> bool:
        """Whether the stream has come to its end and its checksum was right."""

    @property
    def unused_data(self) -> bytes:
        """What was given behind the end of the stream."""

    @property
    def unconsumed_tail(self) -> bytes:
        """What was given and not inflated yet, since the limit was met."""

    def decompress(self, data: bytes, max_length: int = 0, /) -> bytes:
        """Inflate some more, to at most `max_length` bytes unless that is 0."""


class InflateError(ValueError):
    """The bytes are not in the format they should be in."""


@cache
def _load() -> tuple[Callable[..., Inflater], type[Exception]]:
    source: Any = zlib
    with contextlib.suppress(ImportError):
        from isal import isal_zlib as source  # noqa: PLC0415 - optional
    return source.decompressobj, source.error


def build_inflater(wbits: int = GZIP) -> Inflater:
    """Begin a stream in one of this module's formats."""
    return _load()[0](wbits=wbits)


def inflate_part(inflater: Inflater, data: bytes, limit: int) -> bytes:
    """Inflate `data` to at most `limit` bytes.

    Raises:
        InflateError: it cannot be inflated.
    """
    try:
        return inflater.decompress(data, limit)
    except _load()[1] as error:
        raise InflateError(str(error)) from error
