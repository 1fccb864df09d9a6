"""The commands as a user types them: what they make, what they refuse, and the exit codes they promise."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from scrapy.utils.project import get_project_settings

from crawler.environment import name_program
from crawler.projects.command import refuse_misspellings
from crawler.projects.main import list_commands, load_command
from tests.crawler.bigpaper import BigPaper
from tests.project import LOOPBACK, Data, hash_tree, run_scrapy
from tests.wire import WireServer, build_response

if TYPE_CHECKING:
    from pathlib import Path

ALLOW: dict[str, object] = {"RESOLVER_ALLOW": "127.0.0.0/8"}


@pytest.fixture
def copied(newspaper: Data, tmp_path: Path) -> Data:
    shutil.copytree(newspaper.path, tmp_path / "copy")
    return Data(tmp_path / "copy")


def test_two_editions_make_every_post_once_and_update_what_changed(newspaper: Data) -> None:
    first, second = (manifest["counts"] for manifest in newspaper.read_manifests("newspaper"))
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert first["posts/new"] == 41
    assert (second["posts/new"], second["posts/updated"], second["posts/unchanged"]) == (2, 1, 40)
    changed = newspaper.posts("newspaper") / "2026-03-04-NW202603041930000402.md"
    assert "24 minutes, not 22" in changed.read_text("utf-8")


def test_a_manifest_names_the_run_its_files_and_its_end(newspaper: Data) -> None:
    files = {}
    for manifest in newspaper.read_manifests("newspaper"):
        assert manifest["exit_reason"] == "finished"
        (file,) = manifest["files"]
        files[file["name"]] = file
    warcs = newspaper.warcs("newspaper")
    assert list(files) == [warc.name for warc in warcs]
    for warc in warcs:
        digest = subprocess.run(["sha256sum", warc], capture_output=True, text=True, check=True).stdout.split()[0]
        assert files[warc.name] == {"name": warc.name, "bytes": warc.stat().st_size, "sha256": digest}


def test_reparse_makes_the_same_tree_elsewhere_and_touches_nothing(newspaper: Data, tmp_path: Path) -> None:
    """Nothing but the catalogue, which is read into being."""
    data = newspaper
    before = hash_tree(data.path, "*.[!s]*")
    done = run_scrapy("reparse", "newspaper", "--out", str(tmp_path / "again"), data=data)
    assert done.returncode == 0, done.stderr
    assert hash_tree(tmp_path / "again") == hash_tree(data.posts("newspaper"))
    assert hash_tree(data.path, "*.[!s]*") == before


def test_reparse_up_to_an_instant_sees_the_first_edition_only(newspaper: Data, tmp_path: Path) -> None:
    ended_at = newspaper.read_manifests("newspaper")[0]["ended_at"]
    assert isinstance(ended_at, str)
    timestamp = re.sub(r"\D", "", ended_at)[:14]
    done = run_scrapy("reparse", "newspaper", "--at", timestamp, "--out", str(tmp_path / "then"), data=newspaper)
    assert done.returncode == 0, done.stderr
    posts = {path.name: path.read_text("utf-8") for path in (tmp_path / "then").glob("*.md")}
    assert len(posts) == 41
    assert "22" in posts["2026-03-04-NW202603041930000402.md"]


def test_diff_shows_what_would_change_and_writes_nothing(copied: Data) -> None:
    post = copied.posts("newspaper") / "2026-03-04-NW202603041930000402.md"
    post.write_text(post.read_text("utf-8").replace("24 minutes", "42 minutes"), "utf-8")
    (copied.posts("newspaper") / "2026-03-08-NW202603080905000301.md").unlink()
    before = hash_tree(copied.posts("newspaper"))
    done = run_scrapy("reparse", "newspaper", "--diff", data=copied)
    assert done.returncode == 1
    assert "43 posts before, 43 after: 0 would appear, 0 vanish, 2 change, 41 stay as they are" in done.stdout
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert "file changes in 2" in lines
    assert any(line.startswith("+ …") and "24 minutes" in line for line in lines)
    assert "- (nothing)" in lines[lines.index("newspaper/NW202603080905000301") :]
    assert hash_tree(copied.posts("newspaper")) == before


def test_reparse_mends_posts_and_leaves_good_ones_alone(copied: Data) -> None:
    folder = copied.posts("newspaper")
    wanted = hash_tree(folder)
    changed, good = sorted(folder.glob("*.md"))[:2]
    changed.write_text("spoilt", "utf-8")
    written_at = good.stat().st_mtime_ns
    done = run_scrapy("reparse", "newspaper", data=copied)
    assert done.returncode == 0, done.stderr
    assert hash_tree(folder) == wanted
    assert good.stat().st_mtime_ns == written_at


def test_verify_says_all_is_well_in_one_line(copied: Data) -> None:
    done = run_scrapy("verify", "newspaper", "--posts", data=copied)
    assert (done.returncode, done.stdout) == (0, "newspaper: the archive and posts are whole\n")


def test_verify_finds_a_changed_a_missing_and_a_foreign_post(copied: Data) -> None:
    changed, missing, *_ = sorted(copied.posts("newspaper").glob("*.md"))
    changed.write_bytes(changed.read_bytes() + b" ")
    missing.unlink()
    (copied.posts("newspaper") / "2026-01-01-foreign.md").write_text("x", "utf-8")
    done = run_scrapy("verify", "newspaper", "--posts", "--json", data=copied)
    found = {(line["kind"], line["message"].split()[2]) for line in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 1
    assert found == {
        ("post-changed", changed.name),
        ("post-missing", missing.name),
        ("post-unexpected", "2026-01-01-foreign.md"),
    }


def test_verify_finds_one_flipped_bit(copied: Data) -> None:
    warc = copied.warcs("newspaper")[0]
    raw = bytearray(warc.read_bytes())
    raw[len(raw) // 2] ^= 1
    warc.write_bytes(raw)
    done = run_scrapy("verify", "newspaper", data=copied)
    assert done.returncode == 1
    assert warc.name in done.stdout


def test_a_reparse_opens_no_socket(copied: Data, tmp_path: Path) -> None:
    """An audit hook of the interpreter refuses whatever reaches for the network."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\ndef refuse(event, arguments):\n"
        "    if event.startswith('socket.') and event != 'socket.gethostname':\n"
        "        raise RuntimeError(event)\nsys.addaudithook(refuse)\n",
        "utf-8",
    )
    environment = {"PYTHONPATH": str(tmp_path)}
    reaching = [sys.executable, "-c", "import socket; socket.getaddrinfo('localhost', 80)"]
    assert subprocess.run(reaching, env=os.environ | environment, check=False, capture_output=True).returncode == 1
    done = run_scrapy("reparse", "newspaper", data=copied, environment=environment)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["crawl", "category"], "say which source"),
        (["crawl", "category", "-a", "source=nowhere"], "unknown source; known are finews"),
        (["crawl", "category", "-a", "source=finew"], "finew: unknown source; did you mean finews?"),
        (["crawl", "category", "-a", "source=./nowhere.toml"], "there is no such file"),
        (["crawl", "nobody", "-a", "source=finews"], "nobody is not a spider; there are category, share"),
        (["crawl", "share", "-a", "source=finews"], "no share links"),
        (["crawl", "share", "-a", "source=finews", "-a", "urls=nowhere.txt"], "nowhere.txt"),
        (["crawl", "share", "-a", "source=finews", "-a", "urls=ftp://x/"], "is not a link"),
        (["crawl", "category", "-a", "source=finews", "-a", "seeds=paper.example"], "'paper.example' is not a link"),
        (["crawl", "category", "-a", "source=finews", "-a", "seeds=http://[::1"], "'http://[::1' is not a link"),
        (["crawl", "category", "-a", "source=finews", "-a", "collection=../up"], "../up"),
        (["reparse"], "name one collection"),
        (["reparse", "nowhere"], "nowhere"),
        (["reparse", "newspaper", "--at", "yesterday", "--diff"], "not a timestamp of 14 digits"),
        (["reparse", "newspaper", "--at", "20260101000000"], "give --out DIR or --diff with it"),
        (["reparse", "newspaper", "--source", "nobody"], "unknown source"),
        (["verify", "nowhere"], "nowhere"),
        (["sources", "paint"], "Usage"),
    ],
)
def test_bad_usage_is_one_clear_sentence(newspaper: Data, arguments: list[str], words: str) -> None:
    done = run_scrapy(*arguments, data=newspaper)
    assert done.returncode == 2, done.stderr
    assert words in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_an_unwritable_data_directory_is_one_clear_sentence(tmp_path: Path) -> None:
    """A file stands where the directory should be: that stops root as well."""
    (tmp_path / "data").write_text("not a directory", "utf-8")
    done = run_scrapy("crawl", "category", "-a", "source=finews", data=tmp_path / "data")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert str(tmp_path / "data") in done.stderr


