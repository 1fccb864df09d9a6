"""Cursors: a reader's position in a change log, which the log can verify.

A position alone is not enough: a log that was put back from an older copy counts on from where the copy ends, and a
reader of the lost one would take what is entered there for known. So a cursor holds a digest of everything that the log
said up to it, and one of its collection's name.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

START = "start"
NO_CHECK = "0" * 16
_CURSOR = re.compile(r"(\d+)-([0-9a-f]{12})-(\d{20})-([0-9a-f]{12})(?:-([0-9a-f]{16})-([0-9a-f]{8}))?")
_JOINED = "all."


class CursorError(ValueError):
    """A text that is not a cursor, or not one of this log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """A place in a log.

    Attributes:
        position: of the last change that the reader knows.
        log: the log's name.
        horizon: microseconds since 1970; the reader knows of every capture until then.
        rules: digest of the rules by which posts were made.
        check: digest of every entry up to the position; '' in a cursor of an earlier version.
        owner: digest of the collection's name; likewise.
    """

    position: int = 0
    log: str = "0" * 12
    horizon: int = 0
    rules: str = "0" * 12
    check: str = ""
    owner: str = ""

    def __str__(self) -> str:
        text = f"{self.position}-{self.log}-{self.horizon:020d}-{self.rules}"
        return f"{text}-{self.check}-{self.owner}" if self.check else text


def parse_cursor(text: str) -> Cursor:
    """Read the cursor of one collection; `start` is before the first change.

    Raises:
        CursorError: it is none.
    """
    if text == START:
        return Cursor()
    match = _CURSOR.fullmatch(text)
    if match is None:
        raise CursorError(f"{text!r} is not a cursor; take one that an earlier export gave, or {START!r}")
    position, log, horizon, rules, check, owner = match.groups(default="")
    return Cursor(position=int(position), log=log, horizon=int(horizon), rules=rules, check=check, owner=owner)


def join_cursors(cursors: Mapping[str, str]) -> str:
    """Return one cursor for several collections, by their names."""
    text = json.dumps(dict(sorted(cursors.items())), ensure_ascii=False, separators=(",", ":"))
    return _JOINED + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def split_cursor(text: str, collections: list[str]) -> dict[str, str]:
    """Return the cursor of each collection; one that the cursor knows nothing of begins at the start.

    Args:
        text: a cursor of `join_cursors`, that of one of the collections, or `start`.

    Raises:
        CursorError: it is none, or one of another collection.
    """
    if text == START:
        return dict.fromkeys(collections, START)
    if not text.startswith(_JOINED):
        cursor = parse_cursor(text)
        if len(collections) == 1:
            return {collections[0]: text}
        owners = [name for name in collections if digest_owner(name) == cursor.owner]
        if owners:
            return dict.fromkeys(collections, START) | {owners[0]: text}
        raise CursorError(f"{text!r} is a cursor of one collection, and several are requested; name the one")
    known = _load_joined(text)
    return {name: known.get(name, START) for name in collections}


def find_absent(text: str, collections: list[str]) -> str:
    """Return a collection that a cursor of several has a place in and that is not there; '' if there is none.

    Raises:
        CursorError: it is no cursor.
    """
    known = _load_joined(text) if text.startswith(_JOINED) else {}
    return next((name for name in known if name not in collections), "")


def _load_joined(text: str) -> dict[str, str]:
    data = text.removeprefix(_JOINED)
    try:
        known: dict[str, str] = json.loads(
            base64.b64decode(data + "=" * (-len(data) % 4), altchars=b"-_", validate=True)
        )
        for cursor in known.values():
            parse_cursor(cursor)
    except (binascii.Error, ValueError, TypeError, AttributeError) as error:
        raise CursorError(f"{text!r} is not a cursor; take one that an earlier export gave, or {START!r}") from error
    return known


def digest_owner(collection: str) -> str:
    """Return what a cursor holds of its collection's name."""
    return hashlib.sha256(collection.encode()).hexdigest()[:8]


def chain(previous: str, entry: tuple[object, ...]) -> str:
    """Return the digest of a log up to an entry, given that up to the one before."""
    text = json.dumps([previous, *entry], ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
