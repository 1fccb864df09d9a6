"""A data directory that nobody can write to, such as a snapshot: it is read, and what is refused is one sentence."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from archives.replay.http import Request
from tests.crawler.viewer.conftest import show
from tests.project import Data, run_scrapy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def sealed(newspaper: Data, tmp_path: Path) -> Iterator[Data]:
    """A copy made while a program reads, so with its log beside the index, which is not up to date by its times."""
    folder = tmp_path / "data"
    with closing(sqlite3.connect(newspaper.collection("newspaper") / "indexes" / "catalogue.sqlite")) as reader:
        reader.execute("SELECT count(*) FROM warc").fetchone()
        shutil.copytree(newspaper.path, folder, copy_function=shutil.copy)
    if os.geteuid():
        subprocess.run(["chmod", "-R", "a-w", folder], check=True)
        yield Data(folder)
        subprocess.run(["chmod", "-R", "u+w", folder], check=True)
        return
    mounted = subprocess.run(["mount", "--bind", folder, folder], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("root may write everywhere, and may not mount here")
    subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
    yield Data(folder)
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize(
    "words",
    [("verify", "newspaper", "--posts"), ("history", "NW202602251315000305"), ("reparse", "newspaper", "--diff")],
    ids=lambda words: words[0],
)
def test_it_is_read(words: tuple[str, ...], sealed: Data) -> None:
    done = run_scrapy(*words, data=sealed)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("more", [(), ("--since", "start")], ids=["all", "changes"])
def test_its_posts_are_exported(more: tuple[str, ...], sealed: Data) -> None:
    done = run_scrapy("export", "jsonl", "-o", "-", *more, data=sealed)
    assert (len(done.stdout.splitlines()), done.returncode) == (43, 0), done.stderr


def test_its_pages_are_shown(sealed: Data) -> None:
    with show(sealed) as viewer:
        answers = {
            path: viewer.answer(Request(method="GET", target=path, headers={"host": "127.0.0.1"}))
            for path in ("/", "/-/posts", "/-/posts?q=ferry", "/-/runs", "/-/status", "/newspaper/", "/changes")
        }
    assert {path: answer.status for path, answer in answers.items()} == dict.fromkeys(answers, 200)
    body = answers["/-/posts"].body
    assert isinstance(body, bytes)
    assert b"43 posts" in body


@pytest.mark.parametrize(
    ("words", "place"),
    [(("reparse", "newspaper"), "DATA_DIR"), (("index", "newspaper"), "work"), (("webhooks",), "webhooks.sqlite")],
    ids=lambda words: words[0] if isinstance(words, tuple) else words,
)
def test_what_cannot_be_written_is_named(words: tuple[str, ...], place: str, sealed: Data) -> None:
    done = run_scrapy(*words, data=sealed)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert place in done.stderr.splitlines()[-1]
