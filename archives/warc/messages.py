"""HTTP/1 messages as bytes: where the head ends, its fields, and the payload.

A reparse must see what the crawl saw, so both read with these functions, and as leniently as browsers do: bare LF,
folded lines, lines without a colon or a name, blanks before a colon or around the size of a chunk.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Final

from archives.errors import MessageError, RecordError
from archives.warc.content_codings import decode_content

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

# Programs that write text on Windows end lines by CR CR LF.
HEAD_END: Final = re.compile(rb"\n\r{0,2}\n")
EMPTY_LINE: Final = re.compile(rb"\r{0,2}\n")
# Chromium looks for the status line behind up to four bytes, such as a byte order mark; behind whole lines it shows the
# message as text.
STRAY_BYTES: Final = re.compile(
    rb"[^\n]{1,4}?(?=HTTP/[0-9])|(?![A-Za-z]+/[0-9]|[Hh][Tt][Tt][Pp]|ICY)"
    rb"(?:[^\n]*[^\r\n]\r?\n){1,8}?(?=HTTP/[0-9](?:\.[0-9])?[ \t]+[1-9][0-9]{2}[ \t\r\n])"
)
INTERIM: Final = re.compile(rb"[A-Za-z]+/[0-9.]+[ \t]+(1[0-9]{2})(?=[ \t\r\n])")
STATUS_START: Final = b"HTTP/"
UPGRADED: Final = 101
_VERSION: Final = re.compile(rb"[A-Za-z]+/[0-9]+(?:\.[0-9]+)?")
# Of any version or none as Chromium reads it, with a blank before the version and text right behind the number as curl.
_STATUS_LINE: Final = re.compile(
    rb"((?:[Hh][Tt][Tt][Pp](?:/[ \t]+[0-9]\.[0-9])?[^ \t:]*|[A-Za-z]+/[0-9]+(?:\.[0-9]+)*|ICY)):?"
    rb"[ \t]+([1-9][0-9]{2})(?![0-9])[ \t]?(.*)",
    re.DOTALL,
)
_ODD_STATUS_LINE: Final = re.compile(rb"([Hh][Tt][Tt][Pp][^ \t]*)(?:[ \t]+(.*))?", re.DOTALL)
# A response as of HTTP/0.9: Chromium shows it if it comes from the standard port.
_BARE_DOCUMENT: Final = re.compile(rb"(?:\xef\xbb\xbf)?[ \t]*<")
_LENGTH: Final = re.compile(rb"\+?[0-9]{1,18}")
# Clients that fetch break off far earlier; a record may hold anything.
_MAX_HEAD_BYTES: Final = 1024 * 1024
CHUNK_LINE: Final = re.compile(rb"[ \t]*(0*[0-9A-Fa-f]{1,15})(?:[ \t;][^\n]*)?\r?\n")
_PLAIN_CHUNK_LINE: Final = re.compile(rb"0*[0-9A-Fa-f]{1,15}[ \t]*(?:;[^\n]*)?\r?\n")
_LEADING_LINES: Final = re.compile(rb"(?:\r{0,2}\n)*")
# Codings that a body may have been given for its way, and that are undone with the chunks.
_TRANSFER_CODINGS: Final = frozenset({b"gzip", b"x-gzip", b"deflate"})
_MAX_TRANSFER_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Head:
    """The start line and the header fields of a message.

    Attributes:
        version: as sent, e.g. `HTTP/1.1`.
        status: None for a request, and for a response whose status is not three digits, the first of them no zero.
        reason: as sent; empty for a request.
        headers: names as sent, values stripped, folded lines joined, in the order of the wire.
    """

    version: bytes
    status: int | None
    reason: bytes
    headers: list[tuple[bytes, bytes]]

    @property
    def effective_status(self) -> int:
        """The status that browsers act on: 200 if the response states none, or an upgrade that was not requested."""
        return 200 if self.status in (None, UPGRADED) else self.status

    def get(self, name: bytes) -> bytes | None:
        """The first value of the field `name`, whatever its case."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)

    def get_all(self, name: bytes) -> list[bytes]:
        """Every value of the field `name`, in the order of the wire."""
        wanted = name.lower()
        return [value for key, value in self.headers if key.lower() == wanted]


def split_head(raw: bytes) -> tuple[bytes, bytes]:
    """Split a message into its head, blank line included, and its body as framed.

    Without a blank line everything is head: the connection ended before the body began.
    """
    size = find_head_size(raw)
    return raw[:size], raw[size:]


def find_head_size(raw: bytes) -> int:
    """How many bytes of a message are its head, blank line included; none of a document without a status line."""
    if is_bare_document(raw):
        return 0
    match = HEAD_END.search(raw)
    return len(raw) if match is None else match.end()


