"""Posts, their proof, their versions, lists, search and packages, as functions from request to response."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import feedparser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archives.index.catalogue import CollectionIndex
from archives.replay.citations import load_citation, prove_citation
from archives.replay.http import FilePart, Request, Response
from archives.storage.collection import Collection
from crawler.reparsing.word_changes import Change, compare_words
from crawler.viewer.comparison import compare, mark_page
from crawler.viewer.stories import build_story
from tests.archives.conftest import build_exchange, build_writer
from tests.crawler.scheduling.test_schedule import wait_until
from tests.crawler.viewer.conftest import Viewer, show
from tests.pipelines.exports.samples import NOON, build_statement, fill_collection
from tests.project import Data, run_scrapy

if TYPE_CHECKING:
    from pathlib import Path

FERRY = "NW202603041021110001"
HOSTILE = "NW202602131640000208"
REVISED = "NW202603041930000402"


def get(viewer: Viewer, target: str, **headers: str) -> Response:
    return viewer.answer(Request(method="GET", target=target, headers={"host": "127.0.0.1:80"} | headers))


def read(viewer: Viewer, target: str) -> str:
    response = get(viewer, target)
    assert response.status == 200, response.body
    assert isinstance(response.body, bytes)
    return response.body.decode()


def find_titles(page: str) -> list[str]:
    return [re.sub("<[^>]*>", "", title) for title in re.findall(r'<a class="title" href="[^"]*">(.*?)</a>', page)]


def build_path(page: str, identifier: str) -> str:
    return f"{page}?{urlencode({'collection': 'newspaper', 'source': 'newspaper', 'id': identifier})}"


def test_the_front_page_says_what_there_is(viewer: Viewer) -> None:
    page = read(viewer, "/")
    assert "newspaper" in page
    assert len(find_titles(page)) == 12
    assert "44 posts" in page
    assert page.count('<li class="ended">') == 2
    assert "is healthy" in page


def test_changes_are_told_from_a_cursor_on(viewer: Viewer) -> None:
    told = json.loads(read(viewer, "/changes?collection=newspaper&limit=1000"))
    assert len(told["changes"]) >= 44
    assert not told["more"]
    target = f"/changes?collection=newspaper&{urlencode({'since': told['cursor']})}"
    again = get(viewer, target)
    assert json.loads(again.body if isinstance(again.body, bytes) else b"")["changes"] == []
    assert get(viewer, target, **{"if-none-match": again.get("ETag")}).status == 304
    assert get(viewer, "/changes?collection=newspaper&since=nonsense").status == 400


def test_a_feed_is_sent_once_to_a_reader_that_has_it(crawl: tuple[Data, str], tmp_path: Path) -> None:
    data = Data(tmp_path / "data")
    data.path.mkdir()
    for name in ("collections", "_posts"):
        (data.path / name).symlink_to(crawl[0].path / name)
    done = run_scrapy("export", "feeds", "-o", str(data.path / "feeds"), data=data)
    assert done.returncode == 0, done.stderr
    (data.path / "secret.json").write_text("{}")
    (data.path / "feeds" / "link.json").symlink_to(data.path / "secret.json")
    with show(data) as viewer:
        feed = get(viewer, "/feeds/all.atom")
        assert (feed.status, feed.get("Content-Type")) == (200, "application/atom+xml; charset=utf-8")
        assert isinstance(feed.body, bytes)
        assert "渡轮" in feed.body.decode()
        again = get(viewer, "/feeds/all.atom", **{"if-none-match": feed.get("ETag")})
        assert (again.status, again.body) == (304, b"")
        for target in ("/feeds/../secret.json", "/feeds/%2e%2e/secret.json", "/feeds/link.json", "/feeds/none.atom"):
            assert get(viewer, target).status == 404


SEARCHES = [
    ("渡轮", 2),
    ("ferry", 2),
    ("FERRY night", 1),
    ("轮渡", 0),
    ("夜航", 2),
    ("nowhere-to-be-found", 0),
    ('"', None),
    ("*", None),
]


@pytest.mark.parametrize(("words", "least"), SEARCHES)
def test_a_word_of_two_characters_is_found_inside_others(viewer: Viewer, words: str, least: int | None) -> None:
    titles = find_titles(read(viewer, f"/-/posts?q={quote(words)}"))
    if least is not None:
        assert (len(titles) >= least) if least else titles == []


def test_posts_are_listed_by_what_they_have_in_common(viewer: Viewer) -> None:
    assert len(find_titles(read(viewer, "/-/posts"))) == 30
    assert len(find_titles(read(viewer, "/-/posts?page=2"))) == 14
    assert len(find_titles(read(viewer, "/-/posts?source=newspaper&collection=newspaper&page=2"))) == 14
    by_day = read(viewer, "/-/posts?collection=newspaper&day=2026-03-04")
    assert set(re.findall(r"<h2><a [^>]*>([^<]*)</a></h2>", by_day)) == {"2026-03-04"}
    assert "The night ferry returns after eleven winters" in find_titles(read(viewer, "/-/posts?tag=night+service"))
    assert find_titles(read(viewer, "/-/posts?category=no-such")) == []
    for odd in ("page=0", "page=x", "day=../x", "page=99999999", "q=" + "x" * 5000):
        read(viewer, f"/-/posts?{odd}")


@pytest.mark.parametrize("path", ["/-/posts", "/-/post"])
def test_an_unknown_collection_is_named_and_the_data_directory_is_not(viewer: Viewer, path: str) -> None:
    shown = get(viewer, f"{path}?collection=no-such")
    assert shown.status == 404
    assert isinstance(shown.body, bytes)
    assert "no collection &#39;no-such&#39; in the data directory; there are newspaper" in shown.body.decode()


def test_a_post_comes_with_its_proof(viewer: Viewer) -> None:
    page = read(viewer, build_path("/-/post", FERRY))
    assert "Verified just now" in page
    assert page.count("✓ block digest") == page.count("✓ payload digest") >= 2
    assert "✓ post file" in page
    assert "✗" not in page
    assert re.search(r"<code>newspaper-\d{14}-00000-\w+\.warc\.gz</code> at offset <code>[\d,]+</code>", page)
    assert "<i>source: h1</i>" in page


def test_a_changed_letter_is_seen_at_once(crawl: tuple[Data, str], tmp_path: Path) -> None:
    data = Data(tmp_path / "data")
    shutil.copytree(crawl[0].path, data.path)
    (post,) = data.posts("newspaper").glob(f"*{FERRY}.md")
    post.write_text(post.read_text("utf-8").replace("night ferry", "right ferry"), "utf-8")
    with show(data) as viewer:
        page = read(viewer, build_path("/-/post", FERRY))
        assert "✗ post file" in page
        assert "Not fully verified" in page


def test_a_damaged_record_is_seen_at_once(crawl: tuple[Data, str], tmp_path: Path) -> None:
    data = Data(tmp_path / "data")
    shutil.copytree(crawl[0].path, data.path)
    with show(data) as viewer:
        page = read(viewer, build_path("/-/post", FERRY))
        file, offset = re.search(r"<code>([^<]*\.warc\.gz)</code> at offset <code>([\d,]+)", page).groups()  # type: ignore[union-attr]
        warc = data.collection("newspaper") / "archive" / file
        raw = bytearray(warc.read_bytes())
        raw[int(offset.replace(",", "")) + 300] ^= 0xFF
        warc.write_bytes(raw)
        assert "✗" in read(viewer, build_path("/-/post", FERRY))


def test_a_post_stands_beside_the_page_it_came_from(viewer: Viewer) -> None:
    page = read(viewer, build_path("/-/beside", FERRY))
    assert "The boat goes out at 23:40" in page
    (frame,) = re.findall(r'<iframe [^>]*src="//localhost:80([^"]+)"', page)
    assert "mp_/" in frame
    assert b"The night ferry returns" in get(viewer, frame).body  # type: ignore[operator]


def test_a_memento_names_the_post_that_it_made(viewer: Viewer) -> None:
    beside = read(viewer, build_path("/-/beside", FERRY))
    (frame,) = re.findall(r'<iframe [^>]*src="//localhost:80([^"]+)"', beside)
    assert build_path("/-/post", FERRY).replace("&", "&amp;") in read(viewer, frame.replace("mp_/", "/", 1))
    front = get(viewer, f"/newspaper/{viewer.paper_url}/").get("Location")
    assert "/-/post?" not in read(viewer, front)


def test_a_capture_has_its_text(viewer: Viewer) -> None:
    """Also one that made no post, and none that is not a page."""
    beside = read(viewer, build_path("/-/beside", FERRY))
    (frame,) = re.findall(r'<iframe [^>]*src="//localhost:80([^"]+)"', beside)
    banner = read(viewer, frame.replace("mp_/", "/", 1))
    assert "scripts are off" in banner
    assert re.search(r'<h1 class="title"[^>]*>[^<]*ferry', banner)
    (path,) = re.findall(r'<a class="own" href="([^"]+)">Text</a>', banner)
    text = read(viewer, path)
    assert "It left four minutes late" in text
    assert re.search(r'<p class="meta">\d+ March 2026, \d\d:\d\d \+0800 ', text)
    assert "the source newspaper" not in text
    assert build_path("/-/post", FERRY).replace("&", "&amp;") in text
    assert get(viewer, f"/newspaper/2026txt_/{viewer.paper_url}/images/harbour.png").status == 404
    assert get(viewer, f"/newspaper/2026txt_/{viewer.paper_url}/nowhere").status == 404


def test_an_unchanged_capture_has_the_title_the_text_and_the_post_of_its_original(viewer: Viewer) -> None:
    with CollectionIndex(viewer.collection) as index:
        revisits = [entry for entry in index.iter_entries() if entry.mime == "warc/revisit" and FERRY in entry.url]
    banner = read(viewer, f"/newspaper/{revisits[-1].timestamp}/{revisits[-1].url}")
    assert re.search(r'<h1 class="title"[^>]*>[^<]*ferry', banner)
    links = dict(re.findall(r'<a class="own" href="([^"]+)">(\w+)</a>', banner))
    assert list(links.values()) == ["Text", "Post"]
    assert "It left four minutes late" in read(viewer, next(iter(links)))


def test_a_page_of_another_tool_has_its_text_and_one_that_needs_scripts_says_so(tmp_path: Path) -> None:
    sentences = (
        "The council decided on Monday to clear the old mill race before the autumn rain comes down from the hills.",
        "Two farmers lent their diggers, and the school sent its oldest pupils to count the trout and carry them away.",
        "Nobody had seen the stone bed since 1961, when the last miller shut the sluice and moved to his daughter.",
        "What the mud gave back lies on a table in the hall: a boot, eleven spoons, and a bicycle without wheels.",
    )
    story = "".join(f"<p>{sentence}</p>" for sentence in sentences)
    article = f"<nav>Home Sport</nav><article><h1>Mill race cleared</h1>{story}{story.lower()}</article>"
    pages = {
        "http://a.example/2026/05/01/mill.html": f"<html><title>Mill race</title><body>{article}</body></html>",
        "http://a.example/shell": "<title>App</title><div id=root></div><script>'" + "x" * 900 + "'</script>",
        "http://a.example/veiled": f"<body style='opacity: 0'>{story}</body>",
    }
    collection = Collection.open(tmp_path, "bare", create=True)
    with build_writer(collection) as writer:
        for url, page in pages.items():
            body = page.encode()
            head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(body)
            writer.write(build_exchange(url=url, raw_response=head + body))
    with show(Data(tmp_path)) as viewer:
        text = read(viewer, "/bare/2026txt_/http://a.example/2026/05/01/mill.html")
        assert '<h1 dir="auto">Mill race cleared</h1>' in re.sub(' lang="[^"]*"', "", text)
        assert "eleven spoons" in text
        assert "Home Sport" not in text
        for url, label in zip(
            pages, ("Text", "Text (this page needs scripts)", "Text (this page needs scripts)"), strict=True
        ):
            banner = read(viewer, get(viewer, f"/bare/2026/{url}").get("Location") or f"/bare/2026/{url}")
            assert f">{label}</a>" in banner


def test_a_sentence_of_a_post_is_cited_so_that_it_can_be_proved(viewer: Viewer, crawl: tuple[Data, str]) -> None:
    post = read(viewer, build_path("/-/post", FERRY))
    assert 'action="/-/cite"' in post
    paragraph = re.search(r"<p>([^<>]{20,})</p>", post[post.index('class="story"') :])
    assert paragraph is not None
    sentence = unescape(paragraph[1])
    page = read(viewer, build_path("/-/cite", FERRY) + "&" + urlencode({"sentence": sentence}))
    (citation, *_) = [load_citation(json.loads(unescape(text))) for text in re.findall(r"<pre[^>]*>(.*?)</pre>", page)]
    assert citation.record_id in unescape(page)
    assert f"at offset <code>{citation.offset}</code>" in page
    assert "the file is not in it" in page
    assert prove_citation(citation, crawl[0].warcs("newspaper")) == ""
    text = read(viewer, f"/newspaper/{citation.captured_at[:4]}txt_/{citation.url}")
    assert 'action="/-/cite"' in text
    by_address = {"collection": "newspaper", "url": citation.url, "sentence": "Nobody ever said this."}
    assert f"No capture of {citation.url} says that" in read(viewer, f"/-/cite?{urlencode(by_address)}")


def test_versions_show_the_words_that_changed(viewer: Viewer) -> None:
    page = read(viewer, build_path("/-/versions", REVISED))
    assert "2 versions" in page
    assert "<ins>" in page
    single = read(viewer, build_path("/-/versions", FERRY))
    assert "1 version<" in single


def test_any_two_versions_are_compared_and_captures_are_listed(viewer: Viewer) -> None:
    path = build_path("/-/versions", REVISED)
    page = read(viewer, path)
    assert page.count('name="from"') == page.count('name="to"') == 2
    back = read(viewer, path + "&from=2&to=1")
    went = set(re.findall("<del>(.*?)</del>", read(viewer, path + "&from=1&to=2")))
    assert went & set(re.findall("<ins>(.*?)</ins>", back))
    assert "<h2>Version 2 to 1" in back
    for odd in ("&from=1&to=1", "&from=9&to=1", "&from=x", "&from=²&to=1"):
        assert "<h2>Version 1 to 2" in read(viewer, path + odd)
    assert re.findall("version [0-9]+ begins", page) == ["version 2 begins", "version 1 begins"]
    first = re.findall(r'<li class="first"><a href="([^"]+)"><time [^>]*>[^<]*</time></a> <span>', page)[-1]
    assert get(viewer, first).status == 200


def test_a_list_is_a_feed_and_its_numbers_are_true(viewer: Viewer) -> None:
    page = read(viewer, "/-/posts?q=ferry+OR+tram&collection=newspaper")
    (feed,) = re.findall(r'<link rel="alternate" type="application/atom\+xml" title="[^"]*" href="([^"]+)">', page)
    answer = get(viewer, feed.replace("&amp;", "&"))
    assert answer.get("Content-Type").startswith("application/atom+xml")
    parsed = feedparser.parse(answer.body)
    assert not parsed.bozo
    assert [entry.title for entry in parsed.entries] == [unescape(title) for title in find_titles(page)]
    assert get(viewer, feed.replace("&amp;", "&"), **{"if-none-match": answer.get("ETag")}).status == 304
    numbers = re.findall(r'<li><a dir="auto" href="([^"]+)">[^<]*</a> <span>([0-9,]+)</span></li>', page)
    assert len(numbers) > 5
    for href, number in numbers:
        assert f'<p class="lead">{number} post' in read(viewer, href.replace("&amp;", "&"))
    assert "<mark>" in page
    assert "q=ferry" in read(viewer, "/-/posts?q=ferri+night")


def test_posts_lead_to_those_before_and_after(viewer: Viewer) -> None:
    page = read(viewer, build_path("/-/post", FERRY))
    (earlier,) = re.findall(r'<a rel="prev" href="([^"]+)">', page)
    assert build_path("/-/post", FERRY).replace("&", "&amp;") in read(viewer, earlier.replace("&amp;", "&"))
    day = read(viewer, "/-/posts?day=2026-03-04")
    (before,) = re.findall(r'<a href="([^"]+)">‹ 2026-[^<]+</a>', day)
    assert "2026-03-04 ›" in read(viewer, before.replace("&amp;", "&"))


def test_a_page_behind_the_last_is_the_last(viewer: Viewer) -> None:
    last = read(viewer, "/-/posts?page=2")
    assert "2 of 2" in last
    assert find_titles(read(viewer, "/-/posts?page=99")) == find_titles(last)


def test_hostile_titles_are_text_on_every_page(viewer: Viewer) -> None:
    for target in (
        "/-/posts?page=2",
        build_path("/-/post", HOSTILE),
        build_path("/-/beside", HOSTILE),
        "/-/posts?q=%3Cscript%3E",
        "/-/posts?tag=%22%3E%3Cscript%3E",
        "/-/post?collection=%3Cscript%3E",
        "/-/runs",
    ):
        response = get(viewer, target)
        assert isinstance(response.body, bytes)
        assert b"<script" not in response.body
        assert not re.search(rb"<[^>]* on\w+=", response.body)


def test_runs_are_listed_with_what_they_brought(viewer: Viewer) -> None:
    page = read(viewer, "/-/runs")
    assert page.count('<tr class="ended">') == 2
    assert "finished" in page


def test_a_collection_without_posts_is_shown(tmp_path: Path) -> None:
    with build_writer(Collection.open(tmp_path, "bare", create=True)) as writer:
        writer.write(build_exchange())
    with show(Data(tmp_path)) as viewer:
        assert "1 capture" in read(viewer, "/")
        assert find_titles(read(viewer, "/-/posts?collection=bare")) == []
        assert read(viewer, "/bare/")


def test_an_empty_data_directory_is_shown(tmp_path: Path) -> None:
    with show(Data(tmp_path)) as viewer:
        assert "No collections yet" in read(viewer, "/")
        assert "No posts." in read(viewer, "/-/posts")


def test_a_histogram_of_many_years_ends_with_the_newest_posts(tmp_path: Path) -> None:
    published = [datetime(1850, 3, 4, tzinfo=UTC), NOON, NOON]
    statements = [build_statement(number, datePublished=day) for number, day in enumerate(published)]
    fill_collection(Collection.open(tmp_path, "news", create=True).indexes_dir, statements)
    with show(Data(tmp_path)) as viewer:
        page = read(viewer, "/-/posts")
        assert "<span>1965</span><span>2026</span>" in page
        assert 'title="2026: 2 posts"><span class="column h10">' in page


def test_the_index_of_posts_is_derived(crawl: tuple[Data, str], tmp_path: Path) -> None:
    """Deleted, damaged or of another version: the next look rebuilds it."""
    data = Data(tmp_path / "data")
    shutil.copytree(crawl[0].path, data.path)
    path = data.collection("newspaper") / "indexes" / "viewer.sqlite"
    for content in (None, b"rubbish" * 500):
        for file in path.parent.glob("viewer.sqlite*"):
            file.unlink()
        if content:
            path.write_bytes(content)
        with show(data) as viewer:
            assert "44 posts" in read(viewer, "/-/posts")


def test_pages_say_that_a_ledger_is_damaged_and_what_to_do(crawl: tuple[Data, str], tmp_path: Path) -> None:
    """Every page says so, not the first alone, and none of them shows where the data directory is."""
    data = Data(tmp_path / "data")
    shutil.copytree(crawl[0].path, data.path)
    indexes = data.collection("newspaper") / "indexes"
    for content, status, words in (
        (b"rubbish" * 500, 500, "a database in DATA_DIR is damaged"),
        (b"", 404, "is empty"),
    ):
        (indexes / "ledger.sqlite").write_bytes(content)
        for file in indexes.glob("viewer.sqlite*"):
            file.unlink()
        with show(data) as viewer:
            for target in ("/", "/-/posts", "/-/posts", build_path("/-/post", FERRY)):
                response = get(viewer, target)
                assert isinstance(response.body, bytes)
                page = unescape(response.body.decode())
                assert (response.status, words in page, "reparse" in page) == (status, True, True), (target, page)
                assert str(tmp_path) not in page


def test_too_many_posts_are_listed_and_not_counted(viewer: Viewer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The labels that would narrow them down are offered without numbers, which would have to be right."""
    target = "/-/posts?collection=newspaper&q=-nowhere-to-be-found"
    wait_until(lambda: "not in it yet" not in read(viewer, target))
    viewer.app._posts.find("newspaper")._counts.clear()
    counted = read(viewer, target)
    assert "too many" not in counted
    assert "over-time" in counted
    monkeypatch.setattr("crawler.viewer.search.index.COUNTED", 10)
    viewer.app._posts.find("newspaper")._counts.clear()
    page = read(viewer, target)
    assert "too many" in page
    assert "More than 10 posts" in page
    assert "over-time" not in page
    assert "44 posts" in read(viewer, "/-/posts?collection=newspaper&source=newspaper")
    (choices,) = re.findall(r'<aside class="narrow".*?</aside>', page, re.DOTALL)
    assert "tag=" in choices
    assert not re.search(r"<span>[0-9]", choices)
    viewer.app._posts.find("newspaper")._counts.clear()


