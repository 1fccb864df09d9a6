"""Posts to hand over: plain ones, and such as break what is careless."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pipelines.dates.model import Precision
from pipelines.exports.records import PostRecord, build_record
from pipelines.exports.store import PostStore
from pipelines.markup.sanitise import normalise_body
from pipelines.page.document import CaptureRef
from pipelines.posts.items import Origin, Post, Statement
from pipelines.posts.ledger import Ledger
from pipelines.posts.options import PostOptions
from pipelines.posts.post_files import build_file_name
from pipelines.posts.post_folder import PostFolder
from pipelines.posts.settle import settle
from tests.pipelines.exports.hostile_texts import WORST

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SHANGHAI = ZoneInfo("Asia/Shanghai")
OPTIONS = PostOptions(zone=SHANGHAI, language="zh")
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def build_statement(number: int = 1, **values: object) -> Statement:
    """What a separate capture states of a post, normalised."""
    identifier = f"NW2026030412{number:06d}"
    capture = CaptureRef(
        record_id=f"<urn:uuid:00000000-0000-4000-8000-{number:012d}>",
        captured_at=NOON + timedelta(seconds=number, microseconds=17),
        payload_digest="sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ",
        file="news-20260304120000-00000-abc123.warc.gz",
        offset=1000 * number,
    )
    statement = Statement(
        source="news",
        identifier=identifier,
        url=f"http://news.example/{identifier}.html",
        origin=Origin.ARTICLE,
        headline=f"潮汐 {number}",
        datePublished=(NOON + timedelta(days=number % 70)).astimezone(SHANGHAI),
        datePublished_precision=Precision.SECOND,
        articleSection=["港湾瞭望"],
        keywords=["灯塔", "sea"],
        articleBody=f"<p>人工智能看第 {number} 次潮汐。</p>",
        inLanguage="zh",
        capture=capture,
        is_normalised=True,
    )
    return replace(statement, **values)  # type: ignore[arg-type]


def build_post(number: int = 1, **values: object) -> Post:
    """The post that it makes."""
    return settle([build_statement(number, **values)], OPTIONS)


def build_sample(number: int = 1, **values: object) -> PostRecord:
    """Its record."""
    post = build_post(number, **values)
    return build_record(post, OPTIONS, collection="news", file=build_file_name(post, OPTIONS))


HOSTILE_BODY = (
    "<p>{{ site.secret_value }} {% include x %} {{< figure src=x >}} {{% bad %}}</p>"
    "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    '<p onclick="document.title=1">{:.cls onclick="x"}</p><a href="javascript:document.title=1">x</a>'
    "<p>---</p><p>layout: none</p>"
)


def build_hostile_statement(number: int, text: str) -> Statement:
    """What a capture states whose every text is hostile, as the stages would let it through."""
    line = " ".join(text.split())
    body = normalise_body(f"{HOSTILE_BODY}<p>{line}</p>", base_url="http://news.example/")
    return build_statement(number, headline=line, articleSection=[line], keywords=[line, "sea"], articleBody=body)


def build_hostile(texts: Iterable[str] = WORST) -> list[PostRecord]:
    """Posts of hostile texts: of the worst, where each post costs a browser or a reader of all files."""
    posts = [settle([build_hostile_statement(number, text)], OPTIONS) for number, text in enumerate(texts, start=100)]
    return [build_record(post, OPTIONS, collection="news", file=build_file_name(post, OPTIONS)) for post in posts]


def fill_collection(folder: Path, statements: list[Statement]) -> PostStore:
    """A ledger and post files, as a run would have left them."""
    ledger = Ledger(folder / "ledger.sqlite")
    posts = PostFolder(folder / "_posts", ledger, lambda _: OPTIONS)
    for statement in statements:
        ledger.add(statement)
        posts.write([statement.key])
    ledger.close()
    return PostStore(folder / "ledger.sqlite", "news", lambda _: OPTIONS)
