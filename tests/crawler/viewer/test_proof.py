"""Each check of a record says whether its bytes are as they were written, or that nothing can be said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from archives.index.sidecars import build_sidecar
from archives.storage.collection import Collection
from archives.warc.digests import build_digest
from crawler.viewer.proof import check_record
from tests.archives.warc.mutants import build_record

if TYPE_CHECKING:
    from pathlib import Path

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
BODY = b"4\r\n<p>a\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("label", "holds"),
    [
        (build_digest(b"<p>a"), True),
        (build_digest(BODY), True),
        (build_digest(b"<p>b"), False),
        (build_digest(b""), None),
        ("crc9:0", None),
    ],
)
@pytest.mark.parametrize("held", [1, 1000])
def test_a_payload_digest_may_be_of_other_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: int, label: str, *, holds: bool | None
) -> None:
    monkeypatch.setattr("archives.warc.parser.HELD_BYTES", held)
    collection = Collection.open(tmp_path, "news", create=True)
    record = build_record("http://a.example/", b"", number=1, fields=f"WARC-Payload-Digest: {label}\r\n")
    header = record[: record.index(b"WARC-Block-Digest")]
    block = CHUNKED + BODY
    length = b"Content-Type: application/http\r\nContent-Length: %d\r\n\r\n" % len(block)
    path = collection.archive_dir / "a.warc"
    path.write_bytes(header + length + block + b"\r\n\r\n")
    (entry,) = build_sidecar(path)
    checks = {check.what: check.holds for check in check_record(collection, entry)}
    assert checks == {"record id": True, "block digest": None, "payload digest": holds}
