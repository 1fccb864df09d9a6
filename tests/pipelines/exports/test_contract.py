"""One suite for every format: whatever a post holds, it is written, and nothing is written by halves."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.publishing.webhooks import Hook, build_body
from pipelines.dates.model import Precision
from pipelines.exports.documents.newsarticle import build_newsarticle
from pipelines.exports.files import ExportError
from pipelines.exports.formats import FORMATS, ExportOptions
from pipelines.exports.loading import load_record
from pipelines.exports.records import (
    COLUMNS,
    NAMES,
    Change,
    ChangeKind,
    PostRecord,
    RecordRefused,
    build_object,
    build_row,
    dump_record,
)
from pipelines.exports.schemas import SCHEMAS, build_schema
from pipelines.exports.tables.jsonl import read_jsonl
from pipelines.exports.tables.parquet import read_parquet
from pipelines.exports.tables.sqlite import read_sqlite
from tests.pipelines.exports.hostile_texts import list_texts
from tests.pipelines.exports.samples import SHANGHAI, build_hostile, build_sample
from tests.project import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.long

READERS: dict[str, Callable[[Path], Iterator[PostRecord]]] = {
    "jsonl": read_jsonl,
    "sqlite": read_sqlite,
    "parquet": read_parquet,
}
SHOWN_IDS = {
    "opensearch": '"_id": ?"(.+?)"',
    "meilisearch": '"key": ?"(.+?)"',
    "ninjs": '"uri": ?"(.+?)"',
    "newsarticle": '"@id": ?"(.+?)"',
    "csl": '"id": ?"(.+?)"',
    "feeds": "<id>(urn:uuid:.+?)<",
}
SCHEMA_OF_LINES = {
    "jsonl": "newsreel-post-2",
    "cloudevents": "newsreel-event-1",
    "ninjs": "newsreel-ninjs-1",
    "newsarticle": "newsreel-newsarticle-1",
    "opensearch": "newsreel-bulk-1",
    "meilisearch": "newsreel-meilisearch-1",
}
PLAIN = [build_sample(number) for number in range(3)]
LONG = build_sample(7, articleBody="<p>" + "长" * 1_000_000 + "</p>")
CONTROLS = replace(build_sample(8), headline="a\x00b\x08c\x1fd\x7f", text="\x0b\x0c", keywords=("\x00", "\x1b[0m"))
SETS = {"empty": [], "plain": PLAIN, "hostile": build_hostile(list_texts()), "long": [LONG], "controls": [CONTROLS]}


@pytest.fixture(params=sorted(FORMATS))
def name(request: pytest.FixtureRequest) -> str:
    if request.param in ("parquet", "dataset"):
        pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install newsreel[parquet]")
    return str(request.param)


def export(name: str, records: list[PostRecord], target: Path) -> int:
    return FORMATS[name].export(iter(records), target, ExportOptions())


def read_all(target: Path) -> dict[str, bytes]:
    """Every file of an export by its name, but for SQLite's, whose bytes hold a clock of changes."""
    paths = [target] if target.is_file() else sorted(target.rglob("*"))
    return {str(path.relative_to(target)): path.read_bytes() for path in paths if path.is_file()}


@pytest.mark.parametrize("kind", SETS)
def test_every_format_takes_every_post(name: str, kind: str, tmp_path: Path) -> None:
    target = tmp_path / "out"
    assert export(name, SETS[kind], target) == len(SETS[kind])
    assert target.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"], "nothing is left beside it"


@pytest.mark.parametrize("kind", SETS)
@pytest.mark.parametrize("name", READERS)
def test_what_can_be_read_back_is_equal(name: str, kind: str, tmp_path: Path) -> None:
    if name == "parquet":
        pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install newsreel[parquet]")
    export(name, SETS[kind], tmp_path / "out")
    found = list(READERS[name](tmp_path / "out"))
    assert found == SETS[kind]
    assert [build_row(record) for record in found] == [build_row(record) for record in SETS[kind]]


