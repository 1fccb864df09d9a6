"""Tests that statements and posts are read back as written, including those of earlier versions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from pipelines.dates.model import Precision
from pipelines.page.document import CaptureRef
from pipelines.posts.items import (
    Doubt,
    Evidence,
    Origin,
    Post,
    Statement,
    dump_post,
    dump_statement,
    load_post,
    load_statement,
)

NOON = datetime(2026, 3, 4, 12, 0, 0, 5, tzinfo=UTC)
CAPTURE = CaptureRef(record_id="<urn:uuid:1>", captured_at=NOON, payload_digest="sha1:A", file="a.warc.gz", offset=7)
SAID = {
    "source": "news",
    "identifier": "1",
    "origin": Origin.ARTICLE,
    "headline": "Tide \U0001f30a",
    "datePublished": datetime(1926, 3, 4, 12, 0, tzinfo=timezone(timedelta(hours=8))),
    "datePublished_precision": Precision.MINUTE,
    "keywords": ["sea", ""],
}
EVIDENCE = Evidence(origin=Origin.FEED, captured_at=NOON, record_id="<urn:uuid:2>", disagreeing=("h1: Ebb",))


def build_statement() -> Statement:
    said = {"agreeing": {"headline": 2}, "disagreeing": {"headline": ["h1: Ebb"]}, "is_cut": True}
    return Statement(**SAID, **said, capture=CAPTURE, is_normalised=True)  # type: ignore[arg-type]


def build_post() -> Post:
    doubts = [Doubt(record_id="<urn:uuid:3>", captured_at=NOON, reason="unlike")]
    return Post(**SAID, capture=CAPTURE, evidence={"headline": EVIDENCE}, doubts=doubts)  # type: ignore[arg-type]


def test_what_is_read_is_what_was_written() -> None:
    assert load_statement(dump_statement(build_statement()), CAPTURE) == build_statement()
    assert load_post(dump_post(build_post())) == build_post()


@pytest.mark.parametrize(
    ("field", "old", "value"),
    [
        ("datePublished", "1926-03-04T12:00:00+08:05:43", datetime.fromisoformat("1926-03-04T12:00:00+08:05:43")),
        ("headline", "\\ud83c", "\ud83c"),
    ],
)
def test_what_earlier_versions_wrote_is_read(field: str, old: str, value: object) -> None:
    statement, post = build_statement(), build_post()
    said, posted = dump_statement(statement), dump_post(post)
    for item in (statement, post):
        setattr(item, field, value)
    now = {"datePublished": "1926-03-04T12:00:00+08:00", "headline": SAID["headline"]}[field]
    assert load_statement(said.replace(str(now), old), CAPTURE) == statement
    assert load_post(posted.replace(str(now), old)) == post
