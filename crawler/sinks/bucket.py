"""Parquet files in object storage, in hive partitions by month, with a manifest that names those that belong together.

A file's name holds its digest, so nothing is overwritten and a month that has not changed is not sent again. The
manifest is written when all files are there, and only then are the files of the export before it deleted: a reader of
the manifest always finds a whole export. It is beside the folder, because polars does not read a folder that
contains other files.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from archives.storage.files import hash_file
from archives.storage.schemes import Blob, open_bucket, parse_address
from pipelines.exports.documents.lines import dump
from pipelines.exports.files import open_scratch
from pipelines.exports.records import SCHEMA
from pipelines.exports.tables.parquet import count_rows, export_parquet, list_files

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from archives.storage.schemes import Bucket
    from pipelines.exports.records import PostRecord

MANIFEST = ".manifest.json"
_FORMER_MANIFEST = "_manifest.json"  # in the folder, written by earlier versions


def export_to_bucket(records: Iterable[PostRecord], url: str) -> int:
    """Write posts below an address such as `s3://BUCKET/PREFIX`; return how many they are.

    Raises:
        archives.errors.StoreError: the storage cannot be used.
        pipelines.exports.files.ExportError: pyarrow is not installed.
        pipelines.exports.records.RecordRefused: a post holds what no format can.
    """
    address = parse_address(url)
    bucket, prefix = open_bucket(address.scheme, address.bucket), address.key.strip("/")
    with open_scratch() as scratch:
        count = export_parquet(records, scratch / "parquet")
        before = _list_files(bucket, prefix)
        files = [_put(bucket, prefix, path) for path in list_files(scratch / "parquet")]
        manifest = scratch / "manifest.json"
        described = {"schema": SCHEMA, "format": "parquet", "posts": count, "files": files}
        manifest.write_text(dump(described) + "\n", "utf-8")
        bucket.write_file(prefix + MANIFEST, manifest)
    kept = {file["path"] for file in files}
    for path in sorted(before - kept):
        bucket.delete_file(_join(prefix, path))
    return count


def _put(bucket: Bucket, prefix: str, path: Path) -> dict[str, Any]:
    blob = Blob(size=path.stat().st_size, sha256=hash_file(path))
    name = f"{path.parent.name}/part-{blob.sha256[:16]}.parquet"
    bucket.put_file(_join(prefix, name), path)
    return {"path": name, "rows": count_rows([path]), "bytes": blob.size, "sha256": blob.sha256}


def _list_files(bucket: Bucket, prefix: str) -> set[str]:
    """Return the files of the export that is there."""
    former = _join(prefix, _FORMER_MANIFEST)
    for key, others in ((prefix + MANIFEST, ()), (former, (_FORMER_MANIFEST,))):
        if found := bucket.find(key):
            manifest = json.loads(bucket.get_range(key, 0, found.size))
            return {*(file["path"] for file in manifest["files"]), *others}
    return set()


def _join(prefix: str, name: str) -> str:
    return f"{prefix}/{name}" if prefix else name
