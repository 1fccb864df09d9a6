"""`scrapy import`: posts of hosts that nobody has described, which a reparse makes again."""

from __future__ import annotations

import gzip
import json
import zipfile
from typing import TYPE_CHECKING

from tests.project import Data, run_scrapy

if TYPE_CHECKING:
    from pathlib import Path

PAGE = """<!doctype html><html lang="{language}"><head><title>{title}</title>
<meta property="og:type" content="article"><meta property="article:published_time" content="{date}">
</head><body><article><h1>{title}</h1>{body}</article></body></html>"""
SENTENCE = "<p>{title}: the council met on Monday and heard from the people who live by the river, at some length.</p>"


def build_record(url: str, page: str) -> bytes:
    body = page.encode()
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n%b" % (
        len(body),
        body,
    )
    header = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:test:{url}>\r\nWARC-Date: 2025-06-05T10:00:00Z\r\n"
        f"WARC-Target-URI: {url}\r\nContent-Type: application/http; msgtype=response\r\n"
        f"Content-Length: {len(block)}\r\n\r\n"
    )
    return header.encode() + block + b"\r\n\r\n"


def write_files(folder: Path) -> None:
    """Two articles of each of two hosts, in files of other kinds and depths."""
    articles = {
        "https://ferry.example/news/2025/06/01/the-boat-is-back": ("The boat is back", "en"),
        "https://ferry.example/news/2025/06/02/a-new-pier": ("A new pier for the town", "en"),
        "https://taler.example/ort/2025/06/03/die-bruecke": ("Die Brücke ist fertig", "de"),
        "https://taler.example/ort/2025/06/04/der-markt": ("Der Markt zieht um", "de"),
    }
    records = []
    for url, (title, language) in articles.items():
        date = "-".join(url.split("/")[4:7]) + "T08:00:00+02:00"
        body = SENTENCE.format(title=title) * 8
        records.append(build_record(url, PAGE.format(title=title, language=language, date=date, body=body)))
    (folder / "deep" / "er").mkdir(parents=True)
    # An archive of others may hold any address, and a digest that cannot be checked.
    odd = build_record("http://[::1/", "<p>").replace(b"Content-Type", b"WARC-Block-Digest: sha3:0\r\nContent-Type", 1)
    (folder / "a.warc").write_bytes(b"".join([*records[:2], odd]))
    (folder / "deep" / "er" / "b.warc.gz").write_bytes(b"".join(map(gzip.compress, records[2:])))
    (folder / "readme.txt").write_text("how these were made")


def test_pages_of_hosts_without_a_definition_become_posts(tmp_path: Path) -> None:
    given = tmp_path / "given"
    write_files(given)
    data = Data(tmp_path / "data")
    done = run_scrapy("import", str(given), "--collection", "mixed", data=data)
    assert done.returncode == 0, done.stderr
    assert "readme.txt is no WARC, ARC or WACZ file; it is passed over" in done.stdout
    assert len(list(data.posts("mixed").glob("*.md"))) == 4
    proved = run_scrapy("verify", "mixed", "--posts", "--notes", data=data)
    assert "mixed: block digest in a.warc" in proved.stderr
    assert (proved.returncode, proved.stdout) == (0, "mixed: the archive and posts are whole\n"), proved.stderr
    part = tmp_path / "ferry.wacz"
    packed = run_scrapy("pack", "mixed", "-o", str(part), "--source", "ferry.example", data=data)
    assert packed.returncode == 0, packed.stderr
    with zipfile.ZipFile(part) as archive:
        pages = [json.loads(line) for line in archive.read("pages/pages.jsonl").splitlines()]
    assert {page["url"] for page in pages if "url" in page} == {
        "https://ferry.example/news/2025/06/01/the-boat-is-back",
        "https://ferry.example/news/2025/06/02/a-new-pier",
    }
    before = {path: path.read_bytes() for path in data.path.rglob("*") if path.suffix in {".md", ".gz", ".warc"}}
    again = run_scrapy("import", str(given), "--collection", "mixed", data=data)
    assert (again.returncode, "mixed: nothing new" in again.stdout) == (0, True)
    assert before == {path: path.read_bytes() for path in before}


def test_a_file_without_articles_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "a.warc"
    path.write_bytes(build_record("https://ferry.example/about", "<!doctype html><title>About</title><p>A short text."))
    done = run_scrapy("import", str(path), "--collection", "mixed", data=Data(tmp_path / "data"))
    assert "mixed: 1 capture read; posts: 0 new" in done.stderr
    assert "mixed: none of them shows an article" in done.stderr


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    done = run_scrapy("import", str(tmp_path / "none"), "--collection", "mixed", data=tmp_path / "data")
    assert done.returncode == 2
    assert "there is no" in done.stderr
    assert not (tmp_path / "data").exists()