def test_pages_name_the_program_that_the_user_runs(viewer: Viewer, monkeypatch: pytest.MonkeyPatch) -> None:
    for program in ("newsreel", "scrapy"):
        monkeypatch.setenv("NEWSREEL_PROGRAM", program)
        assert f"<code>{program} pack " in read(viewer, "/-/wacz/")
        assert f"<code>{program} verify newspaper" in read(viewer, build_path("/-/post", FERRY))


# Packages


def test_packages_are_served_in_parts(tmp_path: Path) -> None:
    folder = tmp_path / "wacz"
    folder.mkdir()
    (folder / "a b.wacz").write_bytes(bytes(range(100)))
    (tmp_path / "secret.wacz").write_bytes(b"x")
    with show(Data(tmp_path)) as viewer:
        listed = read(viewer, "/-/wacz/")
        assert "a%20b.wacz" in listed
        assert str(viewer.data.path) not in listed
        cases = {"": (200, 0, 100), "bytes=0-9": (206, 0, 10), "bytes=90-": (206, 90, 10), "bytes=-5": (206, 95, 5),
                 "bytes=95-900": (206, 95, 5), "bytes=0-1,5-6": (200, 0, 100), "bytes=-": (200, 0, 100)}  # fmt: skip
        for asked, (status, start, length) in cases.items():
            response = get(viewer, "/-/wacz/a%20b.wacz", range=asked)
            assert (response.status, response.body) == (
                status,
                FilePart(path=folder / "a b.wacz", start=start, length=length),
            )
            assert response.get("Accept-Ranges") == "bytes"
        assert get(viewer, "/-/wacz/a%20b.wacz", range="bytes=100-").get("Content-Range") == "bytes */100"
        for name in ("../secret.wacz", "%2e%2e/secret.wacz", "..%2fsecret.wacz", "none.wacz", "a b.txt"):
            assert get(viewer, f"/-/wacz/{name}").status == 404


