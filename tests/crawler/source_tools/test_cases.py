"""`scrapy sources record` and `check --cases`: a captured page beside what is expected of it, one check a field."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from archives.warc.reader import iter_records
from crawler.source_tools.cases import CaseError, check_case
from crawler.sources import find_source
from tests.project import ROOT, Data, run_scrapy
from tests.wire import WireServer, build_response

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ALLOW: dict[str, object] = {"RESOLVER_ALLOW": "127.0.0.0/8", "DOWNLOAD_DELAY": 0, "AUTOTHROTTLE_ENABLED": False}
PROSE = "跨江大桥星期一正式通车，比原计划晚了两年，费用也比当初的预算增加了一倍。"
PAGE = f"""<html lang="zh"><head><title>大桥今日通车_某某网</title><meta name="keywords" content="大桥,通车"></head>
<body><h1>大桥今日通车</h1><b>桥梁</b><p>昨天 10:21 记者 李四</p>
<div><p>{PROSE}</p><p>{PROSE[::-1]}</p></div></body></html>"""
SOURCE = """
name = "paper"
timezone = "Asia/Shanghai"
scope = ["{base}/"]
seeds = ["{base}/"]
[links]
article = ['/(?P<id>\\d+)\\.html$']
[[parser]]
of = "article"
[parser.fields]
headline = "b"
"""


def sources(*arguments: str, data: Data | None = None, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = run_scrapy("sources", *arguments, data=data, settings=ALLOW)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Data, Path, str]]:
    """One article crawled twice, so that its second capture is a revisit; its definition, and its address."""
    folder = tmp_path_factory.mktemp("crawled")
    data, source = Data(folder / "data"), folder / "paper.toml"
    body = gzip.compress(PAGE.encode("gb18030"), mtime=0)
    kinds = b"Content-Type: text/html; charset=gbk\r\nContent-Encoding: gzip"
    head = b"HTTP/1.1 200 OK\r\n" + kinds + b"\r\nContent-Length: %d\r\n\r\n"
    routes = {"/": build_response(b'<a href="/1.html">x</a>'), "/1.html": head % len(body) + body}
    moved = b"HTTP/1.1 302 Found\r\nLocation: /1.html\r\nContent-Length: 0\r\n\r\n"
    with WireServer({**routes, "/go": moved}) as server:
        source.write_text(SOURCE.format(base=server.base_url), "utf-8")
        for _ in range(2):
            options = {"REVALIDATE_ENABLED": False}
            done = run_scrapy("crawl", "category", "-a", f"source={source}", data=data, settings=ALLOW | options)
            assert done.returncode == 0, done.stderr
        sources("record", server.url("/go"), "-o", str(folder / "cases" / "live"), "--source", str(source))
        yield data, source, server.url("/1.html")


def read_expected(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "expected.json").read_text("utf-8")))


def test_a_page_on_the_web_becomes_a_case_byte_for_byte(crawled: tuple[Data, Path, str]) -> None:
    """Behind its redirect, with the source's rules and what they leave empty."""
    data, source, url = crawled
    folder = source.parent / "cases" / "live"
    assert sorted(path.name for path in folder.iterdir()) == ["capture.warc.gz", "expected.json"]
    (record,) = iter_records(folder / "capture.warc.gz")
    (archived,) = [r for w in data.warcs("paper") for r in iter_records(w) if r.type == "response" and r.url == url]
    assert record.block == archived.block
    expected = read_expected(folder)
    assert expected["url"] == url
    fields = expected["fields"]
    assert (fields["headline"], fields["keywords"], fields["author"]) == ("桥梁", ["大桥", "通车"], ["李四"])
    assert PROSE in fields["articleBody"]
    done = sources("check", str(source), "--cases", str(folder.parent))
    assert done.stdout == f"1 case, {len(fields)} fields checked, 0 differ\n"


def test_a_case_can_be_read_by_tools_we_did_not_write(crawled: tuple[Data, Path, str]) -> None:
    pytest.importorskip("warcio.cli", reason="warcio is not installed")
    warc = crawled[1].parent / "cases" / "live" / "capture.warc.gz"
    command = [sys.executable, "-m", "warcio.cli", "check", warc]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_revisit_becomes_a_case_with_its_original(crawled: tuple[Data, Path, str], tmp_path: Path) -> None:
    data, source, url = crawled
    sources("record", url, "--collection", "paper", "-o", str(tmp_path / "case"), "--source", str(source), data=data)
    types = [record.type for record in iter_records(tmp_path / "case" / "capture.warc.gz")]
    assert types == ["revisit", "response"]
    assert "0 differ" in sources("check", str(source), "--cases", str(tmp_path / "case")).stdout


