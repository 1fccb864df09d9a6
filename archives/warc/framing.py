"""Finds where a response ends as its bytes arrive, and names its deviations from the standard.

A client has to know this before the message is whole, and a reader of the archive has to come to the same end; both
use the expressions of `messages`, so a crawl and a reparse see one body. What browsers or curl read, is read here.
Each departure has a name, so that it can be counted and stated beside the capture; the bytes themselves stay.

Spec: RFC 9112 §6.3 (message body length), §7.1 (chunked transfer coding).
"""

from __future__ import annotations

import re
from enum import Enum, StrEnum, auto
from typing import TYPE_CHECKING, Final

from archives.errors import RecordError
from archives.warc.messages import (
    CHUNK_LINE,
    EMPTY_LINE,
    HEAD_END,
    INTERIM,
    STATUS_START,
    STRAY_BYTES,
    UPGRADED,
    Framing,
    Head,
    find_framing,
    is_bare_document,
    parse_head,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_KNOWN_VERSION: Final = re.compile(rb"HTTP/1\.[01][ \r\n]")
_TEXT_AFTER_STATUS: Final = re.compile(rb"[^ \t\n]+[ \t]+[0-9]{3}[^ \t\r\n0-9]")
_BARE_LF: Final = re.compile(rb"(?<!\r)\n")
_ODD_FIELDS: Final = re.compile(rb"\n(?:[ \t]|:|[^:\r\n]*[ \t]:|[^:\r\n]+\r?(?:\n|\Z))")
_STRICT_CHUNK_LINE: Final = re.compile(rb"[0-9A-Fa-f]+(?:;[^ \t\r\n][^\r\n]*)?\r\n")
_LONGEST_CHUNK_LINE: Final = 16 * 1024
_LONGEST_TRAILER: Final = 64 * 1024
# Behind these nothing follows, whatever their fields say.
_BODILESS: Final = frozenset({204, 304})


class Deviation(StrEnum):
    """In what a response departs from RFC 9112, and is read all the same unless it says otherwise."""

    NO_STATUS_LINE = "no-status-line"  # read if it is markup
    BAD_STATUS = "bad-status"  # the status is not three digits
    UNREQUESTED_UPGRADE = "unrequested-upgrade"  # 101, to which the body or the next response belongs
    LINES_BEFORE = "lines-before"  # empty ones, before the status line
    BYTES_BEFORE = "bytes-before"  # up to four, or up to eight lines, before the status line
    ODD_VERSION = "odd-version"
    TEXT_AFTER_STATUS = "text-after-status"
    BARE_LINE_FEED = "bare-line-feed"
    DOUBLE_CARRIAGE_RETURN = "double-carriage-return"
    FOLDED_FIELD = "folded-field"
    BLANK_BEFORE_COLON = "blank-before-colon"
    NAMELESS_FIELD = "nameless-field"
    FIELD_WITHOUT_COLON = "field-without-colon"
    SIGNED_LENGTH = "signed-length"
    INVALID_LENGTH = "invalid-length"
    LENGTHS_DIFFER = "lengths-differ"
    LENGTH_AND_CHUNKS = "length-and-chunks"
    TRANSFER_CODINGS = "transfer-codings"  # other than `chunked`
    CHUNK_LINE = "chunk-line"  # blanks or other text around the size of a chunk
    NO_CHUNKS = "no-chunks"  # announced, and the body is none; read as it stands
    BROKEN_CHUNKS = "broken-chunks"  # not read
    NO_LAST_CHUNK = "no-last-chunk"
    UNFINISHED_TRAILER = "unfinished-trailer"
    ENDS_EARLY = "ends-early"  # than announced, behind a complete document
    BYTES_BEHIND = "bytes-behind"  # behind the end of the message
    LATE_BYTES = "late-bytes"  # likewise, after the message had been read


class _At(Enum):
    HEAD = auto()
    UPGRADED = auto()
    FIXED = auto()
    CLOSE = auto()
    CHUNK_LINE = auto()
    CHUNK = auto()
    CHUNK_END = auto()
    TRAILER = auto()
    END = auto()
    BROKEN = auto()


class ResponseFramer:
    """Follows the bytes of one exchange's answer.

    Args:
        is_bodiless: the request was HEAD, so that nothing follows the head.

    Attributes:
        deviations: found so far, in the order in which they were met.
        head: of the final response, once it is whole; None before, and if neither a status line nor markup begins it.
        head_size: offset behind that head, interim responses included; 0 before.
        end: offset behind the message, once it is known.
        body_size: bytes of the body, where the head states them.
        has_own_end: the message says itself where it ends, and does not end with the connection.
    """

    def __init__(self, *, is_bodiless: bool = False) -> None:
        self.deviations: dict[Deviation, None] = {}
        self.head: Head | None = None
        self.head_size = 0
        self.end: int | None = None
        self.body_size: int | None = None
        self.has_own_end = True
        self._is_bodiless = is_bodiless
        self._at = _At.HEAD
        self._seen = 0
        self._left = 0
        self._chunks = 0
        self._framing = Framing(False, None)
        self._carry = b""
        self._from = 0
        self._steps: dict[_At, Callable[[bytes, int], int]] = {
            _At.HEAD: self._read_head,
            _At.UPGRADED: self._read_upgraded,
            _At.FIXED: self._read_fixed,
            _At.CLOSE: self._read_all,
            _At.CHUNK_LINE: self._read_chunk_line,
            _At.CHUNK: self._read_chunk,
            _At.CHUNK_END: self._read_chunk_end,
            _At.TRAILER: self._read_trailer,
        }

    @property
    def is_complete(self) -> bool:
        """Whether the message has come to its end."""
        return self._at is _At.END

    @property
    def is_broken(self) -> bool:
        """Whether nothing can be made of what comes any more."""
        return self._at is _At.BROKEN

    @property
    def is_in_head(self) -> bool:
        """Whether the head of the final response is not whole."""
        return self._at in {_At.HEAD, _At.UPGRADED}

    def feed(self, data: bytes) -> None:
        """Look at some more bytes."""
        self._seen += len(data)
        carried = len(self._carry)
        data = self._carry + data if carried else data
        self._carry = b""
        self._from = max(0, carried - 4)  # an empty line may have begun in what was carried over
        at = 0
        while at < len(data) and (step := self._steps.get(self._at)) is not None:
            at = step(data, at)
        if self._at is _At.END:
            if self.end is None:
                self.end = self._seen - (len(data) - at)
            if at < len(data):
                self._note(Deviation.BYTES_BEHIND)

    def _wait(self, data: bytes, at: int) -> int:
        """Keep what is not whole until more has come."""
        self._carry = data[at:]
        return len(data)

    def close(self) -> bool:
        """Take the orderly end of the connection into account; return whether the message is whole."""
        is_between_chunks = self._at is _At.CHUNK_LINE and self._chunks and not self._carry.strip()
        if is_between_chunks or self._at is _At.CHUNK_END:
            self._finish(Deviation.NO_LAST_CHUNK)
        elif self._at is _At.TRAILER:
            self._finish(Deviation.UNFINISHED_TRAILER)
        elif self._at is _At.HEAD and is_bare_document(self._carry):
            self._begin_document(self._seen - len(self._carry))
            self._finish()
        elif self._at in {_At.CLOSE, _At.UPGRADED}:
            self._finish()
        return self._at is _At.END

    def _finish(self, deviation: Deviation | None = None) -> None:
        if deviation is not None:
            self._note(deviation)
        self._at = _At.END
        self.end = self._seen
        self.has_own_end = False

    def _note(self, deviation: Deviation) -> None:
        self.deviations[deviation] = None

    def _read_head(self, data: bytes, at: int) -> int:
        if line := EMPTY_LINE.match(data, at):
            self._note(Deviation.LINES_BEFORE)
            return line.end()
        match = HEAD_END.search(data, max(at, self._from))
        if match is None:
            return self._wait(data, at)
        self._from = 0
        if stray := STRAY_BYTES.match(data, at):
            self._note(Deviation.BYTES_BEFORE)
            return stray.end()
        before = self._seen - len(data)
        if is_bare_document(data[at : match.end()]):
            self._begin_document(before + at)
        elif (interim := INTERIM.match(data, at)) is None or int(interim[1]) == UPGRADED:
            self.head_size = before + match.end()
            self._begin_body(data[at : match.end()])
        return match.end()

    def _begin_document(self, start: int) -> None:
        """Take all that comes as the document itself."""
        self._note(Deviation.NO_STATUS_LINE)
        self.head = parse_head(b"<")
        self.head_size = start
        self._at = _At.CLOSE

    def _begin_body(self, raw: bytes) -> None:
        for deviation in find_head_deviations(raw):
            self._note(deviation)
        try:
            head = parse_head(raw)
        except RecordError:
            head = None
        if head is None or (head.status is None and not raw.upper().startswith(STATUS_START[:4])):
            self._note(Deviation.NO_STATUS_LINE)
            self._at = _At.CLOSE  # nothing says how long it is: what still comes belongs to it
            return
        self.head = head
        self._framing = find_framing(head.headers)
        for deviation in find_framing_deviations(self._framing):
            self._note(deviation)
        if head.status is None:
            self._note(Deviation.BAD_STATUS)
        elif INTERIM.match(raw):
            self._note(Deviation.UNREQUESTED_UPGRADE)
            self._at = _At.UPGRADED
            return
        self._at = self._find_state(head.status, self._framing)

    def _read_upgraded(self, data: bytes, at: int) -> int:
        """Look whether a response follows the head of a 101, or its body."""
        beginning = data[at : at + len(STATUS_START)]
        if beginning == STATUS_START:
            self.head = None
            self.head_size = 0
            self._at = _At.HEAD
        elif STATUS_START.startswith(beginning):
            return self._wait(data, at)
        else:
            self._at = self._find_state(UPGRADED, self._framing)
        return at

    def _find_state(self, status: int | None, framing: Framing) -> _At:
        if self._is_bodiless or status in _BODILESS:
            return _At.END
        if framing.is_chunked:
            return _At.CHUNK_LINE
        if framing.size is None:
            return _At.CLOSE
        self._left = self.body_size = framing.size
        return _At.FIXED if framing.size else _At.END

    def _read_fixed(self, data: bytes, at: int) -> int:
        return self._read_counted(data, at, _At.END)

    def _read_counted(self, data: bytes, at: int, then: _At) -> int:
        here = len(data) - at
        if here < self._left:
            self._left -= here
            return len(data)
        self._at = then
        return at + self._left

    def _read_all(self, data: bytes, _at: int) -> int:
        return len(data)

    def _read_chunk_line(self, data: bytes, at: int) -> int:
        if data.find(b"\n", at) < 0 and len(data) - at <= _LONGEST_CHUNK_LINE:
            return self._wait(data, at)
        line = CHUNK_LINE.match(data, at)
        if line is None or line.end() - at > _LONGEST_CHUNK_LINE:
            return self._refuse_chunk(at)
        if not _STRICT_CHUNK_LINE.fullmatch(line[0]):
            self._note(Deviation.CHUNK_LINE if line[0].endswith(b"\r\n") else Deviation.BARE_LINE_FEED)
        self._chunks += 1
        self._left = int(line[1], 16)
        self._at = _At.CHUNK if self._left else _At.TRAILER
        return line.end()

    def _refuse_chunk(self, at: int) -> int:
        is_first = not self._chunks
        self._note(Deviation.NO_CHUNKS if is_first else Deviation.BROKEN_CHUNKS)
        self._at = _At.CLOSE if is_first else _At.BROKEN
        return at

    def _read_chunk(self, data: bytes, at: int) -> int:
        return self._read_counted(data, at, _At.CHUNK_END)

    def _read_chunk_end(self, data: bytes, at: int) -> int:
        if line := EMPTY_LINE.match(data, at):
            self._at = _At.CHUNK_LINE
            return line.end()
        return self._wait(data, at) if data[at:] in {b"\r", b"\r\r"} else self._refuse_chunk(at)

    def _read_trailer(self, data: bytes, at: int) -> int:
        match = EMPTY_LINE.match(data, at) or HEAD_END.search(data, max(at, self._from))
        if match is not None:
            self._at = _At.END
            return match.end()
        if len(data) - at > _LONGEST_TRAILER:
            self._note(Deviation.BROKEN_CHUNKS)
            self._at = _At.BROKEN
        return self._wait(data, at)


def find_head_deviations(raw: bytes) -> Iterator[Deviation]:
    """Yield in what a head departs from the grammar.

    Args:
        raw: the empty line included.
    """
    if not _KNOWN_VERSION.match(raw):
        yield Deviation.ODD_VERSION
    if _TEXT_AFTER_STATUS.match(raw):
        yield Deviation.TEXT_AFTER_STATUS
    if b"\r\r\n" in raw:
        yield Deviation.DOUBLE_CARRIAGE_RETURN
    if _BARE_LF.search(raw):
        yield Deviation.BARE_LINE_FEED
    fields = raw[raw.find(b"\n") :].rstrip(b"\r\n")
    kinds = {_name_odd_field(match[0]) for match in _ODD_FIELDS.finditer(fields)}
    yield from sorted(kinds)


def _name_odd_field(text: bytes) -> Deviation:
    if text[1:2] in {b" ", b"\t"}:
        return Deviation.FOLDED_FIELD
    if text == b"\n:":
        return Deviation.NAMELESS_FIELD
    return Deviation.BLANK_BEFORE_COLON if text.endswith(b":") else Deviation.FIELD_WITHOUT_COLON


def find_framing_deviations(framing: Framing) -> Iterator[Deviation]:
    """Yield what is odd about the fields that say where a body ends."""
    if framing.codings not in {(), (b"chunked",)}:
        yield Deviation.TRANSFER_CODINGS
    if framing.is_chunked and framing.lengths:
        yield Deviation.LENGTH_AND_CHUNKS
    if len(set(framing.lengths)) > 1:
        yield Deviation.LENGTHS_DIFFER
    if any(length.startswith(b"+") for length in framing.lengths):
        yield Deviation.SIGNED_LENGTH
    if any(not length.removeprefix(b"+").isdigit() or len(length) > 19 for length in framing.lengths):
        yield Deviation.INVALID_LENGTH
