"""Bytes are read in parts: exactly those that were requested."""

from __future__ import annotations

import hashlib
import io

import pytest

from archives.storage import copying
from archives.storage.copying import copy_parts, hash_parts, iter_range

DATA = bytes(range(100))


@pytest.mark.parametrize(("offset", "size"), [(0, None), (10, None), (0, 0), (10, 5), (10, 7), (95, 50), (200, 5)])
def test_a_range_is_read_in_parts_wherever_the_stream_stands(
    monkeypatch: pytest.MonkeyPatch, offset: int, size: int | None
) -> None:
    monkeypatch.setattr(copying, "_PART_BYTES", 7)
    stream = io.BytesIO(DATA)
    parts = []
    for part in iter_range(stream, offset, size):
        parts.append(part)
        stream.seek(3)
    wanted = DATA[offset:] if size is None else DATA[offset : offset + size]
    assert b"".join(parts) == wanted
    assert max(map(len, parts), default=0) <= 7
    copy = io.BytesIO()
    sha256 = hashlib.sha256(wanted).hexdigest()
    assert (hash_parts(parts), copy_parts(parts, copy), copy.getvalue()) == (sha256, sha256, wanted)
