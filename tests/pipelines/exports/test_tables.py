"""What the tables are for: finding Chinese words, months apart, and programs we did not write reading them."""

from __future__ import annotations

import csv
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.exports.files import ExportError
from pipelines.exports.records import COLUMNS, NAMES, Change, ChangeKind, PostRecord, build_object
from pipelines.exports.schemas import describe_post
from pipelines.exports.tables.csv_table import export_csv
from pipelines.exports.tables.dataset import export_dataset
from pipelines.exports.tables.jsonl import export_jsonl
from pipelines.exports.tables.parquet import export_parquet
from pipelines.exports.tables.sqlite import build_query, export_sqlite, search, segment
from pipelines.posts.items import Doubt
from tests.pipelines.exports.hostile_texts import list_texts
from tests.pipelines.exports.samples import NOON, build_hostile, build_sample

WITHOUT_PYARROW = "pyarrow is not installed: pip install newsreel[parquet]"

FOUND = [
    ("智能", "<p>人工智能看潮汐。</p>", True),
    ("人工智能", "<p>人工智能看潮汐。</p>", True),
    ("能智", "<p>人工智能看潮汐。</p>", False),
    ("潮", "<p>人工智能看潮汐。</p>", True),
    ("tide", "<p>The Tide turns</p>", True),
    ("tid", "<p>The Tide turns</p>", False),
    ("AI智能", "<p>用AI智能体</p>", True),
    ("灯塔 潮汐", "<p>潮汐与灯塔</p>", True),
    ("灯塔 飞机", "<p>潮汐与灯塔</p>", False),
    ('"', "<p>x</p>", False),
    ("OR NOT (", "<p>x</p>", False),
    ("ประเทศ", "<p>ในประเทศไทย</p>", True),
    ("한국", "<p>대한국민</p>", True),
]


@pytest.mark.parametrize(("words", "body", "is_found"), FOUND)
def test_words_are_found_inside_words_of_scripts_without_blanks(
    words: str, body: str, is_found: bool, tmp_path: Path
) -> None:
    record = build_sample(1, articleBody=body, headline="h", keywords=["k"])
    export_sqlite([record], tmp_path / "posts.sqlite")
    with closing(sqlite3.connect(tmp_path / "posts.sqlite")) as database:
        assert search(database, words) == ([record.id] if is_found else [])


def test_segments_are_quoted_phrases() -> None:
    assert segment("plain words") == "plain words"
    assert build_query('人工 say"so') == '"人 工" "say""so"'


def test_a_documented_query_finds_words_without_python(tmp_path: Path) -> None:
    """`docs/exports.md` gives it to those who have nothing but SQL."""
    page = Path(__file__).resolve().parents[3] / "docs" / "exports.md"
    (query,) = [block.split("```")[0] for block in page.read_text("utf-8").split("```sql\n")[1:]]
    export_sqlite([build_sample(1), build_sample(2, articleBody="<p>x</p>")], tmp_path / "posts.sqlite")
    with closing(sqlite3.connect(tmp_path / "posts.sqlite")) as database:
        assert [row[0] for row in database.execute(query, {"words": "智能"})] == ["潮汐 1"]


def test_the_index_keeps_no_copy_of_the_text(tmp_path: Path) -> None:
    export_sqlite([build_sample(1)], tmp_path / "posts.sqlite")
    with closing(sqlite3.connect(tmp_path / "posts.sqlite")) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
        assert "search_data" in tables
        assert "search_content" not in tables
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_the_database_names_its_schema_and_contains_it(tmp_path: Path) -> None:
    export_sqlite([build_sample(1)], tmp_path / "posts.sqlite")
    with closing(sqlite3.connect(tmp_path / "posts.sqlite")) as database:
        described = dict(database.execute("SELECT name, value FROM export"))
    assert json.loads(described["json_schema"])["title"] == described["schema"] == "newsreel-post/2"


def test_every_column_is_documented_as_it_is() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "exports.md").read_text("utf-8")
    lines = [f"| `{name}` | {kind} | {meaning} |" for name, kind, meaning in COLUMNS]
    assert "\n".join(lines) in page


