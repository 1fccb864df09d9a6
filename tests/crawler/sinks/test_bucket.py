"""Parquet in object storage (moto's server): read there as it is, and whole for readers of the manifest."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from crawler.sinks.bucket import MANIFEST, export_to_bucket
from pipelines.exports.schemas import build_schema
from tests.archives.moto_server import BUCKET, MotoServer
from tests.documents.commands import find_command
from tests.pipelines.exports.samples import build_hostile, build_sample
from tests.pipelines.exports.test_changes import Desk, at
from tests.project import run_scrapy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.exports.records import PostRecord

jsonschema = pytest.importorskip("jsonschema")
pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install newsreel[parquet]")
URL = f"s3://{BUCKET}/public/posts"
RECORDS = sorted([*build_hostile(), *(build_sample(n) for n in range(1, 60))], key=lambda record: record.file)


@pytest.fixture
def moto(monkeypatch: pytest.MonkeyPatch) -> Iterator[MotoServer]:
    with MotoServer() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


def list_keys(moto: MotoServer) -> dict[str, str]:
    found = moto.client.list_objects_v2(Bucket=BUCKET, Prefix="public/posts/").get("Contents", ())
    return {entry["Key"].removeprefix("public/posts/"): str(entry["LastModified"]) for entry in found}


def read_manifest(moto: MotoServer) -> dict[str, Any]:
    body = moto.client.get_object(Bucket=BUCKET, Key=f"public/posts{MANIFEST}")["Body"].read()
    return dict(json.loads(body))


def open_by_arrow(moto: MotoServer) -> Any:
    from pyarrow import fs  # noqa: PLC0415 (an extra)

    place = {"endpoint_override": f"127.0.0.1:{moto.port}", "scheme": "http", "region": "eu-central-1"}
    return fs.S3FileSystem(access_key="test", secret_key="test", **place)


def read_by_arrow(moto: MotoServer) -> list[str]:
    from pyarrow import dataset  # noqa: PLC0415 (an extra)

    there = open_by_arrow(moto)
    table = dataset.dataset(
        f"{BUCKET}/public/posts", filesystem=there, format="parquet", partitioning="hive"
    ).to_table()
    assert set(table["month"].to_pylist()) == {record.file[:7] for record in RECORDS}
    return sorted(table["headline"].to_pylist())


def read_by_duckdb(moto: MotoServer) -> list[str]:
    """Without its own extension for S3, which it would download."""
    duckdb = pytest.importorskip("duckdb")
    arrow = pytest.importorskip("fsspec.implementations.arrow", reason="fsspec is not installed; it comes with dask")
    with duckdb.connect() as database:
        database.register_filesystem(arrow.ArrowFSWrapper(open_by_arrow(moto)))
        found = database.execute(f"SELECT headline FROM '{URL}/*/*.parquet' WHERE month >= '2026-03'").fetchall()
    return sorted(headline for (headline,) in found)


POLARS = """
import sys, polars
where = {"aws_endpoint_url": sys.argv[2], "aws_allow_http": "true", "aws_region": "eu-central-1",
         "aws_access_key_id": "test", "aws_secret_access_key": "test"}
frame = polars.read_parquet(sys.argv[1] + "/", storage_options=where)
print(frame.height, frame["month"].n_unique())
"""


def test_readers_find_the_posts_in_the_bucket(moto: MotoServer) -> None:
    assert export_to_bucket(RECORDS, URL) == len(RECORDS)
    headlines = sorted(record.headline for record in RECORDS)
    assert read_by_arrow(moto) == headlines
    assert read_by_duckdb(moto) == headlines
    python = Path(os.environ.get("NEWSREEL_READERS", "/nowhere"), "python")
    if (
        python.exists()
        and not subprocess.run([python, "-c", "import polars"], capture_output=True, check=False).returncode
    ):
        command = [python, "-c", POLARS, URL, moto.environment["AWS_ENDPOINT_URL"]]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        months = len({record.file[:7] for record in RECORDS})
        assert done.stdout.split() == [str(len(RECORDS)), str(months)], done.stderr


def test_a_second_export_sends_what_changed_and_removes_what_has_gone(
    moto: MotoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_to_bucket(RECORDS, URL)
    first = list_keys(moto)
    assert export_to_bucket(RECORDS, URL) == len(RECORDS)
    assert list_keys(moto).keys() == first.keys()
    fewer: list[PostRecord] = RECORDS[:-3]
    with monkeypatch.context() as broken:
        broken.setattr("crawler.sinks.bucket._put", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            export_to_bucket(fewer, URL)
    assert list_keys(moto).keys() == first.keys(), "killed before the manifest: the export before stands"
    export_to_bucket(fewer, URL)
    manifest = read_manifest(moto)
    jsonschema.validate(manifest, build_schema("newsreel-manifest-1"))
    assert manifest["posts"] == len(fewer)
    files = manifest["files"]
    assert sum(file["rows"] for file in files) == len(fewer)
    assert list_keys(moto).keys() == {file["path"] for file in files}
    assert list_keys(moto).keys() & first.keys(), "a month that did not change has the file that it had"


def test_an_export_whose_manifest_was_in_the_folder_is_replaced_as_well(moto: MotoServer) -> None:
    export_to_bucket(RECORDS, URL)
    former = {"Bucket": BUCKET, "Key": "public/posts/_manifest.json"}
    moto.client.copy_object(**former, CopySource={"Bucket": BUCKET, "Key": f"public/posts{MANIFEST}"})
    moto.client.delete_object(Bucket=BUCKET, Key=f"public/posts{MANIFEST}")
    export_to_bucket(RECORDS[:-3], URL)
    assert list_keys(moto).keys() == {file["path"] for file in read_manifest(moto)["files"]}


def test_the_command_says_how_many_posts_were_left_out(moto: MotoServer, tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.write(at(1, 1), at(2, 2))
    meant = next(iter(desk.store.iter_records())).url
    assert run_scrapy("exclude", meant, data=tmp_path).returncode == 0
    done = run_scrapy(
        *find_command("exports.md", "newsreel export parquet -o s3:", URL), data=tmp_path, environment=moto.environment
    )
    assert done.stdout == f"{URL}: 1 post (1 left out, whose addresses are excluded)\n", done.stderr