# Pure functions


@given(st.text(max_size=200), st.text(max_size=200))
def test_a_comparison_holds_both_texts(before: str, after: str) -> None:
    found = compare_words(before, after)
    assert "".join(words.text for words in found if words.change is not Change.ADDED) == before
    assert "".join(words.text for words in found if words.change is not Change.REMOVED) == after


def test_a_comparison_marks_characters_of_chinese() -> None:
    found = [(words.text, words.change) for words in compare_words("库存2,400吨", "库存2,600吨")]
    assert found == [("库存2,", "same"), ("400", "removed"), ("600", "added"), ("吨", "same")]


def test_changes_are_marked_in_the_archived_pages(viewer: Viewer) -> None:
    """Under the policy of any archived page, and nothing but text is touched."""
    address = build_path("/-/versions", REVISED) + "&from=1&to=2"
    frames = re.findall(r'<iframe class="archived"[^>]* src="//localhost:80([^"]*)"', read(viewer, address))
    old, new = (get(viewer, unescape(frame)) for frame in frames)
    assert isinstance(old.body, bytes) and isinstance(new.body, bytes)
    plain = get(viewer, old.get("Content-Location"))
    for shown in (old, new):
        assert shown.get("Content-Security-Policy") == plain.get("Content-Security-Policy")
        assert "sandbox" in shown.get("Content-Security-Policy")
    assert isinstance(plain.body, bytes)
    assert re.sub(rb"</?del>", b"", old.body) == plain.body
    for wrong in ("&from=1&to=9", "&from=x&to=2", ""):
        assert get(viewer, build_path("/-/marked", REVISED) + wrong).status == 404