def test_a_crawl_that_fetched_nothing_exits_with_1(data: Data, tmp_path: Path) -> None:
    """Scrapy alone would say 0."""
    with WireServer({}) as server:
        gone = server.base_url
    for is_up in (False, True):
        with WireServer({"/": build_response(b"", status="500 Oops")}) as server:
            source = tmp_path / "s.toml"
            base = server.base_url if is_up else gone
            source.write_text(f'name = "s"\ntimezone = "UTC"\nscope = ["{base}/"]\nseeds = ["{base}/"]\n', "utf-8")
            done = run_scrapy(
                "crawl", "category", "-a", f"source={source}", data=data, settings=LOOPBACK | {"RETRY_ENABLED": False}
            )
        assert done.returncode == 1, done.stderr
        if not is_up:
            verified = run_scrapy("verify", "s", "--posts", data=data)
            assert verified.returncode == 2
            assert "s: nothing has been captured yet; crawl something first" in verified.stderr


def test_what_is_not_html_costs_one_page(data: Data, tmp_path: Path) -> None:
    routes = {
        "/": build_response(
            b'<a href="/2026/01/01/a1.html">1</a><a href="/2026/01/01/a2.html">2</a><a href="/2026/01/01/a3.html">3</a>'
        ),
        "/2026/01/01/a1.html": build_response(b"\x00\x00\x00"),
        "/2026/01/01/a2.html": build_response(bytes(range(256)) * 40, headers=(("Content-Type", "image/png"),)),
        "/2026/01/01/a3.html": build_response(b"<h1>Good</h1><time>2026-01-01 08:00</time><div><p>News.</p></div>"),
    }
    with WireServer(routes) as server:
        source = tmp_path / "s.toml"
        source.write_text(
            f'name = "s"\ntimezone = "UTC"\nscope = ["{server.base_url}/"]\nseeds = ["{server.base_url}/"]\n'
            "[links]\narticle = ['/\\d+/\\d+/\\d+/(?P<id>\\w+)\\.html']\n"
            '[[parser]]\nof = "article"\n[parser.fields]\nheadline = "h1"\ndatePublished = "time"\n'
            'articleBody = "html:div"\n',
            "utf-8",
        )
        done = run_scrapy("crawl", "category", "-a", f"source={source}", data=data, settings=LOOPBACK)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert [path.name for path in data.posts("s").glob("*.md")] == ["2026-01-01-a3.md"]


