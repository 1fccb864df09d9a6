"""The page on extensions is followed to the letter: its code becomes a distribution, and users' commands ask for it."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from crawler.monitoring.alert import AlertKind
from crawler.monitoring.health import Limits, examine
from crawler.monitoring.logbook import list_runs
from crawler.publishing.formats import EXPORTERS, find_format
from crawler.sources.readers import NORMALISERS, READERS
from pipelines.exports.files import ExportError
from pipelines.exports.formats import FORMATS, Exporter, ExportOptions
from pipelines.exports.records import PostRecord
from pipelines.posts.options import Normaliser
from pipelines.rules.model import Reader
from tests.distributions import write_distribution
from tests.project import LOOPBACK, ROOT, Data, hash_tree, run_scrapy
from tests.wire import WireServer, build_response

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

PAGE = (ROOT / "docs/extending.md").read_text("utf-8")
ARTICLE = """<html><body><!--kicker-->Harbour<!--/kicker--><h1>Ferry {0} (updated)</h1>
<time>2026-03-08 10:0{0}:00</time></body></html>"""
SOURCE = """
name = "courier"
title = "Courier"
timezone = "Europe/London"

scope = ["{seed}"]
seeds = ["{seed}"]
[links]
article = ['/(?P<id>\\d)\\.html$']
"""
BROKEN = {
    "broken_import": "import nothing_of_that_name\n",
    "broken_export": """
class Failing:
    title, is_table = "x", False
    def export(self, records, path, options):
        for record in records:
            raise KeyError(record.headline)
class Silent(Failing):
    def export(self, records, path, options):
        list(records)
class Refusing(Failing):
    def export(self, records, path, options):
        from pipelines import ExportError
        raise ExportError("the disk is full of eels")
class Reader:
    def find_fields(self, page):
        raise RuntimeError("not today")
class Normaliser:
    def normalise(self, statement):
        raise RuntimeError("not today")
