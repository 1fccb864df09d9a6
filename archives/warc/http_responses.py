"""The final response of an exchange, parsed once for all uses in the archive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from archives.errors import RecordError
from archives.warc.digests import build_parts_digest
from archives.warc.messages import (
    Head,
    find_framing,
    find_head_size,
    find_mime,
    iter_payload,
    parse_head,
    split_interim,
)

_NO_HEAD: Final = Head(b"", None, b"", [])
# What such bytes begin is compressed already, and deflating it again takes time and saves nothing.
_DENSE: Final = (b"\x1f\x8b\x08", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"PK\x03\x04", b"wOF2", b"\x28\xb5\x2f\xfd")
_DENSE_BYTES: Final = max(map(len, _DENSE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back, taken apart.

    Attributes:
        interim: the 1xx messages before the final one.
        block: the final message, to the byte.
        head_size: bytes of `block` up to its body.
        head: without fields where the block does not begin with a status line.
        payload_digest: of the body, transfer coding removed, content coding kept; it is not itself held here, since it
            is most of `block` once more.
        is_dense: the payload is compressed already.
        is_chunked: the body is framed as chunks.
    """

    interim: bytes
    block: bytes
    head_size: int
    head: Head
    payload_digest: str
    has_payload: bool
    is_dense: bool
    is_chunked: bool

    @property
    def mime(self) -> str:
        """The media type, `unk` if it states none."""
        return find_mime((self.head.get(b"Content-Type") or b"").decode("latin-1"))


def build_answer(raw_response: bytes, algorithm: str = "sha1") -> Answer:
    """Take apart what came back; of a connection that ended after interim messages, these are the answer.

    Args:
        algorithm: of the payload digest.

    Spec: WARC/1.1 §6.3.2.
    """
    interim, block = split_interim(raw_response)
    if interim and not block:
        interim, block = b"", interim
    head_size = find_head_size(block)
    head = load_head(block[:head_size])
    body = memoryview(block)[head_size:]
    framing = find_framing(head.headers)
    first = next(filter(len, iter_payload(framing, body)), memoryview(b""))
    return Answer(
        interim=interim,
        block=block,
        head_size=head_size,
        head=head,
        payload_digest=build_parts_digest(iter_payload(framing, body), algorithm),
        has_payload=len(first) > 0,
        is_dense=bytes(first[:_DENSE_BYTES]).startswith(_DENSE),
        is_chunked=framing.is_chunked,
    )


def load_head(message: bytes) -> Head:
    """The head of a message; without fields where the message has none that can be read."""
    try:
        return parse_head(message)
    except RecordError:
        return _NO_HEAD
