"""The same text in several posts: found whatever a medium did to it, and in whatever order the posts came."""

from __future__ import annotations

import gzip
import json
import random
from datetime import UTC, datetime
from itertools import combinations, permutations
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.article.article import read_article
from pipelines.dates.model import Precision
from pipelines.markup.sanitise import find_text, normalise_body
from pipelines.page.document import CaptureRef
from pipelines.page.page import Page
from pipelines.posts.duplicates import build_sketch, compare_texts
from pipelines.posts.items import Origin, Statement
from pipelines.posts.ledger import Ledger
from pipelines.posts.options import PostOptions
from pipelines.posts.settle import settle
from tests.project import SHARED, needs_shared

if TYPE_CHECKING:
    from pathlib import Path

LATIN = "harbour ferry winter council lamp quay tide crew market rope gull storm signal pilot mayor".split()  # noqa: SIM905
HAN = "港口渡轮冬季议会码头潮汐船员市场绳索海鸥风暴信号引航市长大桥灯塔居民旅客航线班次"


def write_sentence(rng: random.Random, script: str) -> str:
    if script == "han":
        return "".join(rng.choices(HAN, k=24)) + f"{rng.randrange(10, 9999)}人。"
    return " ".join(rng.choices(LATIN, k=12)) + f" {rng.randrange(10, 9999)}. "


def write_text(seed: int, script: str = "han", *, sentences: int = 20) -> list[str]:
    rng = random.Random(seed)
    return [write_sentence(rng, script) for _ in range(sentences)]


def print_note(seed: int) -> str:
    """A market report from a template: word for word like the next one, but for its figures."""
    rng = random.Random(seed)
    shares = [f"{rng.uniform(1, 900):.2f}" for _ in range(9)]
    return (
        "该股今日收盘报{}元，上涨{}%，换手率{}%，成交量{}万手，成交额{}亿元。资金流向数据方面，主力资金净流入{}万元，"
        "游资资金净流出{}万元，散户资金净流出{}万元，过去九十天内机构目标均价为{}元。"
    ).format(*shares)


def cut(text: list[str]) -> list[str]:
    return text[:9]


def credit(text: list[str]) -> list[str]:
    return ["（本报记者）据通讯社电，", *text, "责任编辑：值班编辑。未经授权不得转载。"]


def thin(text: list[str]) -> list[str]:
    return [sentence for place, sentence in enumerate(text) if place % 7]


def extend(text: list[str]) -> list[str]:
    return text + write_text(99, sentences=len(text))


def reorder(text: list[str]) -> list[str]:
    return text[10:] + text[:10]


@pytest.mark.parametrize("script", ["han", "latin"])
@pytest.mark.parametrize("edit", [cut, credit, thin, extend, reorder])
def test_an_edited_text_is_the_same(tmp_path: Path, edit: object, script: str) -> None:
    text = write_text(1, script)
    with_others = {"a": text, "b": edit(text), "c": write_text(2, script)}  # type: ignore[operator]
    assert link(tmp_path, {name: "".join(found) for name, found in with_others.items()}) == {("a", "b"), ("b", "a")}


@pytest.mark.parametrize("script", ["han", "latin"])
def test_other_texts_are_not(tmp_path: Path, script: str) -> None:
    assert link(tmp_path, {str(n): "".join(write_text(n, script)) for n in range(40)}) == set()


def test_reports_from_one_template_are_not_the_same() -> None:
    likenesses = [compare_texts(print_note(one), print_note(other)) for one, other in combinations(range(20), 2)]
    assert not any(likeness.is_same for likeness in likenesses)
    prose = "委员会周二在港口大楼开会，决定渡轮冬季停航，居民可改乘班车，票价不变，检修由船厂负责。" * 2
    one, other = compare_texts(prose + print_note(1), prose + print_note(2)), compare_texts(prose, prose)
    assert one.containment > 0.6
    assert not one.is_same
    assert other.is_same


def test_blanks_punctuation_and_case_make_no_difference() -> None:
    one, other = build_sketch("The ferry, the quay: " * 10), build_sketch("the FERRY the  quay\n" * 10)
    assert one == other


def test_a_teaser_is_too_short_to_be_told_from_others(tmp_path: Path) -> None:
    assert build_sketch("渡轮冬季停航") is None
    assert link(tmp_path, {"a": "渡轮冬季停航", "b": "渡轮冬季停航"}) == set()


@given(st.text(), st.text())
def test_comparing_has_no_left_and_right(left: str, right: str) -> None:
    assert compare_texts(left, right) == compare_texts(right, left)
    assert compare_texts(left, left).is_same or not left.strip() or not build_sketch(left)


