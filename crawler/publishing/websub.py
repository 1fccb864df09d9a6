"""Notify a WebSub hub that feeds have changed; the hub fetches them and tells their subscribers."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode
from xml.sax.saxutils import escape

from crawler.publishing.http_post import NoAnswer, post
from pipelines.exports.feeds.feeds import ARCHIVE
from pipelines.exports.files import replace_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FILE_NAME = "websub.json"
_TIMEOUT_S = 10.0
_TOPICS_AT_ONCE = 100
_SUFFIXES = frozenset((".atom", ".rss", ".json"))


class Announcements:
    """The feeds that each hub was notified of, with a digest of their content at that time.

    A hub that could not be reached is notified the next time, also after the run was killed. If two runs end at once,
    the later one's record wins, and a hub may be notified twice.
    """

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / FILE_NAME

    def announce(self, hub: str, folder: Path, url: str) -> str:
        """Notify a hub of every feed in a folder that has changed since the last time; return an error message or ''.

        Args:
            url: address at which the folder stands.
        """
        topics, known = find_topics(folder, url, hub), self._load()
        notified = known.get(hub, {})
        changed = [topic for topic, digest in topics.items() if notified.get(topic) != digest]
        problem = ping_hub(hub, changed)
        if changed and not problem:
            text = json.dumps(known | {hub: notified | topics}, ensure_ascii=False, indent=1)
            with replace_file(self._path) as temporary:
                temporary.write_text(text + "\n", "utf-8")
        return problem

    def _load(self) -> dict[str, dict[str, str]]:
        try:
            known: dict[str, dict[str, str]] = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return known


def find_topics(folder: Path, url: str, hub: str) -> dict[str, str]:
    """Return the address of every feed in a folder that names a hub, with a digest of what it says.

    Args:
        url: address at which the folder stands.
    """
    topics = {}
    names = (hub.encode(), escape(hub).encode())
    for path in sorted(folder.rglob("*")):
        if path.parent.name != ARCHIVE and path.suffix in _SUFFIXES and path.is_file():
            text = path.read_bytes()
            if any(name in text for name in names):
                address = f"{url.rstrip('/')}/{quote(path.relative_to(folder).as_posix())}"
                topics[address] = hashlib.blake2b(text, digest_size=16).hexdigest()
    return topics


def ping_hub(hub: str, topics: Sequence[str]) -> str:
    """Tell a hub of the feeds that have changed; return what went wrong, or ''.

    Spec: how a publisher tells its hub is left to the two by WebSub §7; every public hub takes PubSubHubbub 0.4 §7.1,
    where `hub.url` may be repeated.
    """
    for start in range(0, len(topics), _TOPICS_AT_ONCE):
        if problem := _post(hub, topics[start : start + _TOPICS_AT_ONCE]):
            return problem
    return ""


def _post(hub: str, topics: Sequence[str]) -> str:
    body = urlencode([("hub.mode", "publish"), *(("hub.url", topic) for topic in topics)])
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    try:
        status, _ = post(hub, body.encode(), headers, _TIMEOUT_S)
    except NoAnswer as error:
        return str(error)
    return "" if 200 <= status < 300 else f"answered {status}"
