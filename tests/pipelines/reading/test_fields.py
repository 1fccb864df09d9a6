"""Rules, then Python, then the page's own words: which of them gives a field, and that a reparse agrees."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from crawler.sources import Source, SourceError, load_source
from pipelines.dates.model import Precision
from pipelines.markup.sanitise import BodyRefused
from pipelines.page.document import Document
from pipelines.page.page import Page
from pipelines.posts.items import Origin, Statement
from pipelines.posts.ledger import Ledger
from pipelines.posts.normalise import normalise
from pipelines.reading.fields import read_fields
from pipelines.rules.links import LinkKind
from tests.distributions import write_distribution
from tests.project import LOOPBACK, Data, hash_tree, run_scrapy
from tests.wire import WireServer, build_response

if TYPE_CHECKING:
    from pathlib import Path

CAPTURED_AT = datetime(2026, 3, 9, tzinfo=UTC)
URL = "http://paper.example/2026/03/08/1.html"
PROSE = "跨江大桥星期一正式通车，比原计划晚了两年，费用也比当初的预算增加了一倍。"
PAGE = f"""<html lang="zh"><head><title>大桥今日通车_某某网</title><meta name="keywords" content="大桥,通车">
<meta property="article:section" content="要闻"></head><body><h1>大桥今日通车</h1><b class="kicker">桥梁</b>
<p>2026-03-08 10:21 记者 李四</p><div class="text"><p>{PROSE}</p>
<p>{PROSE[::-1]}<span id="stock_1.600160">巨化</span></p></div></body></html>"""
HEAD = """
name = "paper"
timezone = "Asia/Shanghai"
scope = ["http://paper.example/"]
seeds = ["http://paper.example/"]
[links]
article = ['/(?P<id>\\d+)\\.html$']
text = ['/text/']
"""


def load(parser: str, *, path: str = "paper.toml") -> Source:
    return load_source(HEAD + parser, path=path)


def read(source: Source, text: str = PAGE, kind: LinkKind = LinkKind.ARTICLE) -> Statement:
    document = Document(body=text.encode(), url=URL, captured_at=CAPTURED_AT)
    return read_fields(document, Page(text, URL), kind, source)


def list_found(statement: Statement) -> dict[str, str]:
    """The witnesses of what was found; nothing is there without one."""
    assert bool(statement.articleBody_found) == ("articleBody" in statement.witnesses)
    return statement.witnesses


def test_rules_win_and_the_page_fills_what_they_leave() -> None:
    source = load('[[parser]]\nof = "article"\n[parser.fields]\nheadline = "b.kicker"\nkeywords = "ul.tags li"')
    statement = read(source)
    assert statement.headline_found == "桥梁"
    assert statement.keywords_found == ["大桥", "通车"]
    assert statement.witnesses["headline"] == "source: b.kicker"
    assert statement.witnesses["keywords"] == "meta:keywords"
    assert statement.witnesses["articleBody"] == "mainbody"
    assert statement.origin is Origin.ARTICLE
    assert statement.datePublished is not None
    assert statement.datePublished.isoformat() == "2026-03-08T10:21:00+08:00"
    assert statement.datePublished_precision is Precision.MINUTE
    assert PROSE in statement.articleBody_found
    assert statement.symbols == ["SH600160"]
    assert statement.author == ["李四"]


@pytest.mark.parametrize("stated", ["", "Thirty years of the &lt;br&gt; tag"])
def test_a_tag_in_a_heading_is_a_word(stated: str) -> None:
    said = f'<script type="application/ld+json">{{"@type":"NewsArticle","headline":"{stated}"}}</script>'
    text = PAGE.replace("大桥今日通车", "Thirty years of the &lt;br&gt; tag").replace("</head>", f"{said}</head>")
    statement = normalise(read(load(""), text), load("").post)
    assert statement.witnesses["headline"] == "h1"
    assert statement.headline == "Thirty years of the <br> tag"


def test_a_date_that_a_rule_found_is_left_to_the_pipelines() -> None:
    source = load('[[parser]]\nof = "article"\n[parser.fields]\ndatePublished = "regex:(2026-03-08) "')
    statement = read(source)
    assert (statement.datePublished, statement.datePublished_found) == (None, "2026-03-08")


def test_a_parser_may_keep_to_its_rules_alone() -> None:
    source = load('[[parser]]\nof = "article"\nfallback = false\n[parser.fields]\nheadline = "h1"\nkeywords = "ul"')
    assert list_found(read(source)) == {"headline": "source: h1"}


@pytest.mark.parametrize(
    ("text", "kind"), [('{"a": "<h1>x</h1>"}', LinkKind.ARTICLE), (PAGE, LinkKind.TEXT), (PAGE, LinkKind.LISTING)]
)
def test_only_pages_of_articles_are_filled(text: str, kind: LinkKind) -> None:
    assert list_found(read(load(""), text, kind)) == {}


def test_a_body_that_cannot_be_made_safe_costs_only_what_rests_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.markup.sanitise.MAX_CHARS", 20)
    statement = read(load('[[parser]]\nof = "article"\n[parser.fields]\nheadline = "h1"'))
    assert list_found(statement) == {"headline": "source: h1"}
    assert statement.refused == {"articleBody": "too_large"}
    with pytest.raises(BodyRefused):
        read(load(""))


# Python

READER = """
class Kicker:
    def find_fields(self, page):
        return {"headline": page.text.partition('kicker">')[2][:2], "keywords": ["一", "二"], "author": []}