def add(ledger: Ledger, name: str, text: str, *, source: str = "paper", day: int = 1) -> None:
    """What a run knows of an article by then, settled."""
    at = datetime(2026, 1, day, tzinfo=UTC)
    capture = CaptureRef(record_id=f"<{name}-{day}>", captured_at=at, payload_digest="", file="", offset=0)
    statement = Statement(
        source=source,
        identifier=name,
        origin=Origin.ARTICLE,
        articleBody=f"<p>{text}</p>",
        headline="h",
        datePublished=at,
        datePublished_precision=Precision.DAY,
        capture=capture,
        is_normalised=True,
    )
    ledger.add(statement)
    ledger.record_settled(settle(ledger.list_statements(statement.key), PostOptions()))


def list_links(ledger: Ledger, names: list[str]) -> set[tuple[str, str]]:
    return {(name, found.key[1]) for name in names for found in ledger.list_duplicates(("paper", name))}


def link(folder: Path, texts: dict[str, str]) -> set[tuple[str, str]]:
    ledger = Ledger(folder / f"{len(list(folder.iterdir()))}.sqlite")
    for name, text in texts.items():
        add(ledger, name, text)
    links = list_links(ledger, list(texts))
    ledger.close()
    assert links == {(other, one) for one, other in links}
    return links


def test_order_of_arrival_does_not_matter(tmp_path: Path) -> None:
    text = write_text(1)
    texts = {
        "a": "".join(text),
        "b": "".join(cut(text)),
        "c": "".join(extend(text)),
        "d": "".join(text),
        "e": "".join(write_text(2)),
    }
    found = [link(tmp_path, {name: texts[name] for name in order}) for order in list(permutations(texts))[::13]]
    assert found[0] >= {("a", "b"), ("a", "c"), ("a", "d"), ("b", "d")}
    assert not any("e" in pair for pair in found[0])
    assert all(links == found[0] for links in found)


def test_a_link_follows_the_text(tmp_path: Path) -> None:
    """A post whose text changes loses its like and may find another; one that goes takes its links with it."""
    ledger = Ledger(tmp_path / "l.sqlite")
    one, other = "".join(write_text(1)), "".join(write_text(2))
    for name, text in (("a", one), ("b", one), ("c", other)):
        add(ledger, name, text)
    assert list_links(ledger, ["a", "b", "c"]) == {("a", "b"), ("b", "a")}
    assert [found.is_exact for found in ledger.list_duplicates(("paper", "a"))] == [True]
    add(ledger, "b", other + "又有一句。", day=2)
    assert list_links(ledger, ["a", "b", "c"]) == {("b", "c"), ("c", "b")}
    (near,) = ledger.list_duplicates(("paper", "b"))
    assert (near.is_exact, near.containment) == (False, 1.0)
    add(ledger, "a", one, source="elsewhere")
    assert [found.key for found in ledger.list_duplicates(("elsewhere", "a"))] == [("paper", "a")]
    ledger.forget("paper")
    assert ledger.list_duplicates(("elsewhere", "a")) == []
    ledger.close()


def test_what_stands_below_every_text_links_nothing(tmp_path: Path) -> None:
    """Six hundred posts with the same notice of eighty letters: none is taken for another."""
    notice = "".join(write_text(7, sentences=3))
    texts = {str(n): "".join(write_text(1000 + n, sentences=8)) + notice for n in range(600)}
    ledger = Ledger(tmp_path / "l.sqlite")
    for name, text in texts.items():
        add(ledger, name, text)
    assert list_links(ledger, list(texts)[:50]) == set()
    add(ledger, "again", texts["3"])
    assert list_links(ledger, ["again", "3"]) == {("again", "3"), ("3", "again")}
    ledger.close()


@needs_shared
def test_captures_of_one_article_are_told_from_those_of_another(tmp_path: Path) -> None:
    folder = SHARED / "corpus" / "dupes"
    rows = [json.loads(line) for line in (folder / "index.jsonl").read_text("utf-8").splitlines()]
    texts = {}
    for row in rows:
        page = gzip.decompress((folder / f"{row['name']}.html.gz").read_bytes()).decode("utf-8", "replace")
        article = read_article(Page(page, "https://paper.example/a"), captured_at=datetime.now(UTC))
        texts[row["name"]] = find_text(normalise_body(article.body_html))
    clusters = {row["name"]: row["cluster"] for row in rows}
    wanted = {(one, other) for one in texts for other in texts if one != other and clusters[one] == clusters[other]}
    assert len(wanted) == 10
    assert link(tmp_path, texts) == wanted