def split_interim(raw: bytes) -> tuple[bytes, bytes]:
    """Split leading 1xx messages, and empty lines or stray bytes before a status line, from the final response.

    101 is final unless a status line follows: it ends HTTP on the connection. A 1xx head that was cut short counts as
    final, too: there is nothing else.

    Spec: RFC 9110 §15.2.
    """
    at = _skip_lines(raw, 0)
    while interim := INTERIM.match(raw, at):
        end = HEAD_END.search(raw, at)
        if end is None or (int(interim[1]) == UPGRADED and not raw.startswith(STATUS_START, end.end())):
            break
        at = _skip_lines(raw, end.end())
    return (raw[:at], raw[at:]) if at else (b"", raw)


def _skip_lines(raw: bytes, at: int) -> int:
    """Where the empty lines at `at`, and stray bytes behind them, end."""
    match = _LEADING_LINES.match(raw, at)
    at = match.end() if match else at
    stray = STRAY_BYTES.match(raw, at)
    return stray.end() if stray else at


def is_bare_document(raw: bytes) -> bool:
    """Whether a response is markup without a status line and fields. Spec: RFC 1945 §6 (Simple-Response)."""
    return _BARE_DOCUMENT.match(raw) is not None and not STRAY_BYTES.match(raw)


def parse_head(head: bytes) -> Head:
    """Read a response's or a request's head; that of a document without one is empty.

    Args:
        head: what follows its empty line, or the first MiB, is not looked at.

    Raises:
        MessageError: the first line is neither a status line nor a request line.
    """
    if is_bare_document(head):
        return Head(b"", None, b"", [])
    line, _, fields = split_head(head[:_MAX_HEAD_BYTES])[0].partition(b"\n")
    version, status, reason = _parse_start_line(line.rstrip(b"\r"))
    return Head(version, status, reason, parse_fields(fields))


def _parse_start_line(line: bytes) -> tuple[bytes, int | None, bytes]:
    """Read version, status and reason; a status is three digits, and anything else in its place is none.

    Spec: RFC 9112 §4.
    """
    if status_line := _STATUS_LINE.fullmatch(line):
        version, status, reason = status_line.groups(b"")
        return version, int(status), reason
    if odd := _ODD_STATUS_LINE.fullmatch(line):
        return odd[1], None, odd[2] or b""
    target, _, version = line.rpartition(b" ")
    if b" " in target and _VERSION.fullmatch(version):
        return version, None, b""
    raise MessageError(
        f"not an HTTP status line: {line[:80]!r}; the record does not hold an HTTP/1 message, "
        "read its block instead of its head"
    )


def parse_fields(fields: bytes) -> list[tuple[bytes, bytes]]:
    """Read field lines up to the first empty one; a line without a name says nothing."""
    headers = []
    for lines in _iter_field_lines(fields):
        name, colon, value = (b"".join(lines) if len(lines) > 1 else lines[0]).partition(b":")
        name = name.rstrip(b" \t")
        if colon and name:
            value = value.strip()
            headers.append((name, b" ".join(value.splitlines()) if b"\r" in value else value))
    return headers


def _iter_field_lines(fields: bytes) -> Iterator[list[bytes]]:
    """Yield the lines of each field, those into which it is folded with it."""
    lines: list[bytes] = []
    for line in fields.split(b"\n"):
        text = line.rstrip(b"\r")
        if not text:
            break
        if text[0] not in b" \t":
            if lines:
                yield lines
            lines = [text]
        elif lines:
            lines.append(text)
    if lines:
        yield lines


def load_fields(head: bytes) -> dict[bytes, bytes]:
    """The first value of each field of a head, by its name in lower case, whatever the first line is."""
    return {name.lower(): value for name, value in reversed(parse_fields(head.partition(b"\n")[2]))}


def dechunk(body: bytes) -> tuple[bytes, bool]:
    """Undo the chunked transfer coding.

    Returns:
        The bytes that could be read, and whether the framing was whole, trailer included.

    Spec: RFC 9112 §7.1.
    """
    # Not a list of chunks: each of a million tiny ones would take twenty times its size.
    payload = BytesIO()
    chunks = _iter_chunks(body)
    while True:
        try:
            payload.write(next(chunks))
        except StopIteration as end:
            return payload.getvalue(), end.value is not None and _has_trailer_end(body, end.value)


def _iter_chunks(body: bytes | memoryview) -> Generator[memoryview, None, int | None]:
    """Yield what each chunk holds; returns where the trailer section begins, if the last chunk is there."""
    view = memoryview(body)
    at = 0
    while line := CHUNK_LINE.match(body, at):
        size = int(line[1], 16)
        if size == 0:
            return line.end()
        start, at = line.end(), line.end() + size
        yield view[start:at]
        ending = EMPTY_LINE.match(body, at)
        if ending is None:
            return None
        at = ending.end()
    return None


def _has_trailer_end(body: bytes | memoryview, at: int) -> bool:
    """Whether an empty line closes the trailer section that starts at `at`."""
    return EMPTY_LINE.match(body, at) is not None or HEAD_END.search(body, at) is not None


