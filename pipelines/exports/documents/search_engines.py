"""Documents for search engines: bulk requests for OpenSearch and Elasticsearch, documents for Meilisearch.

What is keyed by names that nobody knows beforehand (evidence, doubts) is left out: each name would become a field of
the index.

Spec: OpenSearch bulk API; Meilisearch, document primary keys.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from pipelines.exports.records import build_object

if TYPE_CHECKING:
    from pipelines.exports.records import PostRecord

INDEX = "posts"
_MAX_ID_BYTES = 512
LEFT_OUT = ("evidence", "doubts")


def build_bulk(record: PostRecord) -> list[dict[str, Any]]:
    """Return the lines of a bulk request for one post: an action, and a document unless the post was removed."""
    name = record.unique_id if len(record.unique_id.encode()) <= _MAX_ID_BYTES else digest_id(record)
    where = {"_index": INDEX, "_id": name}
    if record.is_removed:
        return [{"delete": where}]
    return [{"index": where}, _build_document(record)]


def build_meilisearch(record: PostRecord) -> list[dict[str, Any]]:
    """Return one document with the primary key `key`; of a removed post little more than that it is."""
    if record.is_removed:
        return [{"key": digest_id(record), "id": record.id, "isWithdrawn": True}]
    return [{"key": digest_id(record), "isWithdrawn": False} | _build_document(record)]


def digest_id(record: PostRecord) -> str:
    """Return an id of hexadecimal digits alone, which every engine takes."""
    return hashlib.sha256(record.unique_id.encode()).hexdigest()[:32]


def _build_document(record: PostRecord) -> dict[str, Any]:
    return {name: value for name, value in build_object(record).items() if name not in LEFT_OUT}
