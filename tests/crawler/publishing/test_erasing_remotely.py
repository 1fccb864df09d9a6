"""An article forgotten in a collection whose files are in object storage: no byte of it is left there either."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from tests.archives.moto_server import BUCKET, MotoServer
from tests.crawler.bigpaper import BigPaper
from tests.project import LOOPBACK, Data, run_scrapy

if TYPE_CHECKING:
    from pathlib import Path

ARTICLE = "/a/7.html"


def list_stored(moto: MotoServer) -> dict[str, bytes]:
    """Every object with every version, unpacked."""
    found = {}
    for one in moto.client.list_object_versions(Bucket=BUCKET).get("Versions", ()):
        body = moto.client.get_object(Bucket=BUCKET, Key=one["Key"], VersionId=one["VersionId"])["Body"].read()
        packed = one["Key"].endswith(".gz")
        found[f"{one['Key']} {one['VersionId']}"] = gzip.decompress(body) if packed else body
    return found


@pytest.mark.parametrize("is_here", [True, False])
def test_no_byte_is_left_in_storage_whatever_happens_in_between(tmp_path: Path, is_here: bool) -> None:
    data, source = Data(tmp_path / "data"), tmp_path / "big.toml"
    with MotoServer() as moto, BigPaper(10) as paper:
        moto.client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        source.write_text(paper.source_toml(), "utf-8")
        crawl = ("crawl", "category", "-a", f"source={source}")
        assert run_scrapy(*crawl, data=data, settings=LOOPBACK).returncode == 0
        store: dict[str, object] = {"STORE_URL": f"s3://{BUCKET}/p"} | ({} if is_here else {"STORE_KEEP_DAYS": 0})
        assert run_scrapy("store", "big", data=data, settings=store, environment=moto.environment).returncode == 0
        assert bool(data.warcs("big")) is is_here
        assert any(ARTICLE.encode() in body for body in list_stored(moto).values())
        url = f"{paper._server.base_url}{ARTICLE}"

        away = moto.environment | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}
        cut = run_scrapy("forget", url, "--yes", data=data, environment=away)
        assert cut.returncode != 0, "the storage is away"
        done = run_scrapy("forget", url, "--yes", data=data, environment=moto.environment)
        assert done.returncode == 0, done.stdout + done.stderr

        # Lists still name the address; the page itself was requested and answered in records that are gone.
        stored = list_stored(moto)
        assert len(stored) == 2, "a WARC file and its sidecar, and no version of before"
        assert [name for name, body in stored.items() if f"GET {ARTICLE}".encode() in body] == []
        assert [name for name, body in stored.items() if name.count(".cdxj") and ARTICLE.encode() in body] == []
        assert len(list(data.posts("big").glob("*.md"))) == 9
        for command in (("verify", "big", "--posts"), ("reparse", "big"), ("verify", "big", "--posts")):
            again = run_scrapy(*command, data=data, environment=moto.environment)
            assert again.returncode == 0, again.stdout + again.stderr
        assert len(list(data.posts("big").glob("*.md"))) == 9
