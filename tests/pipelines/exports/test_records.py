"""Tests of export records: the content hash of a post must never change."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.dates.model import Precision
from pipelines.exports.records import hash_content
from pipelines.posts.items import Post


@given(st.text(st.characters(codec=None)))
@example('\x00\x1f\x7f\u2028"\\/<\U0001f600')
@example("\ud800")
def test_a_digest_is_that_of_json_as_the_standard_library_writes_it(text: str) -> None:
    post = Post(
        source="news",
        identifier="1",
        headline=text,
        articleBody=text,
        keywords=[text, "sea"],
        datePublished=datetime(2026, 3, 4, 12, tzinfo=timezone(timedelta(hours=8))),
        datePublished_precision=Precision.MINUTE,
    )
    dates = [[datetime(2026, 3, 4, 4, tzinfo=UTC).isoformat(), "minute"], ["", ""]]
    seen = ["news", "1", "", text, dates, [], [text, "sea"], text, [], "", "", ""]
    data = json.dumps(seen, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    assert hash_content(post) == "sha256:" + hashlib.sha256(data).hexdigest()