class Arguments:
    def __init__(self, needed): ...
    def find_fields(self, page): ...
class NoMethod: ...
"""
WITH_CLASS = '[[parser]]\nof = "article"\nclass = "paper.py:Kicker"\n[parser.fields]\nheadline = "h1"\nauthor = "h1"\n'


def test_a_class_beside_the_definition_is_asked_first(tmp_path: Path) -> None:
    (tmp_path / "paper.py").write_text(READER, "utf-8")
    (tmp_path / "paper.toml").touch()
    statement = read(load(WITH_CLASS, path=str(tmp_path / "paper.toml")))
    assert statement.headline_found == "桥梁"
    assert statement.keywords_found == ["一", "二"]
    assert statement.author == ["大桥今日通车"]
    assert statement.witnesses["headline"] == "source: paper.py:Kicker"
    assert statement.witnesses["author"] == "source: h1"
    assert statement.witnesses["articleBody"] == "mainbody"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("paper.py:Nobody", "has no class Nobody"),
        ("paper.py:Arguments", "must be a class whose constructor needs no arguments"),
        ("paper.py:NoMethod", "has no method find_fields"),
        ("broken.py:Kicker", "cannot be loaded"),
        ("absent.py:Kicker", "there is no absent.py beside"),
        ("os:system", "'os:system' of newsreel.readers is offered by no installed distribution"),
        ("../paper.py:Kicker", "a class in a file is named 'file.py:Class'"),
    ],
)
def test_a_class_that_cannot_be_had_says_why(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "paper.py").write_text(READER, "utf-8")
    (tmp_path / "broken.py").write_text("import nothing_of_that_name", "utf-8")
    (tmp_path / "paper.toml").touch()
    with pytest.raises(SourceError) as refused:
        load(WITH_CLASS.replace("paper.py:Kicker", name), path=str(tmp_path / "paper.toml"))
    assert refused.value.key == "parser[0].class"
    assert words in str(refused.value)


def test_a_definition_out_of_an_archive_loads_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even one that lies where the command runs."""
    (tmp_path / "paper.py").write_text("raise SystemExit", "utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match=r"there is no paper\.py beside"):
        load(WITH_CLASS, path="urn:x-newsreel:source:paper")


def crawl(folder: Path, definition: str, **options: object) -> Data:
    """Crawl a home page and one article; the definition is given the server's address."""
    data = Data(folder / "data")
    with WireServer(
        {"/": build_response(b'<a href="/1.html">x</a>'), "/1.html": build_response(PAGE.encode())}
    ) as server:
        text = definition.replace("http://paper.example/", server.url("/"))
        (folder / "paper.toml").write_text(text, "utf-8")
        source = f"source={folder / 'paper.toml'}"
        done = run_scrapy("crawl", "category", "-a", source, data=data, settings=LOOPBACK, **options)  # type: ignore[arg-type]
    assert done.returncode == 0, done.stderr
    return data


def test_what_a_class_and_the_page_gave_is_made_again_by_a_reparse(tmp_path: Path) -> None:
    (tmp_path / "paper.py").write_text(READER, "utf-8")
    data = crawl(
        tmp_path,
        HEAD + WITH_CLASS + "articleBody = 'html:div.text'\n[post]\nsymbols = true\n[post.slugs]\n'要闻' = 'top'\n",
    )
    (post,) = data.posts("paper").glob("*.md")
    lines = post.read_text("utf-8").splitlines()
    assert lines[2:7] == [
        'title: "桥梁"',
        "date: 2026-03-08 10:21:00 +0800",
        "categories: top",
        'tags: ["一", "二"]',
        "symbols: SH600160",
    ]
    before = hash_tree(data.posts("paper"))
    options = ("--source", str(tmp_path / "paper.toml"))
    done = run_scrapy("reparse", "paper", *options, "--out", str(tmp_path / "again"), data=data)
    assert done.returncode == 0, done.stderr
    assert hash_tree(tmp_path / "again") == before
    done = run_scrapy("reparse", "paper", "--diff", data=data)
    assert done.returncode == 2
    assert "give the path of a definition in the same folder" in done.stderr
    ledger = Ledger(data.collection("paper") / "indexes" / "ledger.sqlite")
    state = ledger.find_post(("paper", "1"))
    ledger.close()
    assert state is not None
    assert state.evidence["headline"].place == "source: paper.py:Kicker"
    assert state.evidence["datePublished"].place == "text:near headline"


def test_a_class_that_an_installed_package_offers_needs_no_file(tmp_path: Path) -> None:
    """Then the definition in the archive is enough."""
    write_distribution(
        tmp_path / "site", "offered", {"offered": READER}, {"newsreel.readers": {"kicker": "offered:Kicker"}}
    )
    environment = {"PYTHONPATH": str(tmp_path / "site")}
    data = crawl(tmp_path, HEAD + WITH_CLASS.replace("paper.py:Kicker", "kicker"), environment=environment)
    (post,) = data.posts("paper").glob("*.md")
    assert 'title: "桥梁"' in post.read_text("utf-8")
    done = run_scrapy("reparse", "paper", "--diff", data=data, environment=environment)
    assert done.returncode == 0, done.stdout + done.stderr


def test_rules_that_ended_still_read_the_captures_of_their_days(tmp_path: Path) -> None:
    """A capture made today is read by the parser whose last day is not over, also after a new one was added."""
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    old = f'[[parser]]\nof = "article"\nvalid_until = {today}\n[parser.fields]\nheadline = "h1"\n'
    data = crawl(tmp_path, HEAD + '[[parser]]\nof = "article"\n[parser.fields]\nheadline = "h1"\n')
    text = (tmp_path / "paper.toml").read_text("utf-8").replace("Asia/Shanghai", "Etc/GMT+12")
    new = old + '[[parser]]\nof = "article"\n[parser.fields]\nheadline = "b.kicker"\n'
    (tmp_path / "new.toml").write_text(text.partition("[[parser]]")[0] + new, "utf-8")
    for name, title in (("new.toml", "大桥今日通车"), ("later.toml", "桥梁")):
        if name == "later.toml":
            later = (tmp_path / "new.toml").read_text("utf-8").replace(today, "2020-01-01")
            (tmp_path / name).write_text(later, "utf-8")
        out = tmp_path / name.removesuffix(".toml")
        done = run_scrapy("reparse", "paper", "--source", str(tmp_path / name), "--out", str(out), data=data)
        assert done.returncode == 0, done.stderr
        (post,) = out.glob("*.md")
        assert json.dumps(title, ensure_ascii=False) in post.read_text("utf-8")
