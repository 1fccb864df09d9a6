"""Faults and true edits, over thirty papers: whatever makes a wrong post is reported, and hardly anything else is."""

from __future__ import annotations

import html
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from crawler.monitoring.health import Limits, examine
from crawler.monitoring.logbook import RunRecord, RunState
from crawler.sources import Source, load_source
from pipelines.page.document import CaptureRef, Document
from pipelines.posts.alike import AlikeFields
from pipelines.posts.items import Post, Statement
from pipelines.posts.normalise import normalise
from pipelines.posts.settle import FIELDS, PostRefused, settle
from pipelines.reading.read import read
from tests.campaign.papers import CAPTURED, EDITS, FAULTS, PAPERS, Article, Change, Paper, render

pytestmark = pytest.mark.long

LEAST_DETECTED, MOST_FALSE = 0.95, 0.01


@dataclass(frozen=True)
class Run:
    """What a run over a paper made: counts as its manifest has them, and the articles whose posts are wrong."""

    counts: dict[str, int]
    wrong: list[str]


@cache
def load(paper: Paper) -> Source:
    return load_source(paper.write_rules(), path="paper.toml")


def state(paper: Paper, article: Article, text: str, day: int, counts: Counter[str]) -> list[Statement]:
    at = CAPTURED + timedelta(days=day)
    ref = CaptureRef(record_id=f"<{article.number}.{day}>", captured_at=at, payload_digest="", file="", offset=0)
    document = Document(body=text.encode(), url=article.url, content_type=b"text/html; charset=utf-8",
                        captured_at=at, capture=ref)  # fmt: skip
    reading = read(document, load(paper))
    counts.update(reading.notes)
    return [normalise(statement, load(paper).post) for statement in reading.statements]


@cache
def read_first(paper: Paper) -> tuple[tuple[tuple[Statement, ...], ...], Run]:
    counts: Counter[str] = Counter()
    stated = tuple(tuple(state(paper, one, render(one, paper.site), 0, counts)) for one in paper.list_articles())
    run = judge(paper, stated, stated, render, counts)
    assert run.wrong == [], "the papers are read as they are meant before anything happens to them"
    return stated, run


def play(paper: Paper, change: Change) -> tuple[Run, Run]:
    """Crawl a paper after a change: a second time, and for the first time."""
    first, _ = read_first(paper)
    counts: Counter[str] = Counter()
    latest = [state(paper, one, change(one, paper.site), 1, counts) for one in paper.list_articles()]
    second = judge(paper, first, latest, change, counts.copy())
    return second, judge(paper, [()] * len(latest), latest, change, counts.copy())


def judge(paper: Paper, first: object, latest: object, change: Change, counts: Counter[str]) -> Run:
    alike, wrong, options = AlikeFields(), [], load(paper).post
    for article, before, now in zip(paper.list_articles(), first, latest, strict=True):  # type: ignore[call-overload]
        for statement in now:
            alike.add(statement)
            counts["parts/article"] += 1
            counts[f"templates/{statement.template}"] += 1
            counts.update(f"fields/article/{name}" for name in FIELDS if getattr(statement, name))
        if not (*before, *now):
            continue
        try:
            post = settle([*before, *now], options)
        except PostRefused as refusal:
            counts[f"posts/dropped/{refusal.reason}"] += 1
            continue
        counts.update(f"doubts/{doubt.reason}" for doubt in post.doubts)
        if is_wrong(post, article, change):
            wrong.append(post.headline)
    counts.update({f"same/{name}": count for name, count in alike.count_constant().items()})
    return Run(dict(counts), wrong)


def is_wrong(post: Post, article: Article, change: Change) -> bool:
    """Return whether a post says what its article does not."""
    titles = {article.title, f"{article.title} (2)"}
    has_body = all(text[:20] in post.articleBody for text in article.body[:4])
    is_doubled = post.articleBody.count(html.escape(article.body[0], quote=False)) > 1 and change not in EDITS.values()
    is_dated = post.datePublished is not None and post.datePublished.date() == article.at.date()
    foreign = ("cookies" in post.articleBody, "Subscribe" in post.articleBody)
    return post.headline not in titles or not has_body or is_doubled or not is_dated or any(foreign)


def list_alerts(paper: Paper, run: Run, *, is_first: bool) -> list[str]:
    """What `scrapy health` says after the run."""
    began = datetime(2026, 3, 20, tzinfo=UTC)
    records = [
        RunRecord(run=f"r{day}", collection="paper", source="paper", spider="category", state=RunState.ENDED,
                  began_at=began + timedelta(days=day), ended_at=began + timedelta(days=day, hours=1),
                  exit_reason="finished", bytes_archived=1, counts={"pages/article": 5, **counts})
        for day, counts in ((1, run.counts), (0, read_first(paper)[1].counts))[: 1 if is_first else 2]
    ]  # fmt: skip
    return [alert.message for alert in examine(records, now=began + timedelta(days=2), limits=Limits()).alerts]


@pytest.fixture(scope="module")
def table() -> dict[str, tuple[int, int, int]]:
    """Change to runs that made a wrong post, those of them that were reported, and runs reported that made none."""
    found = {}
    for name, change in (FAULTS | EDITS).items():
        wrong = told = cried = 0
        for paper in PAPERS:
            for is_first, run in zip((False, True), play(paper, change), strict=True):
                alerts = list_alerts(paper, run, is_first=is_first)
                wrong += bool(run.wrong)
                told += bool(run.wrong and alerts)
                cried += bool(alerts and name in EDITS)
        found[name] = (wrong, told, cried)
    return found


def test_runs_that_make_wrong_posts_are_reported(table: dict[str, tuple[int, int, int]]) -> None:
    wrong, told = (sum(row[column] for row in table.values()) for column in (0, 1))
    assert told >= LEAST_DETECTED * wrong, table


def test_true_edits_make_no_wrong_post_and_are_not_reported(table: dict[str, tuple[int, int, int]]) -> None:
    assert len(PAPERS) == 30
    assert all(table[name][0] == 0 for name in EDITS), table
    assert sum(table[name][2] for name in EDITS) <= MOST_FALSE * 2 * len(PAPERS) * len(EDITS), table


def test_what_stands_in_an_articles_place_changes_no_post(table: dict[str, tuple[int, int, int]]) -> None:
    place = [name for name in FAULTS if name.startswith("shield") or name in ("missing page", "log-in", "stub",
             "maintenance", "script shell", "one other text for all")]  # fmt: skip
    assert {name: table[name][0] for name in place} == dict.fromkeys(place, 0)
