"""The search language over an index of a few posts in several scripts, and over a ledger that changes."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archives.storage.collection import Collection
from crawler.publishing.library import Library
from crawler.reparsing.ledger import find_ledger
from crawler.viewer.search.excerpts import build_excerpt, mark
from crawler.viewer.search.index import PostIndex
from crawler.viewer.search.language import parse_query
from crawler.viewer.search.lookup import DOUBTFUL, Wanted, build_select, number_instant, write_query
from crawler.viewer.search.words import cut, fold
from pipelines.dates.model import Precision
from pipelines.posts.filing import Claim, FilingLog
from pipelines.posts.items import Doubt, Origin, Post, Statement
from pipelines.posts.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
POSTS = {
    "bridge": ("The old bridge closes", "Heavy lorries damaged the stone arch.", ["roads"], "en"),
    "arch": ("Repairs begin", "The arch of stone is held by timber; lorries wait.", ["roads", "Public Works"], "en"),
    "plum": ("Plums at the market", "Plum jam and plums.", ["food"], "en"),
    "jam": ("A jam on the ring road", "Nothing moved for hours beside the old market.", ["roads"], "en-GB"),
    "ruta": ("Peregrinación a León", "El camión llegó tarde.", ["viajes"], "es"),
    "ulica": ("Łódź buduje", "Straße heißt ulica. Όδός.", ["roads"], "pl"),
    "ferry": ("夜间轮渡恢复", "渡口重新开放，票价不变。", ["交通"], "zh-Hans"),
    "sefer": ("שָׁלוֹם לספר", "הסֵפֶר חזר.", ["ספרים"], "he"),
    "undated": ("Without a date", "Nobody knows when lorries came.", [], ""),
}


def write_posts(library: Library, names: Iterable[str], *, change: str = "", doubts: Iterable[Doubt] = ()) -> None:
    """Have a ledger hold posts, a day apart from each other, each with a file."""
    collection = Collection.open(library.data_dir, "paper", create=True)
    with closing(Ledger(find_ledger(collection))) as ledger:
        for name in names:
            headline, text, tags, language = POSTS[name.partition("-")[0]]
            day = list(POSTS).index(name.partition("-")[0])
            at = None if name == "undated" else NOON + timedelta(days=day)
            found = {
                "headline": headline,
                "keywords": tags,
                "articleBody": f"<p>{text} {change}</p>",
                "datePublished": at,
            }
            statement = Statement(source="paper", identifier=name, origin=Origin.ARTICLE, is_normalised=True)
            ledger.add(statement)
            post = Post(source="paper", identifier=name, inLanguage=language, datePublished_precision=Precision.MINUTE)
            post.doubts = list(doubts)
            for field, value in found.items():
                setattr(post, field, value)
            ledger.record_filed(post, "new", claim=Claim(key=("paper", name), claim=name, file=f"{name}.md"))


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path)


@pytest.fixture
def index(library: Library) -> Iterator[PostIndex]:
    write_posts(library, list(POSTS))
    with closing(PostIndex(library, "paper")) as opened:
        yield opened


STEMMED = [
    ("plum", ["plum"]),
    ("plums", ["plum"]),
    ("damage", ["bridge"]),
    ("bridges -closing", []),
    ("title:jams", ["jam"]),
    ("title:lorry", []),
    ('"plums"', ["plum"]),
    ('"lorry"', []),
    ("lorry", ["bridge", "arch"]),
    ("camiones", ["ruta"]),
]


@pytest.mark.parametrize(("words", "found"), STEMMED)
def test_other_forms_of_a_word_are_found_in_its_language(index: PostIndex, words: str, found: list[str]) -> None:
    """The post without a language has its words alone: `lorries` is in it."""
    assert sorted(find(index, words)) == sorted(found)
    assert "undated" in find(index, "lorries")


def test_other_forms_of_a_word_are_marked() -> None:
    pieces = build_excerpt("Two gardeners and a garden; Garten.", parse_query("gardens").phrases, "en-GB")
    assert [piece.text for piece in pieces if piece.is_marked] == ["gardeners", "garden"]
    assert not [piece for piece in build_excerpt("a garden", parse_query('"gardens"').phrases, "en") if piece.is_marked]
    assert not [piece for piece in build_excerpt("a garden", parse_query("gardens").phrases, "zh") if piece.is_marked]


def find(index: PostIndex, words: str, **wanted: Any) -> list[str]:
    places = index.list_places(replace(Wanted(words=words), **wanted), limit=100)
    return [post.identifier for post in index.list_posts([place.number for place in places])]


SEARCHES = {
    "stone arch": ["arch", "bridge"],
    '"stone arch"': ["bridge"],
    "“stone arch”": ["bridge"],
    '"arch of stone" lorries': ["arch"],
    "lorries -timber": ["bridge", "undated"],
    'lorries -"stone arch"': ["arch", "undated"],
    "-tag:roads -plum* -lang:es": ["sefer", "ferry", "undated"],
    "timber OR jam": ["jam", "plum", "arch"],
    "market timber OR jam": ["jam", "plum"],
    "plum": ["plum"],
    "plu*": ["plum"],
    "xen* OR yen*": [],
    "p* -plu* -tag:roads": ["ruta"],
    "title:ja*": ["jam"],
    '"stone ar*"': ["bridge"],
    "轮*": ["ferry"],
    "title:jam": ["jam"],
    "title:plums market": ["plum"],
    'title:"ring road"': ["jam"],
    "-title:jam jam": ["plum"],
    "tag:roads stone": ["arch", "bridge"],
    'tag:"public works"': ["arch"],
    "tag:public": [],
    "tag:pub*": ["arch"],
    "lorries -tag:roads": ["undated"],
    "TAG:Roads -stone": ["ulica", "jam"],
    "jam OR -lorries -lang:es": ["sefer", "ferry", "ulica", "jam", "plum"],
    "plum* OR tag:roads lorries OR market": ["jam", "plum", "arch", "bridge"],
    "-tag:roads -lang:es -plum*": ["sefer", "ferry", "undated"],
    "source:paper jam": ["jam", "plum"],
    "source:pap jam": [],
    "lang:en lorries OR jam": ["jam", "plum", "arch", "bridge"],
    "lang:zh": ["ferry"],
    "after:2026-05-03 tag:roads": ["ulica", "jam"],
    "before:2026-05-02": ["bridge"],
    "after:2026-05 before:2026-05-03": ["arch", "bridge"],
    "-after:2026 lorries": ["undated"],
    "peregrinacion LEON": ["ruta"],
    "camion": ["ruta"],
    "lodz strasse": ["ulica"],
    "οδος": ["ulica"],
    "轮渡": ["ferry"],
    "渡轮": [],
    "票价 -轮渡": [],
    "שלום הספר": ["sefer"],
}  # fmt: skip


def test_what_a_reader_types_means_what_the_page_of_the_viewer_says(index: PostIndex) -> None:
    assert {words: find(index, words) for words in SEARCHES} == SEARCHES
    assert [index.count(Wanted(words=words)) for words in SEARCHES] == [len(found) for found in SEARCHES.values()]
    assert find(index, "arch") == ["arch", "bridge"]
    assert find(index, "jam", by_relevance=True) == ["jam", "plum"]
    assert find(index, "plums OR jam", by_relevance=True)[0] == "plum"
    assert len(find(index, "", day="2026-05")) == len(POSTS) - 1


@pytest.mark.parametrize(
    "words", ['"', "-", "OR", "OR OR", "title:", "-tag:", "after:soon", '*" -', "a:b:c", "NEAR(", "^x", "\0", '"a" "']
)
def test_what_is_half_typed_is_no_error(index: PostIndex, words: str) -> None:
    wanted = Wanted(words=words)
    assert index.count(wanted) == len(index.list_places(wanted, limit=100))
    index.count_labels(wanted)
    index.suggest(wanted)


@given(st.text(alphabet='ab"-*:() ORtielag茶é', max_size=30))
def test_a_search_can_be_written_down_again(text: str) -> None:
    groups = parse_query(text).groups
    assert parse_query(write_query(groups)).groups == groups


@pytest.mark.parametrize("day", ["2026-03-31", "2026-03", "2026"])
@pytest.mark.parametrize("hours", [-12, 14])
def test_the_numbers_of_a_day_are_those_of_its_posts_in_every_zone(day: str, hours: int) -> None:
    wanted = Wanted(words="stone", day=day)
    first, end = map(int, build_select(wanted, wanted.parse())[1][-2:])
    after, before = (int(build_select(Wanted(), parse_query(f"{field}:{day}"))[1][-1]) for field in ("after", "before"))
    zone = timezone(timedelta(hours=hours))
    began = datetime.fromisoformat(f"{day}-01-01"[:10]).replace(tzinfo=zone)
    last = datetime.fromisoformat(f"{day}-12-31"[:10] if len(day) == 4 else "2026-03-31").replace(hour=23, tzinfo=zone)
    assert first == after <= number_instant(began) < number_instant(last) < end
    assert number_instant(began - timedelta(hours=1)) < before


def test_a_day_that_is_none_is_said() -> None:
    for typed in ("after:yesterday", "before:2026-02-30", "after:2026-13", "after:2026-W01"):
        (note,) = parse_query(f"stone {typed}").notes
        assert note.startswith(f"“{typed}” is not a day")
    assert not parse_query("after:2024-02-29 before:2026-12 after:2026").notes


def test_a_search_without_a_word_is_reported() -> None:
    for typed in ("🚢", "% & *", "-", "title:", '""'):
        assert parse_query(typed).notes == ("This search contains no word, so it was ignored.",)
    for typed in ("", " ", "stone 🚢", "tag:🚢"):
        assert not parse_query(typed).notes


def test_counts_are_those_of_the_lists_they_lead_to(index: PostIndex) -> None:
    for wanted in (
        Wanted(),
        Wanted(words="lorries OR jam"),
        Wanted(labels=(("tag", "roads"),)),
        Wanted(day="2026-05-02"),
    ):
        counts = index.count_labels(wanted)
        for kind, numbers in counts.labels.items():
            for name, count in numbers.items():
                assert index.count(replace(wanted, labels=(*wanted.labels, (kind, name)))) == count
        for day, count in counts.days.items():
            assert index.count(replace(wanted, day=day)) == count


def test_a_very_common_word_is_counted_so_far_and_found_in_headlines_first(
    index: PostIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = Wanted(words="lorries OR market")
    assert index.count(wanted) == 5
    monkeypatch.setattr("crawler.viewer.search.index.COUNTED", 4)
    monkeypatch.setattr("crawler.viewer.search.index.RANKED", 2)
    assert (index.count(wanted), index.count(Wanted()), index.count(Wanted(day="2026"))) == (5, 9, 8)
    counts = index.count_labels(wanted)
    assert (counts.total, counts.is_more, counts.is_cut, counts.days) == (4, True, True, {})
    assert find(index, wanted.words) == ["jam", "plum", "arch", "bridge", "undated"]
    assert find(index, wanted.words, by_relevance=True) == ["plum", "jam", "arch", "bridge"]


def test_words_of_very_many_posts_do_not_count_for_the_rank(index: PostIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crawler.viewer.search.index.RANKED", 2)
    queries: list[str] = []
    index._database.set_trace_callback(queries.append)
    assert find(index, "lorries arch", by_relevance=True) == ["bridge", "arch"]
    (ranked,) = [query for query in queries if "bm25" in query]
    match, _, inner = ranked.partition("IN (")
    assert "arch" in match and "lorries" not in match
    assert "lorries" in inner


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(),
        Wanted(words="lorries stone"),
        Wanted(words="lorries -tag:food -bread lang:en"),
        Wanted(words="lorries", labels=(("tag", "roads"),)),
        Wanted(labels=(("tag", "roads"), ("lang", "en"))),
        Wanted(words="-stone"),
    ],
)
def test_the_newest_posts_are_found_without_sorting(index: PostIndex, wanted: Wanted) -> None:
    select, values = build_select(wanted, wanted.parse())
    plan = index._ask(f"EXPLAIN QUERY PLAN {select} ORDER BY 1 DESC LIMIT 30", values)
    assert not [row for row in plan if "ORDER BY" in row[3]], plan


def test_posts_of_one_second_keep_their_order(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("lookup", "rows"):
        monkeypatch.setattr(f"crawler.viewer.search.{module}.PER_SECOND", 2)
    names = [f"bridge-{number}" for number in range(9)]
    write_posts(library, [*names, "arch", "undated"])
    with closing(PostIndex(library, "paper")) as index:
        assert find(index, "lorries") == ["arch", *reversed(names), "undated"]
        places = [index.list_places(Wanted(words="lorries"), limit=4, offset=start) for start in (0, 4, 8)]
        numbers = [place.number for part in places for place in part]
        assert len(numbers) == 11
        assert numbers == sorted(numbers, reverse=True)


def test_where_nothing_is_found_other_searches_are_offered(index: PostIndex) -> None:
    (other,) = index.suggest(Wanted(words="lorris stone"))
    assert other.words == "lorries stone"
    assert [name for name, _ in Wanted(words="stone tag:food", day="2026").list_relaxed()] == [
        "stone",
        "tag:food",
        "2026",
    ]
    assert [one.words for one in index.suggest(Wanted(words="birdge"))] == ["bridge"]
    assert index.suggest(Wanted(words="qqqqqq")) == []


def test_an_index_follows_its_ledger(index: PostIndex, library: Library) -> None:
    """It takes in what has changed and reads nothing else; a ledger in another's place is read whole."""
    assert index.count(Wanted()) == len(POSTS)
    position = index._follower.find_progress().position
    write_posts(library, ["plum"], change="Freshly bottled.")
    with closing(Ledger(find_ledger(Collection.open(library.data_dir, "paper")))) as ledger:
        ledger.forget("paper", "jam")
        with closing(FilingLog(find_ledger(Collection.open(library.data_dir, "paper")))) as log:
            assert [key[1] for _, key in log.list_since(position, limit=9)] == ["plum", "jam"]
        index._looked_at = float("-inf")
        assert wait_for(lambda: find(index, "bottled") == ["plum"] and find(index, "jam") == ["plum"])
        other = library.data_dir / "other.sqlite"
        ledger.copy_to(other)
    with closing(Ledger(other)) as ledger:
        ledger.forget("paper", "arch")
        ledger.copy_to(find_ledger(Collection.open(library.data_dir, "paper")))
    index._looked_at = float("-inf")
    assert wait_for(lambda: find(index, "timber") == [])
    assert index.count(Wanted()) == len(POSTS) - 2
    counted = "SELECT day, count(*) FROM posts WHERE day <> '' GROUP BY 1"
    assert index.count_labels(Wanted()).days == dict(index._database.execute(counted))
    assert len(index.count_labels(Wanted()).days) == len(POSTS) - 3


