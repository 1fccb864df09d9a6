"""Decodes content codings as a browser does, within limits."""

from __future__ import annotations

import importlib
import re
from typing import TYPE_CHECKING, Any, Final

from archives.errors import MessageError, RecordError
from archives.warc.decoding import BARE, GZIP, ZLIB, InflateError, build_inflater, inflate_part
from archives.warc.zstd_frames import MAGIC as ZSTD_MAGIC

if TYPE_CHECKING:
    from collections.abc import Callable

# Servers apply two at most; each may take as long as the largest content takes.
_MAX_CODINGS: Final = 5
_MOST_TRIED: Final = 64 * 1024 * 1024
_CODINGS: Final = frozenset(("gzip", "x-gzip", "deflate", "br", "zstd"))
# The beginnings of zlib streams that are not also text.
_ZLIB: Final = (b"\x78\x01", b"\x78\x9c", b"\x78\xda")
_GZIP: Final = b"\x1f\x8b"
_GZIP_OR_ZLIB: Final = (_GZIP, *_ZLIB)
_MAGIC: Final = {"gzip": _GZIP_OR_ZLIB, "x-gzip": _GZIP_OR_ZLIB, "zstd": (ZSTD_MAGIC,)}
_TRAILER_BYTES: Final = 8
_TEXT: Final = re.compile(rb"(?:\xef\xbb\xbf)?[\t\r\n\x20-\x7e\x80-\xff]{0,512}(?![\x00-\x08\x0e-\x1a\x1c-\x1f])")


class ContentTooLarge(MessageError):
    """A body whose content coding is undone grows past a limit."""


def decode_content(payload: bytes, codings: list[str], *, max_bytes: int) -> bytes:
    """Undo content codings, the last applied first, never holding more than `max_bytes` of any result.

    A stream that ends early gives what it held; the capture says whether it was truncated.

    Raises:
        MessageError: there are too many codings, one is unknown, or the bytes are not in it or grow past `max_bytes`.
        RecordError: the package of a coding is missing.

    Spec: RFC 9110 §8.4.
    """
    decoders: dict[str, Callable[[bytes, int], bytes]] = {
        "gzip": _decode_gzip,
        "x-gzip": _decode_gzip,
        "deflate": _decode_deflate,
        "br": _decode_brotli,
        "zstd": _decode_zstd,
    }
    if len(codings) > _MAX_CODINGS:
        raise MessageError(f"{len(codings)} content codings, and more than {_MAX_CODINGS} are not undone")
    for coding in reversed(codings):
        name = coding.strip().lower()
        if name in {"", "identity"}:
            continue
        if name not in decoders:
            raise MessageError(f"unknown content coding {coding!r}; read the payload as it was sent instead")
        payload = decoders[name](payload, max_bytes + 1)
        if len(payload) > max_bytes:
            raise ContentTooLarge(
                f"{name} content grows past {max_bytes} bytes; raise max_bytes if it is really that large"
            )
    return payload


def decode_body(payload: bytes, codings: list[str], *, max_bytes: int) -> bytes:
    """Undo content codings as a browser does, so that a crawl and a reader of the archive see the same body.

    A name that is not a coding (`utf-8`, `none`) is passed over, and a body that is plainly not coded is kept as it is.

    Raises:
        ContentTooLarge: a result grows past `max_bytes`.
        MessageError: there are too many codings, or the bytes are not in one of them.

    Spec: RFC 9110 §8.4; Fetch §2.2.6 (handle content codings).
    """
    known = _list_known(codings)
    if has_lost_coding(payload, known):
        return payload
    try:
        return decode_content(payload, known, max_bytes=max_bytes)
    except ContentTooLarge:
        raise
    except RecordError:
        # These two have no signature, so only the bytes show that they have been decoded already.
        if known[-1:] in (["br"], ["deflate"]) and _TEXT.match(payload):
            return payload
        raise


def is_decoded(payload: bytes, codings: list[str]) -> bool:
    """Whether a body that is announced as coded stands decoded, as other archives store it."""
    known = _list_known(codings)
    if has_lost_coding(payload, known):
        return True
    if known[-1:] not in (["br"], ["deflate"]) or not _TEXT.match(payload):
        return False
    try:
        decode_content(payload, known[-1:], max_bytes=_MOST_TRIED)
    except ContentTooLarge:
        return False
    except RecordError:
        return True
    return False