def find_payload(raw_message: bytes) -> bytes:
    """The entity-body: transfer coding removed, content coding kept, no longer than Content-Length.

    A body that is announced as chunked but has no chunk at all is taken as it stands: other archives
    remove the framing and leave the announcement.

    Spec: WARC/1.1 §6.3.2; RFC 2616 §7.2.
    """
    head, body = split_head(raw_message)
    return cut_payload(parse_fields(head[:_MAX_HEAD_BYTES].partition(b"\n")[2]), body) if body else b""


def cut_payload(headers: list[tuple[bytes, bytes]], body: bytes) -> bytes:
    """The payload of a body as framed, by what the head's fields say of the framing."""
    return cut_by_framing(find_framing(headers), body)


def cut_by_framing(framing: Framing, body: bytes) -> bytes:
    """The same, where the framing is known."""
    payload = dechunk(body)[0] if framing.is_chunked and is_in_chunks(body) else body[: framing.size]
    return _undo_transfer_codings(payload, framing.codings) if framing.codings else payload


def iter_payload(framing: Framing, body: memoryview) -> Iterator[memoryview]:
    """The same in parts, none of which is a copy."""
    if not _TRANSFER_CODINGS.isdisjoint(framing.codings):
        yield memoryview(cut_by_framing(framing, bytes(body)))
    elif framing.is_chunked and is_in_chunks(body):
        yield from _iter_chunks(body)
    else:
        yield body[: framing.size]


@dataclass(frozen=True, slots=True)
class Framing:
    """What the fields of a head say of where its body ends.

    Attributes:
        is_chunked: the body comes in chunks.
        size: otherwise its bytes; None if it ends with the connection.
        codings: the transfer codings other than `identity`, in lower case, `chunked` included.
        lengths: every Content-Length, as sent.
    """

    is_chunked: bool
    size: int | None
    codings: tuple[bytes, ...] = ()
    lengths: tuple[bytes, ...] = ()


def find_framing(headers: list[tuple[bytes, bytes]]) -> Framing:
    """Return how a body is framed, read as browsers do: a coding that is not `chunked` does not frame.

    Spec: RFC 9112 §6.3.
    """
    codings: list[bytes] = []
    lengths: list[bytes] = []
    for name, value in headers:
        key = name.lower()
        if key == b"transfer-encoding":
            codings += (coding.strip() for coding in value.lower().split(b","))
        elif key == b"content-length":
            lengths += (length.strip() for length in value.split(b","))
    codings = [coding for coding in codings if coding not in {b"", b"identity"}]
    # Whatever stands behind or beside it: a folded line, the word once more, another coding.
    if any(coding.split(None, 1)[0] == b"chunked" for coding in codings):
        return Framing(True, None, tuple(codings), tuple(lengths))
    sizes = [int(length) for length in lengths if _LENGTH.fullmatch(length)]
    # curl takes the last of several, Chromium none.
    return Framing(False, sizes[-1] if sizes else None, tuple(codings), tuple(lengths))


def _undo_transfer_codings(payload: bytes, codings: tuple[bytes, ...]) -> bytes:
    """Undo what was done to a body for its way besides chunking; what cannot be undone stays as it is."""
    names = [coding.decode("ascii") for coding in codings if coding in _TRANSFER_CODINGS]
    try:
        return decode_content(payload, names, max_bytes=_MAX_TRANSFER_BYTES)
    except RecordError:
        return payload


def is_in_chunks(body: bytes | memoryview) -> bool:
    """Whether a body that is announced as chunked is: other archives remove the framing and leave the word.

    Text around the size is not a sign of a chunk, since a style sheet may begin with `a {`; the last chunk is.
    """
    return _PLAIN_CHUNK_LINE.match(body) is not None or has_last_chunk(body)


def has_last_chunk(body: bytes | memoryview) -> bool:
    """Whether a body is chunks to the last; wget leaves out the empty line behind the trailer."""
    chunks = _iter_chunks(body)
    try:
        while True:
            next(chunks)
    except StopIteration as end:
        return end.value is not None


def find_mime(content_type: str | None) -> str:
    """A media type without parameters, in lower case; `unk` if there is none."""
    mime = (content_type or "").partition(";")[0].strip().lower()
    return mime.replace(" ", "") or "unk"


def find_kind(block: bytes) -> tuple[str, int | None]:
    """The media type and the status an HTTP response states; `unk` and None if it states none."""
    try:
        head = parse_head(split_head(block)[0])
    except RecordError:
        return "unk", None
    return find_mime((head.get(b"Content-Type") or b"").decode("latin-1")), head.status


def has_chunks(head: Head) -> bool:
    """Whether a message announces that its body is framed as chunks.

    Spec: RFC 9112 §6.1.
    """
    return find_framing(head.headers).is_chunked
