"""The settings that sign what a run has closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy.settings import Settings

from archives.signed_log.log import read_log
from archives.storage.collection import Collection
from crawler.runs.signing import sign_files
from tests.archives.conftest import write_file
from tests.project import run_scrapy

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_what_was_closed_is_signed_where_a_setting_names_a_key(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    collection = Collection.open(tmp_path, "news", create=True)
    write_file(collection)
    settings = {"ARCHIVE_LOG_KEY": "", "ARCHIVE_TIMESTAMP_URL": ""}
    assert sign_files(collection, Settings(settings)) == 0 and not list(read_log(collection))
    settings["ARCHIVE_LOG_KEY"] = str(tmp_path / "key.pem")
    settings["ARCHIVE_TIMESTAMP_URL"] = "http://127.0.0.1:1/"
    assert sign_files(collection, Settings(settings)) == 0
    assert "The log of news is not up to date: http://127.0.0.1:1/ cannot be asked" in caplog.text
    assert [entry.fields["event"] for entry in read_log(collection)] == ["closed"], "signed all the same"
    done = run_scrapy("sign", "news", "-s", f"ARCHIVE_LOG_KEY={tmp_path / 'key.pem'}", data=tmp_path)
    assert (done.returncode, "news: 0 entries added" in done.stdout) == (0, True), done.stdout + done.stderr
    checked = run_scrapy("verify", "news", "--log-key", str(tmp_path / "key.pem"), data=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr
