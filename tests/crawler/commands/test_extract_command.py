"""`scrapy extract`: where it takes a page from, what it says of it, and what a bad page costs."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from crawler.demo_site import Newspaper
from tests.project import Data, hash_tree, run_scrapy
from tests.wire import WireServer, build_response

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

ALLOW: dict[str, object] = {"RESOLVER_ALLOW": "127.0.0.0/8", "DOWNLOAD_DELAY": 0}
PROSE = "跨江大桥星期一正式通车，比原计划晚了两年，费用也比当初的预算增加了一倍。"
PAGE = f"""<html lang="zh"><head><title>大桥今日通车_某某网</title><meta name="keywords" content="大桥,通车"></head>
<body><h1>大桥今日通车</h1><p>2026-03-08 10:21 记者 李四</p>
<div><p>{PROSE}</p><p>{PROSE[::-1]}</p></div></body></html>"""


def extract(*arguments: str, data: Data | None = None, **options: Any) -> subprocess.CompletedProcess[str]:
    return run_scrapy("extract", *arguments, data=data, **options)


def extract_json(*arguments: str, data: Data | None = None, **options: Any) -> dict[str, Any]:
    done = extract(*arguments, "--json", data=data, **options)
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    return dict(json.loads(line))


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.html"
    path.write_text(PAGE, "utf-8")
    return path


# One page


def test_a_file_is_shown_with_its_evidence(page: Path) -> None:
    done = extract(str(page), "--tz", "Asia/Shanghai", environment={"COLUMNS": "120"})
    assert done.returncode == 0, done.stderr
    rows = {line.split()[0]: line for line in done.stdout.splitlines() if line.strip()}
    assert "大桥今日通车" in rows["headline"]
    assert rows["headline"].endswith("h1".ljust(len(rows["headline"]) - rows["headline"].rindex("h1")))
    assert "2026-03-08T10:21:00+08:00 (minute)" in rows["published"]
    assert "text:near headline" in rows["published"]
    assert PROSE in done.stdout


def test_json_holds_the_fields_of_a_post(page: Path) -> None:
    found = extract_json(str(page), "--tz", "Asia/Shanghai", "--url", "https://paper.example/1", "--lang", "zh-Hans")
    assert found["url"] == "https://paper.example/1"
    assert found["headline"] == "大桥今日通车"
    assert found["datePublished"] == "2026-03-08T10:21:00+08:00"
    assert found["keywords"] == ["大桥", "通车"]
    assert found["author"] == ["李四"]
    assert found["inLanguage"] == "zh-Hans"
    assert found["articleBody"] == f"<p>{PROSE}</p><p>{PROSE[::-1]}</p>"
    assert found["evidence"]["headline"] == "h1"
    assert found["capture"] == ""


def test_relative_dates_count_from_the_instant_that_is_given(page: Path) -> None:
    page.write_text(PAGE.replace("2026-03-08 10:21", "昨天 10:21"), "utf-8")
    assert extract_json(str(page), "--tz", "Asia/Shanghai")["datePublished"] == ""
    found = extract_json(str(page), "--tz", "Asia/Shanghai", "--at", "20260309040000")
    assert found["datePublished"] == "2026-03-08T10:21:00+08:00"


def test_gzipped_and_gbk_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "page.html.gz"
    path.write_bytes(gzip.compress(PAGE.encode("gb18030")))
    assert extract_json(str(path))["headline"] == "大桥今日通车"


def test_an_address_is_asked_for_once_and_by_our_name() -> None:
    body = gzip.compress(PAGE.encode())
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
    moved = b"HTTP/1.1 302 Found\r\nLocation: /a\r\nContent-Length: 0\r\n\r\n"
    with WireServer({"/": moved, "/a": head % len(body) + body}) as server:
        found = extract_json(server.url("/"), settings=ALLOW)
        asked = [exchange.received for exchange in server.exchanges]
        assert found["url"] == server.url("/a")
    assert found["headline"] == "大桥今日通车"
    assert len(asked) == 2
    assert b"User-Agent: Newsreel/" in asked[0] or b"User-agent: Newsreel/" in asked[0]


@pytest.mark.parametrize(
    ("answer", "settings", "words"),
    [
        (build_response(b"x"), {}, "is not public; add its network to RESOLVER_ALLOW"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", ALLOW, "404"),
        (b"HTTP/1.1 302 Found\r\nLocation: ftp://paper.example/\r\nContent-Length: 0\r\n\r\n", ALLOW, "ftp"),
        (b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n", ALLOW, "file"),
        (build_response(b"x" * 5000), ALLOW | {"DOWNLOAD_MAXSIZE": 4000}, "holds more than 4000 bytes"),
        (b"", ALLOW, "cannot be read"),
    ],
    ids=["loopback", "missing", "ftp", "file", "large", "silent"],
)
def test_an_address_that_cannot_be_read_says_why(answer: bytes, settings: dict[str, object], words: str) -> None:
    with WireServer({"/": answer}) as server:
        done = extract(server.url("/"), settings=settings)
    assert done.returncode == 1
    assert words in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "name one file, URL or capture"),
        (["a", "b"], 2, "name one file, URL or capture"),
        (["a", "--tz", "Nowhere/At_all"], 2, "is not a time zone"),
        (["a", "--at", "yesterday"], 2, "14 or 17 digits"),
        (["a", "--source", "nobody"], 2, "nobody"),
        (["--batch", "none.jsonl"], 2, "none.jsonl cannot be read"),
        (["none.html"], 1, "there is no file none.html"),
        (["nowhere/x.warc.gz@0"], 1, "no collection 'nowhere'"),
        (["https://paper.example/", "--collection", "nowhere"], 1, "no collection 'nowhere'"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(data: Data, arguments: list[str], code: int, words: str) -> None:
    done = extract(*arguments, data=data)
    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr


# Captures and sources


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Data, Path, str]]:
    """The newspaper crawled once, its definition, and the address of one of its articles."""
    folder = tmp_path_factory.mktemp("printed")
    data, source = Data(folder / "data"), folder / "newspaper.toml"
    with Newspaper() as paper:
        source.write_text(paper.source_toml(), "utf-8")
        paper.publish(edition=1)
        done = run_scrapy("crawl", "category", "-a", f"source={source}", data=data, settings=ALLOW)
        assert done.returncode == 0, done.stderr
        yield data, source, paper.base_url


def find_entry(data: Data, part: str) -> dict[str, Any]:
    for sidecar in sorted((data.collection("newspaper") / "indexes").glob("*.cdxj")):
        for line in sidecar.read_text("utf-8").splitlines():
            entry = json.loads(line.split(" ", 2)[2])
            if part in entry["url"]:
                return dict(entry)
    raise AssertionError(f"no capture of {part}")


def test_a_capture_is_read_by_its_place_and_by_its_address(printed: tuple[Data, Path, str]) -> None:
    data, _, _ = printed
    entry = find_entry(data, "NW202603080905000301.html")
    place = f"newspaper/{entry['filename']}@{entry['offset']}"
    by_place = extract_json(place, data=data)
    by_address = extract_json(entry["url"], "--collection", "newspaper", data=data)
    assert by_place == by_address
    assert by_place["capture"] == place
    assert by_place["url"] == entry["url"]
    assert by_place["headline"]


def test_the_rules_of_a_source_win_and_what_they_leave_is_filled(printed: tuple[Data, Path, str]) -> None:
    data, source, _ = printed
    entry = find_entry(data, "NW202603080905000301.html")
    found = extract_json(entry["url"], "--collection", "newspaper", "--source", str(source), data=data)
    assert found["evidence"]["headline"].startswith("source: ")
    post = next(data.posts("newspaper").glob("*NW202603080905000301.md")).read_text("utf-8")
    assert json.dumps(found["headline"], ensure_ascii=False) in post or found["headline"] in post


def test_nothing_is_written(printed: tuple[Data, Path, str]) -> None:
    data, source, _ = printed
    before = {name: digest for name, digest in hash_tree(data.path, "*").items() if "catalogue" not in name}
    entry = find_entry(data, "NW202603080905000301.html")
    extract_json(entry["url"], "--collection", "newspaper", "--source", str(source), data=data)
    assert {name: digest for name, digest in hash_tree(data.path, "*").items() if "catalogue" not in name} == before


# Many pages


def batch(folder: Path, entries: list[dict[str, Any] | str], **options: Any) -> subprocess.CompletedProcess[str]:
    lines = [entry if isinstance(entry, str) else json.dumps(entry) for entry in entries]
    (folder / "pages.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    return extract("--batch", str(folder / "pages.jsonl"), **options)


def test_a_batch_answers_every_page_in_order(page: Path) -> None:
    (page.parent / "sub").mkdir()
    (page.parent / "sub" / "two.html.gz").write_bytes(gzip.compress(PAGE.replace("大桥", "小桥").encode()))
    done = batch(
        page.parent,
        [
            {"name": "one", "path": "page.html", "tz": "Asia/Shanghai", "lang": "zh", "fetched_at": "2026-03-09"},
            {"name": "two", "path": "sub/two.html.gz", "url": "https://paper.example/2026-03/08/a.html"},
        ],
    )
    assert (done.returncode, done.stderr) == (0, "")
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert first == {
        "name": "one",
        "pred": {
            "title": "大桥今日通车",
            "date": "2026-03-08T10:21:00+08:00",
            "tags": ["大桥", "通车"],
            "authors": ["李四"],
            "body": f"{PROSE}\n{PROSE[::-1]}",
        },
    }
    assert (second["name"], second["pred"]["title"], second["pred"]["date"]) == ("two", "小桥今日通车", "2026-03-08")


def test_a_bad_page_costs_one_page(page: Path) -> None:
    done = batch(
        page.parent,
        [
            {"name": "gone", "path": "gone.html"},
            "{broken",
            "[]",
            {"name": "nowhere"},
            {"name": "zone", "path": "page.html", "tz": "Nowhere/At_all"},
            {"name": "when", "path": "page.html", "fetched_at": "yesterday"},
            {"name": "good", "path": "page.html"},
        ],
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert [answer["name"] for answer in answers] == ["gone", "", "", "nowhere", "zone", "when", "good"]
    assert [bool(answer["pred"]) for answer in answers] == [False] * 6 + [True]
    problems = done.stderr.splitlines()
    assert len(problems) == 6
    assert problems[0].startswith("gone: ")
    assert problems[1].startswith("line 2: ")
    assert all("pages.jsonl" in problem for problem in problems)


def test_a_batch_reads_its_lines_by_line_feed_alone(page: Path) -> None:
    """U+2028 and its like may stand inside of a string of JSON, and end a line for Python only."""
    entry = json.dumps({"name": "a\u2028b\u0085c", "path": page.name}, ensure_ascii=False)
    (page.parent / "pages.jsonl").write_text(f"{entry}\n{entry}\n", "utf-8")
    done = run_scrapy("extract", "--batch", str(page.parent / "pages.jsonl"))
    assert (done.returncode, done.stderr) == (0, "")
    assert [json.loads(line)["name"] for line in done.stdout.split("\n") if line] == ["a\u2028b\u0085c"] * 2


def test_a_batch_asks_for_pages_that_are_no_files(tmp_path: Path) -> None:
    with WireServer({"/a": build_response(PAGE.encode())}) as server:
        entries: list[dict[str, Any] | str] = [{"name": "a", "url": server.url("/a")}] * 2
        done = batch(tmp_path, entries, settings=ALLOW)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["pred"]["title"] for line in done.stdout.splitlines()] == ["大桥今日通车"] * 2
