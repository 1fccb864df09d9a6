"""`scrapy mend`: the copy is beside the collection, and what was done is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.archives.mending.test_mending import build_faulty, make_collection, pack
from tests.project import run_scrapy

if TYPE_CHECKING:
    from tests.project import Data


def test_a_collection_is_mended_into_another(data: Data) -> None:
    make_collection(data.path / "collections/old", "news.warc.gz", pack(build_faulty(), "gz"))
    done = run_scrapy("mend", "old", "-s", f"DATA_DIR={data.path}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "news.warc.gz: mended as news.warc.gz (3 decoded-body, 1 digest-of-mended-original" in done.stdout
    verified = run_scrapy("verify", "old-mended", "-s", f"DATA_DIR={data.path}")
    assert verified.returncode == 0 and "whole" in verified.stdout, verified.stdout + verified.stderr
    wrong = run_scrapy("mend", "old", "--to", "../old", "-s", f"DATA_DIR={data.path}")
    assert wrong.returncode == 2 and "is not a collection name" in wrong.stderr
