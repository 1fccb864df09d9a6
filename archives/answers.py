"""The final response of an exchange, read once for everything the archive wants of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from archives.digests import build_digest
from archives.errors import RecordError
from archives.messages import Head, cut_payload, find_mime, has_chunks, parse_head, split_head, split_interim

_NO_HEAD: Final = Head(b"", None, b"", [])
# What such bytes begin is compressed already, and deflating it again takes time and saves nothing.
_DENSE: Final = (b"\x1f\x8b\x08", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"PK\x03\x04", b"wOF2", b"\x28\xb5\x2f\xfd")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back, taken apart.

    Attributes:
        interim: the 1xx messages before the final one.
        block: the final message, to the byte.
        head_size: bytes of `block` up to its body.
        head: without fields where the block does not begin with a status line.
        payload: transfer coding removed, content coding kept.
    """

    interim: bytes
    block: bytes
    head_size: int
    head: Head
    payload: bytes
    payload_digest: str

    @property
    def mime(self) -> str:
        """The media type, `unk` if it states none."""
        return find_mime((self.head.get(b"Content-Type") or b"").decode("latin-1"))

    @property
    def is_chunked(self) -> bool:
        """Whether the body is framed as chunks."""
        return has_chunks(self.head)

    @property
    def is_dense(self) -> bool:
        """Whether the payload is compressed already."""
        return self.payload.startswith(_DENSE)


def build_answer(raw_response: bytes) -> Answer:
    """Take apart what came back; of a connection that ended after interim messages, these are the answer.

    Spec: WARC/1.1 §6.3.2.
    """
    interim, block = split_interim(raw_response)
    if interim and not block:
        interim, block = b"", interim
    raw_head, body = split_head(block)
    head = load_head(raw_head)
    payload = cut_payload(head.headers, body)
    return Answer(
        interim=interim,
        block=block,
        head_size=len(raw_head),
        head=head,
        payload=payload,
        payload_digest=build_digest(payload),
    )


def load_head(message: bytes) -> Head:
    """The head of a message; without fields where the message has none that can be read."""
    try:
        return parse_head(split_head(message)[0])
    except RecordError:
        return _NO_HEAD