def test_csv_is_read_by_a_csv_reader(tmp_path: Path) -> None:
    records = [*build_hostile(list_texts()), build_sample(1)]
    export_csv(records, tmp_path / "posts.csv")
    with (tmp_path / "posts.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(NAMES)
    assert [row["headline"] for row in rows] == [record.headline for record in records]
    assert [json.loads(row["keywords"]) for row in rows] == [list(record.keywords) for record in records]


def test_no_safe_cell_is_a_formula(tmp_path: Path) -> None:
    texts = [
        "=1+1",
        "+1",
        "-3 per cent",
        "@SUM(A1)",
        "\tx",
        "\rx",
        "\nx",
        "＝1+1",
        "－1",
        "＋1",
        "＠x",
        "a=1",
        "'x",
        "",
    ]
    records = [build_sample(1, headline=text, author=[text]) for text in texts]
    records = [replace(record, headline=text) for record, text in zip(records, texts, strict=True)]
    for has_safe_cells in (True, False):
        export_csv(records, tmp_path / "posts.csv", has_safe_cells=has_safe_cells)
        with (tmp_path / "posts.csv").open(encoding="utf-8", newline="") as file:
            headlines = [row["headline"] for row in csv.DictReader(file)]
        assert [text.removeprefix("'") for text in headlines[:11]] == texts[:11]
        assert all(text.startswith("'") for text in headlines[:11]) is has_safe_cells
        assert headlines[11:] == texts[11:]


@pytest.mark.parametrize("change", [None, Change(kind=ChangeKind.UPDATED, version=2, cursor="9")])
def test_every_line_keeps_to_the_schema_that_the_types_make(change: Change | None) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = describe_post()
    check = jsonschema.Draft202012Validator(schema)
    check.check_schema(schema)
    gone = PostRecord(collection="news", source="news", identifier="1")
    doubtful = replace(build_sample(3), doubts=(Doubt(record_id="<urn:x>", captured_at=NOON, reason="unlike"),))
    for record in (*build_hostile(), build_sample(1), doubtful, gone):
        row = build_object(replace(record, change=change))
        check.validate(row)
        for name in row:
            assert not check.is_valid(row | {name: 1.5}), f"{name} takes anything"
    assert not check.is_valid(build_object(build_sample(1)) | {"more": ""})
    assert set(schema["properties"]) == set(NAMES)


def test_parquet_has_a_folder_for_each_month(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason=WITHOUT_PYARROW)
    export_parquet([build_sample(number) for number in (1, 2, 30, 60)], tmp_path / "posts")
    months = sorted(path.name for path in (tmp_path / "posts").iterdir() if path.is_dir())
    assert months == ["month=2026-03", "month=2026-04", "month=2026-05"]


def test_a_dataset_has_a_card_that_names_its_files(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason=WITHOUT_PYARROW)
    yaml = pytest.importorskip("yaml")
    export_dataset([build_sample(1)], tmp_path / "posts")
    card = (tmp_path / "posts" / "README.md").read_text("utf-8")
    (config,) = yaml.safe_load(card.split("---")[1])["configs"]
    assert config["data_files"] == [{"split": "train", "path": "data/*.parquet"}]
    assert len(list((tmp_path / "posts").glob("data/*.parquet"))) == 1


def test_duckdb_reads_parquet_json_and_sqlite_dates(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason=WITHOUT_PYARROW)
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    records = [build_sample(number) for number in (1, 2, 30)]
    export_parquet(records, tmp_path / "posts")
    export_jsonl(records, tmp_path / "posts.jsonl")
    by_month = "SELECT strftime(\"publishedAt\"::TIMESTAMP, '%Y-%m') AS m, count(*) FROM {} GROUP BY m ORDER BY m"
    for table in (f"'{tmp_path}/posts/*/*.parquet'", f"read_json_auto('{tmp_path}/posts.jsonl')"):
        assert duckdb.sql(by_month.format(table)).fetchall() == [("2026-03", 2), ("2026-04", 1)]
    lists = duckdb.sql(f"SELECT unnest(keywords) AS k FROM '{tmp_path}/posts/*/*.parquet' GROUP BY k ORDER BY k")
    assert lists.fetchall() == [("sea",), ("灯塔",)]


def test_a_folder_of_parquet_files_is_one_table(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason=WITHOUT_PYARROW)
    import pyarrow.parquet  # noqa: PLC0415

    for numbers in ([2], (1, 30)):
        export_parquet(map(build_sample, numbers), tmp_path / "posts")
        table = pyarrow.parquet.read_table(tmp_path / "posts")
        assert table.num_rows == len(numbers)
        assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} == {".parquet"}  # polars wants no other
    assert set(NAMES) | {"month"} == set(table.column_names)


def test_only_parquet_files_of_an_export_are_replaced(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason=WITHOUT_PYARROW)
    import pyarrow.parquet  # noqa: PLC0415

    export_parquet([build_sample(1)], tmp_path)
    pyarrow.parquet.write_table(pyarrow.table({"mine": [1]}), tmp_path / "month=2026-03" / "part-00001.parquet")
    with pytest.raises(ExportError, match="holds files that no export made"):
        export_parquet([], tmp_path)