def test_a_ledger_without_a_log_is_walked_through(library: Library) -> None:
    write_posts(library, ["plum", "jam"])
    path = find_ledger(Collection.open(library.data_dir, "paper"))
    with closing(sqlite3.connect(path)) as database:
        database.executescript("DROP TABLE filings; DROP TABLE filings_name; DROP TRIGGER filing_added;"
                               "DROP TRIGGER filing_changed; DROP TRIGGER filing_gone")  # fmt: skip
    with closing(FilingLog(path)) as log:
        assert log.find_end() == ("", 0)
    with closing(PostIndex(library, "paper")) as index:
        assert index.count(Wanted()) == 2
    with closing(FilingLog(path)) as log:
        assert log.find_end()[0], "opening the ledger to write gives it a log"


def wait_for(holds: Callable[[], bool]) -> bool:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if holds():
            return True
        time.sleep(0.05)
    return False


def test_an_excerpt_shows_what_was_searched_for_in_whole_words() -> None:
    text = "wide " * 300 + "Needlé " + "yonder " * 300
    pieces = build_excerpt(text, parse_query("NEEDLE").phrases)
    assert [piece.text for piece in pieces if piece.is_marked] == ["Needlé"]
    assert set("".join(piece.text for piece in pieces).strip("…").split()) == {"wide", "Needlé", "yonder"}
    assert [piece.text for piece in build_excerpt("short")] == ["short"]
    assert "".join(piece.text for piece in build_excerpt("码头" * 200, parse_query("头码").phrases)).count("头码") > 10
    assert len("".join(piece.text for piece in build_excerpt("x" * 5000))) < 300
    ends = {"".join(piece.text for piece in build_excerpt("w" * at + " sister's wide end" * 20)) for at in range(99)}
    assert {end.strip("…").split()[-1] for end in ends} == {"sister's", "wide", "end"}