""",
}
BROKEN_OFFERS = {
    "newsreel.exporters": {
        "absent": "broken_import:X",
        "failing": "broken_export:Failing",
        "silent": "broken_export:Silent",
        "refusing": "broken_export:Refusing",
        "jsonl": "broken_import:X",
        "bad": "broken_export:Reader",
    },
    "newsreel.storage": {"absent": "broken_import:X"},
    "newsreel.readers": {"absent": "broken_import:X", "failing": "broken_export:Reader"},
    "newsreel.normalisers": {"failing": "broken_export:Normaliser"},
}


def list_blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


# What a source says that asks for the example's reader and its normaliser.
EXAMPLE = "".join(list_blocks("toml")[1:3])


def write_example(folder: Path) -> dict[str, Any]:
    """Install what the page shows; returns its pyproject.toml."""
    modules = {block.partition(".py\n")[0].removeprefix("# "): block for block in list_blocks("python")}
    project: dict[str, Any] = tomllib.loads(list_blocks("toml")[0])["project"]
    write_distribution(folder, project["name"], modules, project["entry-points"], summary=project["description"])
    return project


@dataclass(frozen=True)
class Installed:
    """A project with the example and a broken distribution beside it, after one crawl."""

    folder: Path
    data: Data
    environment: dict[str, str]

    def run(self, *arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
        return run_scrapy(*arguments, data=self.data, settings=settings, environment=self.environment)


def crawl(installed: Installed, parser: str, **settings: object) -> subprocess.CompletedProcess[str]:
    pages = {f"/{number}.html": build_response(ARTICLE.format(number).encode()) for number in (1, 2)}
    links = b"".join(b'<a href="/%d.html">x</a>' % number for number in (1, 2))
    with WireServer({"/": build_response(links), **pages}) as server:
        text = SOURCE.format(seed=server.url("/")) + parser
        (installed.folder / "courier.toml").write_text(text, "utf-8")
        source = f"source={installed.folder / 'courier.toml'}"
        return installed.run("crawl", "category", "-a", source, **LOOPBACK, **settings)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    folder = tmp_path_factory.mktemp("extending")
    write_example(folder / "site")
    write_distribution(folder / "site", "broken-one", BROKEN, BROKEN_OFFERS)
    environment = {"PYTHONPATH": str(folder / "site"), "NEWSREEL_DISK": str(folder / "disk")}
    made = Installed(folder, Data(folder / "data"), environment)
    done = crawl(made, EXAMPLE)
    assert done.returncode == 0, done.stderr
    yield made


# The page


def test_every_group_has_its_part_of_the_page() -> None:
    project = tomllib.loads(list_blocks("toml")[0])["project"]
    groups = re.findall(r"^\| `(newsreel\.\w+)`", PAGE, re.MULTILINE)
    assert sorted(project["entry-points"]) == sorted(groups)
    assert len(groups) == 4


def test_a_reader_finds_what_the_page_says(installed: Installed) -> None:
    (post,) = installed.data.posts("courier").glob("*-1.md")
    assert "tags: Harbour" in post.read_text("utf-8")


def test_a_normaliser_changes_what_the_page_says_and_a_reparse_agrees(installed: Installed, tmp_path: Path) -> None:
    (post,) = installed.data.posts("courier").glob("*-1.md")
    assert 'title: "Ferry 1"' in post.read_text("utf-8")
    done = installed.run("reparse", "courier", "--out", str(tmp_path / "again"))
    assert done.returncode == 0, done.stderr
    assert hash_tree(tmp_path / "again") == hash_tree(installed.data.posts("courier"))


def test_a_normaliser_that_fails_costs_its_statements(installed: Installed, tmp_path: Path) -> None:
    parser = EXAMPLE
    definition = SOURCE.format(seed="http://paper.example/") + parser.replace("plain", "failing")
    (tmp_path / "courier.toml").write_text(definition, "utf-8")
    source = ("--source", str(tmp_path / "courier.toml"))
    done = installed.run("reparse", "courier", *source, "--out", str(tmp_path / "again"))
    assert done.returncode == 1
    assert "could not be normalised" in done.stderr
    assert "RuntimeError: not today" in done.stderr


def test_a_format_is_written_and_listed_beside_ours(installed: Installed) -> None:
    target = installed.folder / "headlines.txt"
    done = installed.run("export", "headlines", "-o", str(target))
    assert (done.returncode, target.read_text("utf-8")) == (0, "Ferry 1\nFerry 2\n"), done.stderr
    done = installed.run("export", "--help")
    told = " ".join(done.stdout.split())
    assert "headlines: headlines, one a line (from newsreel-example 1)" in told
    assert f"jsonl: {FORMATS['jsonl'].title};" in told
    done = installed.run("export", "headlines", "-o", str(target), "--since", "start")
    assert (done.returncode, "always contains all posts" in done.stderr) == (2, True)
    done = installed.run("export", "headlines", "-o", str(target), "--workers", "2")
    assert (done.returncode, "headlines is made by one process" in done.stderr) == (2, True)


def test_a_format_is_kept_up_to_date_after_a_run(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "exports.toml").write_text('[[export]]\nformat = "headlines"\npath = "lines.txt"\n', "utf-8")
    done = crawl(
        Installed(tmp_path, Data(tmp_path / "data"), installed.environment),
        EXAMPLE,
        EXPORTS_FILE=tmp_path / "exports.toml",
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "lines.txt").read_text("utf-8") == "Ferry 1\nFerry 2\n"


def test_a_storage_takes_files_and_gives_them_back(installed: Installed, tmp_path: Path) -> None:
    """What is only there is verified, and every post is made of it again."""
    done = installed.run("store", "courier", "--json", STORE_URL="disk://news/2026", STORE_KEEP_DAYS=0)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["removed"] for line in done.stdout.splitlines()] == [True]
    assert installed.data.warcs("courier") == []
    (stored,) = (installed.folder / "disk" / "news" / "2026" / "courier" / "archive").iterdir()
    (note,) = (installed.data.collection("courier") / "archive").iterdir()
    assert json.loads(note.read_text("utf-8"))["url"] == f"disk://news/2026/courier/archive/{stored.name}"
    done = installed.run("verify", "courier", "--posts", "--workers", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    done = installed.run("reparse", "courier", "--out", str(tmp_path / "again"))
    assert done.returncode == 0, done.stderr
    assert hash_tree(tmp_path / "again") == hash_tree(installed.data.posts("courier"))
    stranger = json.loads(note.read_text("utf-8")) | {"url": "disk://news/../../../etc/passwd"}
    text = note.read_text("utf-8")
    note.write_text(json.dumps(stranger), "utf-8")
    done = installed.run("verify", "courier")
    note.write_text(text, "utf-8")
    assert (done.returncode, "is outside" in done.stdout) == (1, True)


# What is broken


def test_a_broken_extension_stops_nothing_else(installed: Installed, tmp_path: Path) -> None:
    """All commands here ran beside one that cannot be imported, and of two formats of one name ours is taken."""
    done = installed.run("export", "jsonl", "-o", str(tmp_path / "x.jsonl"))
    assert (done.returncode, len((tmp_path / "x.jsonl").read_text("utf-8").splitlines())) == (0, 2), done.stderr


NO_MODULE = "broken-one 1 raises ModuleNotFoundError: No module named 'nothing_of_that_name'"
FAULTS = [
    (("export", "absent", "-o", "x"), 2, f"'absent' of newsreel.exporters cannot be used: {NO_MODULE}"),
    (("export", "bad", "-o", "x"), 2, "what broken-one 1 makes has no title, is_table, export"),
    (("export", "failing", "-o", "x"), 1, "x was not written: broken-one 1 raises KeyError: 'Ferry 1'"),
    (("export", "silent", "-o", "x"), 1, "broken-one 1 returns None for silent, not the number of posts"),
    (("export", "refusing", "-o", "x"), 1, "x was not written: the disk is full of eels"),
    (
        ("store", "courier", "-s", "STORE_URL=absent://x"),
        2,
        f"'absent' of newsreel.storage cannot be used: {NO_MODULE}",
    ),
    (("store", "courier", "-s", "STORE_URL=gs://x"), 2, "installed are absent, disk, s3"),
]


@pytest.mark.parametrize(("arguments", "code", "words"), FAULTS)
def test_a_fault_is_reported_when_it_is_asked_for(
    arguments: tuple[str, ...], code: int, words: str, installed: Installed
) -> None:
    done = installed.run(*arguments)
    assert (done.returncode, words in done.stdout + done.stderr) == (code, True), done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert not (ROOT / "x").exists()


def test_a_broken_reader_stops_the_sources_that_name_it(installed: Installed, tmp_path: Path) -> None:
    definition = SOURCE.format(seed="http://x.example/") + '[[parser]]\nof = "article"\nclass = "absent"\n'
    (tmp_path / "x.toml").write_text(definition, "utf-8")
    done = installed.run("sources", "check", str(tmp_path / "x.toml"))
    assert (done.returncode, f"'absent' of newsreel.readers cannot be used: {NO_MODULE}" in done.stdout) == (1, True)


def test_a_reader_that_fails_costs_its_pages(installed: Installed, tmp_path: Path) -> None:
    parser = '[[parser]]\nof = "article"\nclass = "failing"\n'
    done = crawl(Installed(tmp_path, Data(tmp_path / "data"), installed.environment), parser)
    assert "RuntimeError: not today" in done.stderr
    data = Data(tmp_path / "data")
    assert list(data.posts("courier").glob("*.md")) == []
    (run,) = list_runs(data.path)
    (alert,) = [one for one in examine([run], now=run.began_at, limits=Limits()).alerts if one.kind is AlertKind.ERRORS]
    assert len(alert.examples) == min(3, run.counts["spider_exceptions/RuntimeError"])
    assert all(url.startswith("http://127.0.0.1:") for url in alert.examples)


def test_a_broken_format_in_exports_toml_is_reported_before_the_crawl(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "exports.toml").write_text('[[export]]\nformat = "absent"\npath = "x"\n', "utf-8")
    done = crawl(
        Installed(tmp_path, Data(tmp_path / "data"), installed.environment),
        EXAMPLE,
        EXPORTS_FILE=tmp_path / "exports.toml",
    )
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert f"exports.toml: 'absent' of newsreel.exporters cannot be used: {NO_MODULE}" in done.stderr
    assert not Data(tmp_path / "data").warcs("courier")
    done = installed.run("export", "webhooks", EXPORTS_FILE=tmp_path / "exports.toml")
    assert done.returncode == 0, "receivers need no format"


def test_an_error_of_the_records_is_not_blamed_on_the_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_example(tmp_path / "site")
    monkeypatch.syspath_prepend(tmp_path / "site")

    def stumble() -> Iterator[PostRecord]:
        yield PostRecord(collection="c", source="s", identifier="1")
        raise LookupError("ours")

    chosen = find_format("headlines")
    with pytest.raises(LookupError, match="ours"):
        chosen.export(stumble(), tmp_path / "x", ExportOptions())
    assert not (tmp_path / "x").exists()
    with pytest.raises(ExportError, match=r"^newsreel-example 1 raises AttributeError: "):
        chosen.export(iter([None]), tmp_path / "x", ExportOptions())  # type: ignore[list-item]


@pytest.mark.parametrize(("group", "protocol"), [(EXPORTERS, Exporter), (READERS, Reader), (NORMALISERS, Normaliser)])
def test_what_is_asked_of_an_extension_is_what_its_protocol_says(group: Any, protocol: type) -> None:
    assert set(group.members) == {name for name in vars(protocol) if not name.startswith("_")}