@pytest.mark.parametrize("name", READERS)
def test_changes_are_read_back_too(name: str, tmp_path: Path) -> None:
    if name == "parquet":
        pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install newsreel[parquet]")
    gone = Change(kind=ChangeKind.WITHDRAWN, version=2, cursor="9-abc")
    records = [
        replace(PLAIN[0], change=Change(kind=ChangeKind.UPDATED, version=3, cursor="8-abc")),
        PostRecord(collection="news", source="news", identifier="1", change=gone),
    ]
    export(name, records, tmp_path / "out")
    assert list(READERS[name](tmp_path / "out")) == records


@pytest.mark.parametrize("field", ["headline", "articleBody", "url", "keywords"])
def test_lone_surrogates_are_refused_and_the_old_export_stays(name: str, field: str, tmp_path: Path) -> None:
    target = tmp_path / "out"
    export(name, PLAIN, target)
    before = read_all(target)
    bad = replace(PLAIN[1], **{field: ("\ud800",) if field == "keywords" else "a\ud800"})  # type: ignore[arg-type]
    with pytest.raises(RecordRefused, match=rf"{field} of news/NW2026030412000001 holds a lone surrogate"):
        export(name, [PLAIN[0], bad], target)
    assert read_all(target) == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_two_runs_over_the_same_posts_give_the_same_bytes(name: str, tmp_path: Path) -> None:
    """But for Parquet, whose writer promises nothing of the kind."""
    if name in ("parquet", "dataset"):
        pytest.skip("the bytes of a Parquet file are pyarrow's own business")
    for folder in ("first", "second"):
        export(name, [*PLAIN, *build_hostile()], tmp_path / folder)
    assert read_all(tmp_path / "first") == read_all(tmp_path / "second")


def test_a_folder_that_no_export_made_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(ExportError, match="holds files that no export made"):
        export("jekyll", PLAIN, tmp_path / "out")
    assert (tmp_path / "out" / "mine.txt").read_text() == "mine"


def test_every_export_of_our_columns_names_their_schema(name: str, tmp_path: Path) -> None:
    if name in ("ninjs", "newsarticle", "csl"):
        pytest.skip("has the fields of another standard")
    export(name, PLAIN, tmp_path / "out")
    texts = b"".join(read_all(tmp_path / "out").values())
    assert b"newsreel-post/2" in texts


SLOW = """
import sys, time
from pathlib import Path
from pipelines.exports.formats import FORMATS, ExportOptions
from tests.pipelines.exports.hostile_texts import list_texts
from tests.pipelines.exports.samples import build_sample

def slowly():
    for number in range(4):
        yield build_sample(number, headline=sys.argv[3])
        print("half", flush=True) if number == 1 else None
        time.sleep(float(sys.argv[4]) if number == 1 else 0)

FORMATS[sys.argv[1]].export(slowly(), Path(sys.argv[2]), ExportOptions())
"""