def test_marks_stand_where_the_words_stand() -> None:
    marked = mark(
        "Die BÄCKEREI, cafe\u0301s, ﬁne 夜间轮渡 Straßen", parse_query("backerei cafes fine 轮渡 strass*").phrases
    )
    assert [piece.text for piece in marked if piece.is_marked] == ["BÄCKEREI", "cafe\u0301s", "ﬁne", "轮渡", "Straßen"]


@given(st.text(max_size=80), st.text(max_size=10))
def test_marking_changes_no_text(text: str, words: str) -> None:
    assert "".join(piece.text for piece in mark(text, parse_query(words).phrases)) == text
    assert fold(fold(text)) == fold(text)
    assert cut(text) == cut(" ".join(cut(text)))


def test_posts_in_doubt_are_found(library: Library) -> None:
    """Also those that came into doubt, or out of it, after they were indexed."""
    doubt = Doubt(record_id="<urn:uuid:1>", captured_at=NOON, reason="unlike")
    write_posts(library, ["bridge", "plum"])
    write_posts(library, ["arch"], doubts=[doubt])
    clock = [0.0]
    with closing(PostIndex(library, "paper", clock=lambda: clock[0])) as index:
        assert index.count(Wanted(words="is:doubtful")) == 1
        assert index.count(Wanted(words="-is:doubtful")) == 2
        write_posts(library, ["plum"], doubts=[doubt])
        write_posts(library, ["arch"])
        clock[0] += 10
        assert wait_for(lambda: find(index, "is:doubtful") == ["plum"])
        assert index.count(Wanted(labels=(DOUBTFUL,))) == 1
