"""An address excluded in a real collection: not fetched, shown, found or exported, and all there when it comes back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from archives.replay.http import Request
from crawler.demo_site import Newspaper
from crawler.viewer.app import ViewerApp
from tests.crawler.publishing.test_erasing import ARTICLE, crawl
from tests.project import Data, run_scrapy

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def paper():
    with Newspaper() as served:
        served.publish(edition=1)
        yield served


def list_exported(data: Data, *options: str) -> list[dict]:
    done = run_scrapy("export", "jsonl", "-o", "-", *options, data=data)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def look(data: Data, target: str) -> tuple[int, bytes]:
    app = ViewerApp(data.path)
    try:
        answer = app(Request(method="GET", target=target, headers={"host": "127.0.0.1:1"}))
        body = answer.body if isinstance(answer.body, bytes) else b"".join(answer.body)
        return answer.status, body.replace(b"<mark>", b"").replace(b"</mark>", b"")
    finally:
        app.close()


def test_it_is_left_out_everywhere_and_comes_back(tmp_path: Path, paper: Newspaper) -> None:
    data = Data(tmp_path)
    crawl(data, paper)
    whole = list_exported(data)
    (meant,) = [post for post in whole if ARTICLE in post["url"]]
    replay, search = f"/newspaper/20260301000000mp_/{meant['url']}", "/-/posts?collection=newspaper&q=stars"
    assert look(data, replay)[0] in (200, 302, 307)
    assert meant["headline"].encode() in look(data, search)[1]

    tried = run_scrapy("exclude", ARTICLE, "--dry-run", data=data)
    assert (tried.returncode, "1 post and" in tried.stdout) == (0, True)
    assert len(list_exported(data)) == len(whole)
    done = run_scrapy("exclude", ARTICLE, "--reason", "case 7", data=data)
    assert done.returncode == 0, done.stderr

    assert [post for post in list_exported(data) if ARTICLE in json.dumps(post)] == []
    told = [post for post in list_exported(data, "--since", "start") if post["change"] == "withdrawn"]
    assert [ARTICLE in json.dumps(post) for post in told] == [True]
    assert look(data, replay)[0] == 404
    assert meant["headline"].encode() not in look(data, search)[1]
    assert "'excluded/not_asked': " in crawl(data, paper, resume=False)
    assert len(list_exported(data)) == len(whole) - 1
    assert run_scrapy("verify", "newspaper", "--posts", data=data).returncode == 0
    listed = run_scrapy("exclude", "--json", data=data)
    assert json.loads(listed.stdout) | {"at": "", "captures": 0} == {
        "pattern": ARTICLE,
        "at": "",
        "reason": "case 7",
        "captures": 0,
        "posts": 1,
    }

    assert run_scrapy("exclude", "--remove", ARTICLE, data=data).returncode == 0
    assert [post["text"] for post in list_exported(data)] == [post["text"] for post in whole]
    assert meant["headline"].encode() in look(data, search)[1]


def test_a_slip_changes_nothing(tmp_path: Path) -> None:
    data = Data(tmp_path)
    assert run_scrapy("exclude", "paper.example", "(", data=data).returncode == 2
    assert run_scrapy("exclude", "--remove", data=data).returncode == 2
    unknown = run_scrapy("exclude", "--remove", "paper.example", data=data)
    assert (unknown.returncode, "paper.example is not a pattern here" in unknown.stderr) == (1, True)
    assert run_scrapy("exclude", "paper.example", data=tmp_path / "absent").returncode == 2
    assert list(tmp_path.iterdir()) == []