def _list_known(codings: list[str]) -> list[str]:
    names = [coding.strip().strip('"').lower() for coding in codings]
    return [name for name in names if name in _CODINGS]


def has_lost_coding(payload: bytes, codings: list[str]) -> bool:
    """Whether a body that is announced as coded plainly is not: other archives decode it and keep the head."""
    outer = _MAGIC.get(codings[-1].strip().lower(), (b"",)) if codings else (b"",)
    return not payload.startswith(outer)


def _decode_gzip(data: bytes, limit: int) -> bytes:
    """Every gzip member of `data`; bytes after the last whole member that are not gzip are padding.

    As in curl, a zlib stream is read, too, and a member whose checksum is wrong.
    """
    if data.startswith(_ZLIB):
        return _decode_deflate(data, limit)
    parts: list[bytes] = []
    size = 0
    while data and size < limit:
        inflater = build_inflater(GZIP)
        try:
            part = inflate_part(inflater, data, limit - size)
        except InflateError as error:
            if parts:
                break
            if not data.startswith(_GZIP):
                raise _build_coding_error("gzip", error) from error
            return _decode_without_checksum(data, limit)
        parts.append(part)
        size += len(part)
        data = inflater.unused_data
    return b"".join(parts)


def _decode_without_checksum(data: bytes, limit: int) -> bytes:
    """Inflate a member without the eight bytes at its end that hold checksum and length."""
    try:
        return inflate_part(build_inflater(GZIP), data[:-_TRAILER_BYTES], limit)
    except InflateError as error:
        raise _build_coding_error("gzip", error) from error


def _decode_deflate(data: bytes, limit: int) -> bytes:
    """`deflate` with its zlib wrapper, or bare as some servers send it."""
    try:
        return inflate_part(build_inflater(ZLIB), data, limit)
    except InflateError:
        try:
            return inflate_part(build_inflater(BARE), data, limit)
        except InflateError as error:
            raise _build_coding_error("deflate", error) from error


def _decode_brotli(data: bytes, limit: int) -> bytes:
    """The stream that `data` begins with; the decoder refuses all of it where other bytes follow."""
    brotli = _load_decoder("br", ("brotli",), "brotli>=1.2")
    try:
        return _read_brotli(brotli, data, limit)[0]
    except brotli.error as error:
        reason = error
    shortest, longest = 0, len(data)
    while shortest < longest:
        size = (shortest + longest) // 2
        try:
            result, is_whole = _read_brotli(brotli, data[:size], limit)
        except brotli.error:
            longest = size
            continue
        if is_whole or len(result) >= limit:
            return result
        shortest = size + 1
    raise _build_coding_error("br", reason) from reason


def _read_brotli(brotli: Any, data: bytes, limit: int) -> tuple[bytes, bool]:
    """What `data` holds, up to a limit, and whether the stream ends in it."""
    decoder = brotli.Decompressor()
    result = bytearray()
    while len(result) < limit:
        part = decoder.process(data, output_buffer_limit=limit - len(result))
        data = b""
        if not part:
            break
        result += part
    return bytes(result), decoder.is_finished()


def _decode_zstd(data: bytes, limit: int) -> bytes:
    """Every frame of `data`; bytes after the first whole frame that are none are padding, as in curl and Chromium."""
    zstd = _load_decoder("zstd", ("compression.zstd", "backports.zstd"), "backports.zstd")
    result = b""
    try:
        while data and len(result) < limit:
            decoder = zstd.ZstdDecompressor()
            result += decoder.decompress(data, limit - len(result))
            data = decoder.unused_data if decoder.eof else b""
    except zstd.ZstdError as error:
        if result:
            return result
        raise _build_coding_error("zstd", error) from error
    return result


def _load_decoder(coding: str, modules: tuple[str, ...], package: str) -> Any:
    for module in modules:
        try:
            return importlib.import_module(module)
        except ImportError:
            continue
    raise RecordError(f'content coding {coding!r} needs a package that is missing; install "{package}"')


def _build_coding_error(coding: str, error: Exception) -> MessageError:
    return MessageError(f"payload is not {coding} ({error}); read it as it was sent instead")