def test_a_capture_is_named_by_its_place(crawled: tuple[Data, Path, str], tmp_path: Path) -> None:
    data = crawled[0]
    sidecar = sorted((data.collection("paper") / "indexes").glob("*.cdxj"))[0]
    (entry,) = [json.loads(x.split(" ", 2)[2]) for x in sidecar.read_text("utf-8").splitlines() if "1.html" in x]
    place = f"paper/{entry['filename']}@{entry['offset']}"
    sources("record", place, "-o", str(tmp_path / "case"), data=data)
    assert read_expected(tmp_path / "case")["fields"]["headline"] == "大桥今日通车"


def test_each_field_that_differs_is_reported_with_its_witness(crawled: tuple[Data, Path, str], tmp_path: Path) -> None:
    source, folder = crawled[1], copy_case(crawled, tmp_path)
    expected = read_expected(folder)
    expected["fields"] = {"headline": "大桥今日通车", "keywords": ["大桥", "通车"]}
    (folder / "expected.json").write_text(json.dumps(expected), "utf-8")
    done = sources("check", str(source), "--cases", str(folder), code=1)
    assert done.stdout.splitlines() == [
        'case: headline: "桥梁" is not "大桥今日通车"',
        "  found in: source: b",
        "1 case, 2 fields checked, 1 differ",
    ]
    done = sources("check", str(source), "--cases", str(folder), "--json", code=1)
    checks = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(check["field"], check["is_same"]) for check in checks] == [("headline", False), ("keywords", True)]
    assert checks[1]["place"] == "meta:keywords"


def test_relative_dates_count_from_the_capture_for_ever(crawled: tuple[Data, Path, str]) -> None:
    expected = read_expected(crawled[1].parent / "cases" / "live")
    assert expected["fields"]["datePublished"].endswith("T10:21:00+08:00")
    assert expected["fields"]["datePublished"] < expected["captured_at"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{broken", "record the case again"),
        ('{"url": "x"}', "record the case again"),
        (
            '{"url": "http://nowhere.example/", "captured_at": "2026-01-01T00:00:00+00:00", "fields": {}}',
            "does not hold",
        ),
    ],
)
def test_a_damaged_case_is_reported(crawled: tuple[Data, Path, str], tmp_path: Path, text: str, words: str) -> None:
    folder = copy_case(crawled, tmp_path)
    (folder / "expected.json").write_text(text, "utf-8")
    with pytest.raises(CaseError, match=words):
        list(check_case(folder, find_source(str(crawled[1])), name="case"))


def test_a_field_that_no_post_has_is_a_fault_of_the_case(crawled: tuple[Data, Path, str], tmp_path: Path) -> None:
    folder = copy_case(crawled, tmp_path)
    expected = read_expected(folder) | {"fields": {"headlin": "x"}}
    (folder / "expected.json").write_text(json.dumps(expected), "utf-8")
    with pytest.raises(CaseError, match=r"fields\.headlin: is not a field; known are headline"):
        list(check_case(folder, find_source(str(crawled[1])), name="case"))


def copy_case(crawled: tuple[Data, Path, str], folder: Path) -> Path:
    shutil.copytree(crawled[1].parent / "cases" / "live", folder / "case")
    return folder / "case"


def test_what_cannot_be_recorded_or_replayed_is_said(crawled: tuple[Data, Path, str], tmp_path: Path) -> None:
    data, source, url = crawled
    live = str(source.parent / "cases" / "live")
    for arguments, code, words in (
        (("record", url), 2, "directory of the case with -o DIR"),
        (("record", url, "--collection", "paper", "-o", live), 1, "holds a case already"),
        (("record", url, "--collection", "nowhere", "-o", str(tmp_path / "c")), 1, "no collection 'nowhere'"),
        (("record", f"{url}x", "--collection", "paper", "-o", str(tmp_path / "c")), 1, "is not archived"),
        (("record", "page.html", "-o", str(tmp_path / "c")), 1, "neither an address nor COLLECTION/FILE@OFFSET"),
        (("record", url, "-o", str(tmp_path / "c"), "--at", "soon"), 2, "14 or 17 digits"),
        (("check", str(source), "--cases", str(tmp_path)), 1, "holds no case; make one with"),
        (("check", "nobody", "--cases", live), 1, "unknown source"),
    ):
        assert words in sources(*arguments, data=data, code=code).stderr
    assert not (tmp_path / "c").exists()


def test_a_page_that_is_not_served_makes_no_case(tmp_path: Path) -> None:
    with WireServer({"/": build_response(b"", status="404 Not Found")}) as server:
        done = sources("record", server.url("/"), "-o", str(tmp_path / "case"), code=1)
    assert "was not served" in done.stderr
    assert not (tmp_path / "case").exists()