def start_slow_export(name: str, target: Path, headline: str, pause_s: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SLOW, name, str(target), headline, str(pause_s)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "half\n"
    return process


@pytest.mark.parametrize("name", ["jsonl", "sqlite", "jekyll"])
def test_an_export_that_is_killed_leaves_the_old_one_whole(name: str, tmp_path: Path) -> None:
    target = tmp_path / "out"
    export(name, PLAIN, target)
    before = read_all(target)
    process = start_slow_export(name, target, "new", 60)
    export(name, PLAIN, tmp_path / "other")
    assert len(list(tmp_path.iterdir())) == 3, "what a living export writes is not touched"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert read_all(target) == before
    assert len(list(tmp_path.iterdir())) == 3
    export(name, PLAIN[:1], target)
    assert read_all(target) != before
    assert {path.name for path in tmp_path.iterdir()} == {"out", "other"}


# Forks for each format, so that only one process has to import everything.
KILLED = """
import json, os, signal, sys
from pathlib import Path
from pipelines.exports.formats import FORMATS, ExportOptions
from tests.pipelines.exports.hostile_texts import list_texts
from tests.pipelines.exports.samples import build_sample

def read_all(target):
    paths = [target] if target.is_file() else sorted(target.rglob("*"))
    return {str(path): path.read_bytes() for path in paths if path.is_file()}

def slowly(pipe):
    for number in range(3):
        yield build_sample(number, headline="never whole")
    os.write(pipe, b"x")
    signal.pause()

records = [build_sample(number) for number in range(3)]
for name in sys.argv[2:]:
    folder = Path(sys.argv[1], name)
    folder.mkdir()
    reading, writing = os.pipe()
    victim = os.fork()
    if victim == 0:
        FORMATS[name].export(slowly(writing), folder / "new", ExportOptions())
        os._exit(1)
    os.read(reading, 1)
    os.kill(victim, signal.SIGKILL)
    os.waitpid(victim, 0)
    left = sorted(path.name for path in folder.iterdir())
    FORMATS[name].export(iter(records), folder / "new", ExportOptions())
    print(json.dumps([name, left, sorted(path.name for path in folder.iterdir())]), flush=True)
"""


def test_a_kill_in_any_format_leaves_nothing_that_looks_whole_and_no_litter(tmp_path: Path) -> None:
    names = [name for name in FORMATS if name not in ("parquet", "dataset") or find_spec("pyarrow")]
    command = [sys.executable, "-c", KILLED, str(tmp_path), *names]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    seen = [json.loads(line) for line in done.stdout.splitlines()]
    assert [name for name, _, _ in seen] == names
    for name, left, after in seen:
        assert len(left) == 1, f"{name} writes under another name first"
        assert left[0].startswith("."), f"{name} was not whole, and lies there as if it were"
        assert after == ["new"], f"the next export of {name} clears away what the killed one left"


def test_a_post_in_two_collections_is_two_posts(name: str, tmp_path: Path) -> None:
    """A source that was crawled into another collection as well: no copy replaces the other."""
    records = [PLAIN[0], replace(PLAIN[0], collection="try"), PLAIN[1]]
    assert export(name, records, tmp_path / "out") == 3
    if name in READERS:
        assert list(READERS[name](tmp_path / "out")) == records
    if name in SHOWN_IDS:
        files = read_all(tmp_path / "out")
        ids = re.findall(SHOWN_IDS[name], files.get("all.atom", files.get(".", b"")).decode())
        assert len(ids) == len(set(ids)) == 3


def test_ids_are_those_of_the_article_where_the_collection_is_named_after_its_source() -> None:
    assert PLAIN[0].unique_id == PLAIN[0].id == "news/NW2026030412000000"
    assert replace(PLAIN[0], collection="try").unique_id == "try:news/NW2026030412000000"


@pytest.mark.parametrize("table", [name for name, entry in FORMATS.items() if entry.is_table])
def test_every_table_takes_every_kind_of_change(table: str, tmp_path: Path) -> None:
    if table in ("parquet", "dataset"):
        pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install newsreel[parquet]")
    records = []
    for number, kind in enumerate(ChangeKind):
        bare = PostRecord(collection="news", source="news", identifier=str(number))
        record = bare if kind.is_removed else build_sample(number)
        records.append(replace(record, change=Change(kind=kind, version=2, cursor=f"{number}-x")))
    # An erasure follows the withdrawal of the same post.
    records.append(replace(records[-1], change=Change(kind=ChangeKind.WITHDRAWN, version=2, cursor="9-x")))
    assert export(table, records, tmp_path / "out") == len(ChangeKind) + 1


def test_a_date_before_time_zones_has_an_offset_that_rfc_3339_allows() -> None:
    noon = datetime(1850, 1, 1, 12, tzinfo=SHANGHAI)  # local mean time, +08:05:43
    record = build_sample(1, datePublished=noon, dateModified=noon, dateModified_precision=Precision.MINUTE)
    assert record.datePublished == record.dateModified == noon
    row = build_object(record)
    assert [row["datePublished"], row["dateModified"]] == ["1850-01-01T12:00:17+08:06"] * 2
    assert build_newsarticle(record)["dateModified"] == "1850-01-01T12:00:00+08:06"


@pytest.mark.parametrize("lines", SCHEMA_OF_LINES)
def test_every_line_keeps_to_the_schema_that_is_published(lines: str, tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    check = jsonschema.Draft202012Validator(build_schema(SCHEMA_OF_LINES[lines]))
    changes = [Change(kind=kind, version=2, cursor="1-x") for kind in ChangeKind]
    changed = [replace(SETS["hostile"][0], change=change) for change in changes]
    export(lines, [*PLAIN, *build_hostile(), CONTROLS, *changed], tmp_path / "out")
    objects = [json.loads(line) for line in (tmp_path / "out").read_text("utf-8").split("\n")[:-1]]
    for entry in objects:
        check.validate(entry)
        assert not check.is_valid(entry | {"surplus": 1})
        for name in entry:
            assert not check.is_valid(entry | {name: 1.5}), f"{name} takes anything"
    posts = [entry for entry in objects if "schema" in entry]
    for name in set.intersection(*map(set, posts)) if posts else ():
        without = {key: value for key, value in posts[0].items() if key != name}
        assert not check.is_valid(without), f"{name} is in every post, and not required"


def test_every_output_of_json_has_a_schema() -> None:
    """Singer messages bring their own; the others are not JSON, or hold it in cells of the columns."""
    others = {"csv", "sqlite", "parquet", "dataset", "jekyll", "hugo", "markdown", "singer", "csl", "feeds"}
    assert FORMATS.keys() == others | SCHEMA_OF_LINES.keys()
    published = {
        *SCHEMA_OF_LINES.values(),
        *(f"newsreel-{name}-1" for name in ("webhook", "changes", "manifest", "feed", "csl")),
    }
    assert SCHEMAS.keys() == published
    assert build_schema("newsreel-post-2")["title"] == build_row(PLAIN[0])[0]


def test_webhooks_keep_to_the_schema_that_is_published() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    bodies = jsonschema.Draft202012Validator(build_schema("newsreel-webhook-1"))
    for kind in ChangeKind:
        changed = replace(SETS["hostile"][0], change=Change(kind=kind, version=2, cursor="1-x"))
        for payload in ("full", "thin"):
            hook = Hook(url="http://receiver.example/", secret=b"x", payload=payload)
            bodies.validate(json.loads(build_body(changed, hook)))
    assert not bodies.is_valid({"type": "post.new", "timestamp": "2026-03-04T12:00:00+00:00", "data": {}})


@pytest.mark.parametrize("name", ["jsonl", "sqlite", "jekyll"])
def test_two_exports_at_once_do_not_mix(name: str, tmp_path: Path) -> None:
    target = tmp_path / "out"
    both = [start_slow_export(name, target, headline, 0.5) for headline in ("first", "second")]
    for process in both:
        process.communicate(timeout=120)
        assert process.returncode == 0
    text = b"".join(read_all(target).values())
    assert (b"first" in text) != (b"second" in text)


def test_the_columns_and_the_rows_agree() -> None:
    row = dict(zip(NAMES, build_row(PLAIN[0]), strict=True))
    assert len(set(NAMES)) == len(COLUMNS)
    assert row["capture_offset"] == 0
    assert row["publishedAt"].isoformat() == "2026-03-04T12:00:00+00:00"
    assert row["datePublished"] == "2026-03-04T20:00:00+08:00"


@settings(max_examples=50)
@given(st.text(st.characters(exclude_categories=["Cs"])), st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_any_text_survives_json(text: str, names: list[str]) -> None:
    record = replace(PLAIN[0], headline=text, keywords=tuple(names), articleBody=text)
    line = dump_record(record)
    assert "\n" not in line
    assert load_record(line) == record
