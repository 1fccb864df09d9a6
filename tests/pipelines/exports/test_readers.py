"""Programs that we did not write read what is exported, from their own environment (`NEWSREEL_READERS`)."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from pipelines.dates.model import Precision
from pipelines.exports.records import PostRecord
from pipelines.exports.schemas import dump_schema
from pipelines.exports.sites.hugo import export_hugo
from pipelines.exports.sites.markdown import export_markdown
from pipelines.exports.sites.site import SiteOptions
from pipelines.exports.tables.jsonl import export_jsonl
from pipelines.exports.tables.parquet import export_parquet
from pipelines.exports.tables.sqlite import export_sqlite
from tests.pipelines.exports.hostile_texts import list_texts
from tests.pipelines.exports.samples import NOON, build_hostile, build_sample

READERS = Path(os.environ.get("NEWSREEL_READERS", "/nowhere"))
LATE = NOON + timedelta(days=90)
RECORDS = [
    *build_hostile(list_texts()),
    build_sample(900, dateModified=LATE, dateModified_precision=Precision.SECOND, headline="peppermint"),
]


def find_reader(name: str) -> str:
    """The path of a program; skips where there is none."""
    path = READERS / name
    if not path.exists():
        pytest.skip(f"no {name} in NEWSREEL_READERS, an environment of programs that read exports")
    return str(path)


def run_reader(*command: str | Path, stdin: str = "") -> str:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_newest_hugo_builds_the_site_and_templates_stay_words(tmp_path: Path) -> None:
    hugo = find_reader("hugo")
    export_hugo(RECORDS, tmp_path / "site", SiteOptions(title="News {{ site.Title }}", url="https://news.example"))
    said = run_reader(hugo, "--source", tmp_path / "site", "--destination", tmp_path / "built")
    assert "WARN" not in said
    pages = {path.name: path for path in (tmp_path / "built").rglob("*.html")}
    assert len([name for name in pages if name.startswith("NW")]) == len(RECORDS)
    text = pages["NW2026030412000100.html"].read_text("utf-8").replace("&#123;", "{").replace("&#34;", '"')
    assert "{{ site.secret_value }} {% raw %} {{< figure src=x >}}" in text.replace("&lt;", "<").replace("&gt;", ">")


def test_datasette_finds_words_in_the_file_as_it_is(tmp_path: Path) -> None:
    datasette = find_reader("datasette")
    export_sqlite(RECORDS, tmp_path / "posts.sqlite")
    found = run_reader(
        datasette, tmp_path / "posts.sqlite", "--get", "/posts/posts.json?_search=peppermint&_shape=array"
    )
    assert [row["identifier"] for row in json.loads(found)] == ["NW2026030412000900"]


POLARS = """
import json, sys
import polars

schema = json.load(open(sys.argv[1]))["properties"]
kinds = {"integer": polars.Int64, "array": polars.List(polars.String)}

def find_kind(property):
    kind = property["type"]
    return kinds.get(kind if isinstance(kind, str) else kind[0], polars.String)

columns = {name: find_kind(it) for name, it in schema.items() if it["type"] != "object"}
frame = polars.read_ndjson(sys.argv[2], schema=columns)
print(frame.height, frame["dateModified"].drop_nulls().to_list())
"""


POLARS_FOLDER = """
import sys
import polars

frame = polars.read_parquet(sys.argv[1])
print(frame.height, polars.scan_parquet(sys.argv[1]).collect()["month"].min())
"""


def find_polars() -> str:
    """The Python that has polars; skips where there is none."""
    python = find_reader("python")
    if subprocess.run([python, "-c", "import polars"], capture_output=True, check=False).returncode:
        pytest.skip("no polars in NEWSREEL_READERS")
    return python


def test_polars_reads_lines_whose_first_hundred_say_null(tmp_path: Path) -> None:
    python = find_polars()
    (tmp_path / "schema.json").write_text(dump_schema("newsreel-post-2"), "utf-8")
    export_jsonl(RECORDS, tmp_path / "posts.jsonl")
    said = run_reader(python, "-c", POLARS, tmp_path / "schema.json", tmp_path / "posts.jsonl")
    assert said.split(maxsplit=1) == [str(len(RECORDS)), f"['{RECORDS[-1].dateModified.isoformat()}']\n"]  # type: ignore[union-attr]


def test_polars_reads_a_folder_of_parquet_files_by_its_name(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install newsreel[parquet]")
    export_parquet(RECORDS, tmp_path / "posts")
    said = run_reader(find_polars(), "-c", POLARS_FOLDER, tmp_path / "posts")
    assert said.split() == [str(len(RECORDS)), "2026-03"]


def test_yaml_readers_take_dates_for_dates(tmp_path: Path) -> None:
    """Eleventy and gray-matter read front matter by the same rules of YAML as PyYAML does."""
    yaml = pytest.importorskip("yaml")
    day = build_sample(931, datePublished_precision=Precision.DAY)
    same_name = replace(build_sample(932), file=day.file.upper().replace(".MD", ".md"))
    records: list[PostRecord] = [*RECORDS, day, same_name]
    assert export_markdown(records, tmp_path / "posts") == len(records)
    files = sorted((tmp_path / "posts").rglob("*.md"))
    assert len({str(path).casefold() for path in files}) == len(records)
    titles = []
    for path in files:
        head, body = path.read_text("utf-8").removeprefix("---\n").split("\n---\n", 1)
        values = yaml.safe_load(head)
        assert hasattr(values["date"], "isoformat")
        assert "{" not in body
        titles.append(values["title"])
        if values["id"] == day.id:
            assert "\ndate: 2026-03-25\n" in head
    assert sorted(map(str, titles)) == sorted(record.headline for record in records)
