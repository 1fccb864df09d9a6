"""schema.org NewsArticle as JSON-LD.

Spec: schema.org, NewsArticle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.exports.documents.lines import drop_empty
from pipelines.exports.documents.ninjs import build_uri
from pipelines.exports.sites.markdown import dump_iso
from pipelines.exports.sites.site import find_link

if TYPE_CHECKING:
    from pipelines.exports.records import PostRecord


def build_newsarticle(record: PostRecord) -> dict[str, Any]:
    """Return a post as a JSON-LD object; one that has gone is `Obsolete` or, if removed, `Deleted`."""
    link = find_link(record)
    return drop_empty(
        {
            "@context": "https://schema.org",
            "@type": "NewsArticle",
            "@id": build_uri(record),
            "identifier": record.identifier,
            "url": link,
            "mainEntityOfPage": link,
            "headline": record.headline,
            "datePublished": dump_iso(record.datePublished, record.datePublished_precision),
            "dateModified": dump_iso(record.dateModified, record.dateModified_precision),
            "articleSection": list(record.articleSection),
            "keywords": list(record.keywords),
            "articleBody": record.text,
            "author": [{"@type": "Person", "name": name} for name in record.author],
            "publisher": {"@type": "NewsMediaOrganization", "name": record.publisher} if record.publisher else {},
            "inLanguage": record.inLanguage,
            "version": str(record.change.version) if record.change else "",
            "creativeWorkStatus": "Deleted" if record.is_removed else "Obsolete" if record.is_gone else "",
        }
    )