@pytest.mark.parametrize("name", list_commands())
def test_the_examples_of_every_help_are_valid(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = load_command(name)
    command.settings = get_project_settings()
    parser = argparse.ArgumentParser(conflict_handler="resolve")
    command.add_options(parser)
    with pytest.raises(SystemExit, match="0"):
        parser.parse_args(["--help"])
    _, _, shown = capsys.readouterr().out.partition("Examples:\n")
    assert shown
    for line in shown.splitlines():
        program, word, *arguments = shlex.split(line.partition(">")[0])
        assert (program, word) == (name_program(), name)
        options, rest = parser.parse_known_args(arguments)
        refuse_misspellings(parser, rest, options)


def test_sources_are_listed_and_checked(tmp_path: Path) -> None:
    assert "finews" in run_scrapy("sources").stdout
    assert run_scrapy("sources", "check", "finews").returncode == 0
    (tmp_path / "bad.toml").write_text('name = "bad"\ntimezone = "Mars/Olympus"\nscope=["//x/"]\nseeds=[]\n', "utf-8")
    done = run_scrapy("sources", "check", str(tmp_path / "bad.toml"))
    assert done.returncode == 1
    assert "bad.toml: timezone: 'Mars/Olympus' is not an IANA time zone" in done.stdout


def test_reparse_puts_the_ledger_back_and_removes_what_nothing_stands_behind(copied: Data) -> None:
    ledger = copied.collection("newspaper") / "indexes" / "ledger.sqlite"
    wanted = hash_tree(copied.posts("newspaper"))
    for path in ledger.parent.glob("ledger.sqlite*"):
        path.unlink()
    assert run_scrapy("reparse", "newspaper", data=copied).returncode == 0
    assert ledger.exists()
    with contextlib.closing(sqlite3.connect(ledger)) as database:
        name = sorted(wanted)[0]
        database.execute("UPDATE posts SET file = '2026-01-01-stale.md' WHERE file = ?", (name,))
        database.execute(
            "UPDATE posts SET source = 'other', file = '2026-01-02-other.md', claim = 'o.md' WHERE file = ?",
            (sorted(wanted)[1],),
        )
        database.commit()
    for stale in ("2026-01-01-stale.md", "2026-01-02-other.md", "2026-01-03-mine.md"):
        (copied.posts("newspaper") / stale).write_text("x", "utf-8")
    assert run_scrapy("reparse", "newspaper", data=copied).returncode == 0
    left = hash_tree(copied.posts("newspaper"))
    assert set(left) == {*wanted, "2026-01-02-other.md", "2026-01-03-mine.md"}
    assert {name: left[name] for name in wanted} == wanted


def test_a_damaged_archive_removes_no_post(copied: Data) -> None:
    warc = copied.warcs("newspaper")[0]
    raw = bytearray(warc.read_bytes())
    raw[len(raw) // 2] ^= 1
    warc.write_bytes(raw)
    before = set(hash_tree(copied.posts("newspaper")))
    assert run_scrapy("reparse", "newspaper", data=copied).returncode in (0, 1)
    assert set(hash_tree(copied.posts("newspaper"))) == before


def test_reparse_of_nothing_says_so(newspaper: Data, tmp_path: Path) -> None:
    done = run_scrapy("reparse", "newspaper", "--source", "finews", "--out", str(tmp_path), data=newspaper)
    assert done.returncode == 1
    assert "no capture in it belongs to finews" in done.stderr


def test_a_source_of_a_few_lines_reads_articles_by_what_they_declare(data: Data, tmp_path: Path) -> None:
    """No parser: headline, instant, tags and text come from the page's own markup."""
    article = b"""<html lang="en"><head><title>Ferry returns - The Quay</title>
<script type="application/ld+json">{"@type": "NewsArticle", "headline": "Ferry returns",
"datePublished": "2026-03-04T10:21:11+08:00", "keywords": ["harbour", "ferry"]}</script></head><body>
<nav><a href="/">Home</a></nav><article><h1>Ferry returns</h1><p>The night ferry returned this morning after eleven
winters at the wharf, and the town came out to see it.</p><p>It carried forty lorries, nine dogs and the mail, and
nobody on board had slept, which the harbour master called a good sign.</p></article></body></html>"""
    routes = {"/": build_response(b'<a href="/2026/ferry.html">Ferry</a>'), "/2026/ferry.html": build_response(article)}
    with WireServer(routes) as server:
        source = tmp_path / "quay.toml"
        source.write_text(
            f'name = "quay"\ntimezone = "Asia/Shanghai"\nscope = ["{server.base_url}/"]\n'
            f'seeds = ["{server.base_url}/"]\n'
            "[links]\narticle = ['/\\d{4}/[a-z-]+\\.html$']\n",
            "utf-8",
        )
        done = run_scrapy("crawl", "category", "-a", f"source={source}", data=data, settings=LOOPBACK)
    assert done.returncode == 0, done.stderr
    (post,) = data.posts("quay").glob("*.md")
    text = post.read_text("utf-8")
    assert post.name == "2026-03-04-Ferry-returns.md"
    assert 'title: "Ferry returns"\ndate: 2026-03-04 10:21:11 +0800\n' in text
    assert 'tags: ["harbour", "ferry"]' in text
    assert "nine dogs" in text
    assert "Home" not in text
    assert run_scrapy("verify", "quay", "--posts", data=data).returncode == 0


def test_sources_that_share_a_collection_keep_their_own_options(data: Data, tmp_path: Path) -> None:
    with BigPaper(4) as paper:
        for name, zone in (("near", "Asia/Shanghai"), ("far", "America/New_York")):
            text = paper.source_toml().replace('name = "big"', f'name = "{name}"').replace('"UTC"', f'"{zone}"')
            (tmp_path / f"{name}.toml").write_text(text, "utf-8")
            done = run_scrapy(
                *("crawl", "category", "-a", f"source={tmp_path / name}.toml", "-a", "collection=both"),
                data=data,
                settings=LOOPBACK,
            )
            assert done.returncode == 0, done.stderr
    posts = hash_tree(data.posts("both"))
    assert len(posts) == 8
    done = run_scrapy("reparse", "both", data=data)
    assert done.returncode == 0, done.stderr
    assert hash_tree(data.posts("both")) == posts
    done = run_scrapy("verify", "both", "--posts", data=data)
    assert done.returncode == 0, done.stdout + done.stderr
