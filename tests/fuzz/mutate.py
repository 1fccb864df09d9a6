"""Makes bad inputs of good ones: bytes flipped, cut, doubled, taken from elsewhere, and words that readers trip over."""
# ruff: noqa: E501 (words in a block)

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

MAX_BYTES = 1 << 16

_WORDS = (
    b"\0", b"\xff", b"\x1f\x8b\x08", b"\r\n", b"\n\n", b"\r\n\r\n", b"-1", b"0", b"4294967296", b"9" * 40, b"1e999", b"NaN",
    b"\xef\xbb\xbf", b"\xff\xfe", b"\xed\xa0\x80", b"\\ud800", b"&#0;", b"&#x110000;", b"&lt;", b"<!--", b"-->", b"<![CDATA[",
    b"<script>", b"</p>", b"<svg>", b"<math>", b"<template>", b"<table>", b"<a href='javascript:x'>", b"{{", b"{%", b"{:",
    b'"', b"'", b"[", b"]" * 30, b"[" * 300, b"{" * 300, b"(" * 50, b"WARC/1.1\r\n", b"Content-Length: 99\r\n", b"chunked",
    b"../", b"%2e%2e/", b"C:\\", b"url(", b"@import '", b"/*", b"\\", b"\xe2\x80\xa8", "年月日".encode(), b"2026-13-45",
    b"0000-00-00", b"99999-01-01", b"a" * 3000, b" " * 3000, b"1" * 3000, b"\t", b"---\n", b"! !", b"http://[::1",
)  # fmt: skip


def mutate(seeds: Sequence[bytes], chance: random.Random, *, others: Sequence[bytes] = ()) -> bytes:
    """Return one of the seeds after a few mutations, with pieces of the others, or of the seeds."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.choice((1, 1, 2, 3, 5, 8))):
        chance.choice(_STEPS)(data, others or seeds, chance)
    return bytes(data[:MAX_BYTES])


Step = Callable[[bytearray, Sequence[bytes], random.Random], None]


def _flip(data: bytearray, seeds: Sequence[bytes], chance: random.Random) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _insert_word(data: bytearray, seeds: Sequence[bytes], chance: random.Random) -> None:
    at = chance.randrange(len(data) + 1)
    data[at:at] = chance.choice(_WORDS)


def _replace_word(data: bytearray, seeds: Sequence[bytes], chance: random.Random) -> None:
    at = chance.randrange(len(data) + 1)
    data[at : at + chance.randrange(12)] = chance.choice(_WORDS)


def _cut(data: bytearray, seeds: Sequence[bytes], chance: random.Random) -> None:
    at = chance.randrange(len(data) + 1)
    del data[at : at + chance.randrange(1, 64)]


def _end(data: bytearray, seeds: Sequence[bytes], chance: random.Random) -> None:
    del data[chance.randrange(len(data) + 1) :]


def _repeat(data: bytearray, seeds: Sequence[bytes], chance: random.Random) -> None:
    at = chance.randrange(len(data) + 1)
    piece = bytes(data[at : at + chance.randrange(1, 40)])
    data[at:at] = piece * chance.choice((1, 2, 20, 500))


def _splice(data: bytearray, seeds: Sequence[bytes], chance: random.Random) -> None:
    other = chance.choice(seeds)
    start, at = chance.randrange(len(other) + 1), chance.randrange(len(data) + 1)
    data[at:at] = other[start : start + chance.randrange(1, 200)]


_STEPS: tuple[Step, ...] = (_flip, _flip, _insert_word, _insert_word, _replace_word, _cut, _end, _repeat, _splice)
