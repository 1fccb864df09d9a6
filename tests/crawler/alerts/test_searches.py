"""Saved searches: a receiver is sent each new post that a search finds once, and nothing of what was there before."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from crawler.alerts.channels import ChannelError
from crawler.alerts.message import SearchMessage
from crawler.alerts.receivers import AlertsError, Receiver, read_receivers
from crawler.alerts.searches import send_found
from crawler.publishing.library import Library
from tests.crawler.monitoring.test_runs import write_run
from tests.crawler.viewer.conftest import show
from tests.crawler.viewer.search.test_search import write_posts
from tests.crawler.viewer.test_viewer import read
from tests.project import Data, run_scrapy

if TYPE_CHECKING:
    from pathlib import Path

SEARCHES = {"lorries": "lorries", "zh": "lang:zh", "all": "-nowhere"}


@dataclass
class Box:
    """A receiver that keeps what it is sent, or refuses it."""

    name: str = "desk"
    refuses: bool = False
    messages: list[SearchMessage] = field(default_factory=list)

    def send(self, message: SearchMessage) -> None:
        if self.refuses:
            raise ChannelError("refused")
        self.messages.append(message)

    def take(self) -> list[tuple[str, list[str]]]:
        found = [(one.search, [post.identifier for post in one.posts]) for one in self.messages]
        self.messages.clear()
        return found


def test_a_new_post_is_sent_once(tmp_path: Path) -> None:
    box = Box()
    receivers = [Receiver(channel=box, searches=("lorries", "zh"), wants_alerts=False)]  # type: ignore[arg-type]
    library = Library(tmp_path)
    write_posts(library, ["bridge"])
    assert send_found(tmp_path, SEARCHES, receivers) == ([], [])
    write_posts(library, ["arch", "plum", "ferry"])
    box.refuses = True
    assert send_found(tmp_path, SEARCHES, receivers) == ([], [("desk", "refused"), ("desk", "refused")])
    box.refuses = False
    assert send_found(tmp_path, SEARCHES, receivers) == (["desk", "desk"], [])
    assert box.take() == [("lorries", ["arch"]), ("zh", ["ferry"])]
    write_posts(library, ["arch", "bridge"], change="Later.")
    send_found(tmp_path, SEARCHES, receivers)
    assert box.take() == [("lorries", ["bridge"])]
    send_found(tmp_path, SEARCHES, receivers)
    assert box.take() == []


def test_a_long_list_is_cut_and_says_so(tmp_path: Path) -> None:
    box = Box()
    receivers = [Receiver(channel=box, searches=("all",))]  # type: ignore[arg-type]
    library = Library(tmp_path)
    write_posts(library, ["bridge"])
    send_found(tmp_path, SEARCHES, receivers)
    write_posts(library, [f"plum-{n}" for n in range(60)])
    send_found(tmp_path, SEARCHES, receivers)
    (message,) = box.messages
    assert (len(message.posts), message.more, message.subject) == (50, 10, "Newsreel: all: 60 new posts")
    data = json.loads(message.dump())
    assert (data["type"], data["data"]["more"], data["data"]["posts"][0]["headline"]) == (
        "search.found", 10, "Plums at the market",
    )  # fmt: skip


def test_a_command_is_given_what_was_found(tmp_path: Path) -> None:
    """By the file as users write it."""
    out = tmp_path / "found"
    file = tmp_path / "alerts.toml"
    file.write_text(f'[[alert]]\ncommand = ["tee", "{out}"]\nsearches = ["lorries"]\n', "utf-8")
    (receiver,) = read_receivers(file)
    assert not receiver.wants_alerts
    library = Library(tmp_path)
    write_posts(library, ["plum"])
    send_found(tmp_path, SEARCHES, [receiver])
    write_posts(library, ["bridge"])
    send_found(tmp_path, SEARCHES, [receiver])
    assert "The old bridge closes (paper, 2026-05-01 12:00)" in out.read_text("utf-8")


def test_a_search_that_is_not_there_is_said(tmp_path: Path) -> None:
    receivers = [Receiver(channel=Box(), searches=("lorry",))]  # type: ignore[arg-type]
    with pytest.raises(AlertsError, match="'lorry'"):
        send_found(tmp_path, SEARCHES, receivers)
    with pytest.raises(AlertsError, match="must be a search"):
        send_found(tmp_path, {"lorry": 3}, receivers)  # type: ignore[dict-item]


def test_a_search_at_fault_keeps_no_alert_from_being_sent(tmp_path: Path) -> None:
    data = Data(tmp_path / "data")
    write_run(data, "paper", datetime.now(UTC), exit_reason="memusage_exceeded")
    out, file = tmp_path / "sent", tmp_path / "alerts.toml"
    file.write_text(f'[[alert]]\ncommand = ["tee", "{out}"]\nkinds = ["run"]\nsearches = ["lorry"]\n', "utf-8")
    done = run_scrapy("alerts", data=data, settings={"ALERTS_FILE": file})
    assert (done.returncode, "'lorry', which SEARCHES does not have" in done.stderr) == (1, True)
    assert "ended with memusage_exceeded" in out.read_text("utf-8")


def test_the_front_page_links_to_saved_searches(tmp_path: Path) -> None:
    with show(Data(tmp_path)) as viewer:
        assert "Saved searches" not in read(viewer, "/")
    with show(Data(tmp_path), searches=SEARCHES) as viewer:
        page = read(viewer, "/")
        assert '<a dir="auto" href="/-/posts?q=lang%3Azh" title="lang:zh">zh</a>' in page
        assert "/-/posts?q=lang%3Azh&amp;format=atom" in page
