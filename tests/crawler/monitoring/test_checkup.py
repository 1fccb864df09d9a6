"""`newsreel doctor` on folders that are well, and on folders where something would fail."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from pipelines.posts import ledger
from tests.crawler.projects.test_projects import run_newsreel

if TYPE_CHECKING:
    from pathlib import Path


def look(folder: Path, *options: str, **environment: str) -> tuple[int, dict[str, tuple[str, str]]]:
    done = run_newsreel("doctor", "--json", *options, folder=folder, environment=environment)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, {line["name"]: (line["state"], line["words"]) for line in lines}


def write_ledger(folder: Path, version: int) -> None:
    path = folder / "data" / "collections" / "paper" / "indexes"
    for name in ("archive", "indexes", "pages", "runs"):
        (path.parent / name).mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path / "ledger.sqlite")) as database:
        database.execute(f"PRAGMA user_version = {version}")


def test_a_fresh_folder_is_well_and_says_what_will_change(tmp_path: Path) -> None:
    write_ledger(tmp_path, ledger.VERSION - 1)
    code, found = look(tmp_path)
    assert code == 0
    assert found["project"][0] == "absent"
    assert found["paper"][1].endswith("rebuilt from the archive at first use")
    assert found["disk"][0] == found["python"][0] == found["sources"][0] == "good"


def test_what_would_fail_is_named_and_the_code_says_so(tmp_path: Path) -> None:
    write_ledger(tmp_path, ledger.VERSION + 1)
    (tmp_path / "newsreel.toml").touch()
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "broken.toml").write_text("name = 5\n", "utf-8")
    (tmp_path / "exports.toml").write_text("[[export]]\n", "utf-8")
    (tmp_path / "alerts.toml").write_text("[[alert]]\n", "utf-8")
    settings = ("-s", "ARCHIVE_MIN_FREE_BYTES=1000000000000000", "-s", "STORE_URL=nowhere://bucket")
    services = {"NEWSREEL_FRONTIER_URL": "redis://127.0.0.1:1/0", "https_proxy": "http://u:secret@127.0.0.1:1"}
    code, found = look(tmp_path, *settings, **services)
    assert code == 1
    bad = {name for name, (state, _) in found.items() if state == "bad"}
    assert bad == {"paper", "disk", "sources", "exports", "alerts", "frontier", "storage", "proxy"}
    assert "secret" not in str(found)
    assert "broken.toml" in found["sources"][1]
    assert "a later version" in found["paper"][1]


def test_a_file_is_no_data_directory(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    code, found = look(tmp_path)
    assert (code, found["data"][0]) == (1, "bad")
    assert found["data"][1].endswith("is not a folder; set DATA_DIR to one")


def test_a_damaged_ledger_is_named_and_every_command_says_what_to_do(tmp_path: Path) -> None:
    write_ledger(tmp_path, ledger.VERSION)
    (tmp_path / "data" / "collections" / "paper" / "indexes" / "ledger.sqlite").write_bytes(b"no database" * 500)
    code, found = look(tmp_path)
    assert (code, found["paper"]) == (1, ("bad", "its ledger cannot be read: file is not a database"))
    for words in (("forget", "article", "--dry-run"), ("export", "csv", "-o", "posts.csv")):
        done = run_newsreel(*words, folder=tmp_path)
        assert done.returncode == 1
        (sentence,) = (done.stdout + done.stderr).splitlines()
        assert "a database in DATA_DIR is damaged (file is not a database); restore it from a copy" in sentence