def test_a_paragraph_of_a_page_is_marked() -> None:
    rows = compare(
        ["Head", "It lasts 22 minutes & ends.", "Gone for good, it is."], ["Head", "It lasts 24 minutes & ends."]
    )
    page = (
        '<title>22</title><p alt="It lasts 22 minutes">It lasts\n 22 minutes &amp; ends.</p>'
        "<p>Gone for <b>good</b>, it is.</p>"
    )
    marked = mark_page(page, rows, Change.REMOVED)
    assert '<p alt="It lasts 22 minutes">It lasts\n <del>22</del> minutes &amp; ends.</p>' in marked
    assert "<title>22</title>" in marked
    new = mark_page("<p>It lasts 24 minutes &amp; ends.</p><p>24</p>", rows, Change.ADDED)
    assert new == "<p>It lasts <mark>24</mark> minutes &amp; ends.</p><p>24</p>"


def test_wide_tables_and_lines_scroll_by_keyboard() -> None:
    """What looks like a table in an attribute is left alone."""
    body = '<p>a</p><table><tr><td>b</td></tr></table><img alt="<table>" src="x.png"><pre>c</pre>'
    story = build_story(body, collection="paper", stamp="2026", url="http://example.com/")
    boxed = r'<div class="scroll" tabindex="0"[^>]*><table><tr><td>b</td></tr></table></div><img alt="[^"]*table'
    assert re.search(boxed, story)
    assert story.count("<div") == 1
    assert '<pre tabindex="0">c</pre>' in story


def test_unchanged_paragraphs_are_folded() -> None:
    rows = compare(["a", "b", "c", "d", "x", "z"], ["a", "b", "c", "d", "y"])
    assert [row.folded for row in rows] == [(), ["b", "c"], (), (), ()]
    assert [row.change for row in rows] == ["same", "same", "same", "changed", "removed"]
