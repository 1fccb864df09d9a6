"""Webhooks against a receiver that fails, hangs and dies: signed, in order, and retried until they are accepted."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import math
import os
import re
import socket
import subprocess
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote

import pytest

from archives.storage.collection import Collection
from archives.storage.files import lock_file
from crawler.publishing.delivering import LOCK_NAME, deliver_changes, deliver_due
from crawler.publishing.library import Library
from crawler.publishing.outbox import MAX_ATTEMPTS, Outbox
from crawler.publishing.webhooks import Delivery, Hook, load_hook, post_delivery, sign
from crawler.publishing.websub import Announcements, ping_hub
from pipelines.exports.feeds.feeds import FeedOptions, export_feeds
from pipelines.posts.items import Statement
from tests.clock import Clock
from tests.pipelines.exports.receiver import Receiver, serve_receiver
from tests.pipelines.exports.samples import build_sample, build_statement, fill_collection
from tests.project import Data, run_scrapy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.exports.records import PostRecord

SECRET = b"not much of a secret"
DELIVERY = Delivery(number=1, id="msg_1", body=b'{"data": {}}', attempts=0)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with serve_receiver() as state:
        yield state


@pytest.fixture
def library(tmp_path: Path) -> Library:
    write(tmp_path, [build_statement(number) for number in range(1, 5)])
    return Library(tmp_path)


def write(data_dir: Path, statements: list[Statement]) -> None:
    collection = Collection.open(data_dir, "news", create=True)
    fill_collection(collection.indexes_dir, statements)
    with closing(Library(data_dir).open_log("news")) as log:
        log.account()


def build_hook(receiver: Receiver, **values: Any) -> Hook:
    return Hook(**({"url": receiver.url, "secret": SECRET, "timeout_s": 2.0} | values))


def test_changes_are_reported_in_order_and_once(library: Library, receiver: Receiver, tmp_path: Path) -> None:
    hook = build_hook(receiver)
    assert deliver_changes(library, (hook,), timeout_s=10).delivered == 4
    assert [post["headline"] for post in receiver.received] == [f"潮汐 {number}" for number in range(1, 5)]
    assert {post["change"] for post in receiver.received} == {"new"}
    assert deliver_changes(library, (hook,), timeout_s=10).delivered == 0
    write(tmp_path, [build_statement(2, headline="龙")])
    with closing(library.open_log("news")) as log:
        log.account()
    done = deliver_changes(library, (hook,), timeout_s=10)
    assert (done.delivered, done.waiting, done.failed) == (1, 0, 0)
    assert receiver.received[-1]["change"] == "updated"
    assert receiver.received[-1]["version"] == 2


def test_the_signature_covers_id_time_and_body(library: Library, receiver: Receiver) -> None:
    deliver_changes(library, (build_hook(receiver),), timeout_s=10)
    for headers, body in receiver.asked:
        assert re.fullmatch(r"msg_[0-9a-f]{32}", headers["Webhook-Id"])
        assert json.loads(body)["type"] == "post.new"
        text = f"{headers['Webhook-Id']}.{headers['Webhook-Timestamp']}.".encode() + body
        wanted = "v1," + base64.b64encode(hmac.new(SECRET, text, hashlib.sha256).digest()).decode()
        assert headers["Webhook-Signature"] == wanted
    assert sign(b"k", "i", 1, b"b") != sign(b"k", "i", 2, b"b")


VERIFY = """
import json, sys
from standardwebhooks import Webhook

for line in sys.stdin:
    call = json.loads(line)
    Webhook(sys.argv[1]).verify(call["body"], {name.lower(): value for name, value in call["headers"].items()})
    print("accepted")
"""


def test_the_standards_own_library_accepts_every_delivery(library: Library, receiver: Receiver) -> None:
    python = Path(os.environ.get("NEWSREEL_LOADERS", "/nowhere"), "python")
    probe = [str(python), "-c", "import standardwebhooks"]
    if not python.exists() or subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("no standardwebhooks in NEWSREEL_LOADERS, an environment of programs that take exports")
    hooks = (build_hook(receiver), build_hook(receiver, url=receiver.url + "&thin", payload="thin"))
    deliver_changes(library, hooks, timeout_s=10)
    calls = [json.dumps({"headers": headers, "body": body.decode()}) for headers, body in receiver.asked]
    command = [str(python), "-c", VERIFY, "whsec_" + base64.b64encode(SECRET).decode()]
    done = subprocess.run(command, input="\n".join(calls), capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout.split(), done.returncode) == (["accepted"] * 8, 0), done.stderr


FAULTS = [500, 503, 302, 400, 0, 1, 2]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_tried_again_later_and_holds_back_what_follows(
    library: Library, receiver: Receiver, tmp_path: Path, fault: int
) -> None:
    receiver.hang_s = 4.0
    receiver.answers = [204, fault]
    hook, clock = build_hook(receiver), Clock()
    with closing(Outbox(tmp_path / "webhooks.sqlite")) as outbox:
        assert outbox.fill(library, [hook]) == 4
        assert deliver_due(outbox, [hook], timeout_s=10, clock=clock) == 1
        assert deliver_due(outbox, [hook], timeout_s=10, clock=clock) == 0, "its time has not come"
        assert len(receiver.asked) == 2
        clock.now += 11
        assert deliver_due(outbox, [hook], timeout_s=10, clock=clock) == 3
    assert [post["headline"] for post in receiver.received] == [f"潮汐 {number}" for number in range(1, 5)]
    assert receiver.asked[1][0]["Webhook-Id"] == receiver.asked[2][0]["Webhook-Id"]


@pytest.mark.parametrize("fault", [1, 2])
def test_a_receiver_that_takes_too_long_is_reported_as_late(receiver: Receiver, fault: int) -> None:
    receiver.hang_s, receiver.answers = 0.4, [fault]
    refusal = post_delivery(build_hook(receiver, timeout_s=0.1), DELIVERY, 0)
    assert refusal is not None
    assert refusal.words == "no answer within 0.1 s"


def test_pauses_between_deliveries_grow_and_end(library: Library, receiver: Receiver, tmp_path: Path) -> None:
    receiver.answers = [500] * MAX_ATTEMPTS
    hook, clock = build_hook(receiver), Clock()
    with closing(Outbox(tmp_path / "webhooks.sqlite")) as outbox:
        outbox.fill(library, [hook])
        waits = []
        while outbox.count("dead") == 0:
            began = clock.now
            deliver_due(outbox, [hook], timeout_s=10, clock=clock)
            while outbox.count("dead") == 0 and outbox.find_next(hook, clock.now) is None:
                clock.now += 10
                assert clock.now < began + 86400, "nothing is due any more"
            waits.append(clock.now - began)
        assert waits[:5] == [10, 20, 40, 80, 160]
        assert max(waits) <= 6 * 3600
        assert len(waits) == MAX_ATTEMPTS
        assert deliver_due(outbox, [hook], timeout_s=10, clock=clock) == 3, "the others may go"
        outbox.revive()
        assert deliver_due(outbox, [hook], timeout_s=10, clock=clock) == 1
    assert [post["headline"][-1] for post in receiver.received] == ["2", "3", "4", "1"]


@pytest.mark.parametrize("is_date", [False, True])
def test_a_receiver_is_left_alone_for_as_long_as_it_asks(
    library: Library, receiver: Receiver, tmp_path: Path, is_date: bool
) -> None:
    receiver.answers = [429]
    if is_date:
        receiver.retry_after = format_datetime(datetime.now(UTC) + timedelta(seconds=301), usegmt=True)
    hook, clock = build_hook(receiver), Clock()
    with closing(Outbox(tmp_path / "webhooks.sqlite")) as outbox:
        outbox.fill(library, [hook])
        deliver_due(outbox, [hook], timeout_s=10, clock=clock)
        clock.now += 270  # a date is counted from now, and the test may be late
        assert deliver_due(outbox, [hook], timeout_s=10, clock=clock) == 0
        clock.now += 31
        assert deliver_due(outbox, [hook], timeout_s=10, clock=clock) == 4


def test_a_receiver_that_is_gone_is_asked_no_more(library: Library, receiver: Receiver, tmp_path: Path) -> None:
    receiver.answers = [410]
    hook, clock = build_hook(receiver), Clock()
    with closing(Outbox(tmp_path / "webhooks.sqlite")) as outbox:
        outbox.fill(library, [hook])
        deliver_due(outbox, [hook], timeout_s=10, clock=clock)
        clock.now += 86400
        assert outbox.fill(library, [hook]) == deliver_due(outbox, [hook], timeout_s=10, clock=clock) == 0
        assert (len(receiver.asked), outbox.count("dead")) == (1, 4)
        outbox.revive()
        assert deliver_due(outbox, [hook], timeout_s=10, clock=clock) == 4


def test_a_body_that_is_too_large_does_not_hold_back_the_others(
    library: Library, receiver: Receiver, tmp_path: Path
) -> None:
    receiver.answers = [413]
    hook = build_hook(receiver)
    with closing(Outbox(tmp_path / "webhooks.sqlite")) as outbox:
        outbox.fill(library, [hook])
        assert deliver_due(outbox, [hook], timeout_s=10) == 3
        assert (outbox.count("waiting"), outbox.count("dead")) == (0, 1)


def test_a_secret_may_be_written_as_the_standard_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S", "whsec_" + base64.b64encode(SECRET).decode())
    assert load_hook({"url": "http://x.example/", "secret_env": "S"}).secret == SECRET
    monkeypatch.setenv("S", "whsec_?")
    with pytest.raises(ValueError, match="not Base64"):
        load_hook({"url": "http://x.example/", "secret_env": "S"})


def test_one_receiver_does_not_wait_for_another(library: Library, receiver: Receiver, tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        gone = Hook(url=f"http://127.0.0.1:{unused.getsockname()[1]}/", secret=SECRET, timeout_s=0.5)
        done = deliver_changes(library, (gone, build_hook(receiver)), timeout_s=10)
    assert (done.delivered, done.waiting) == (4, 4)


def test_one_process_delivers_at_a_time(library: Library, receiver: Receiver) -> None:
    """Of two, the faster one could deliver an update before the slower one has delivered the post."""
    hook = build_hook(receiver)
    with (library.data_dir / LOCK_NAME).open("w") as other:
        assert lock_file(other.fileno())
        done = deliver_changes(library, (hook,), timeout_s=0.2)
        assert (done.delivered, done.waiting, receiver.asked) == (0, 4, [])
    assert deliver_changes(library, (hook,), timeout_s=10).delivered == 4


def test_what_was_put_into_the_outbox_survives_the_process(library: Library, receiver: Receiver) -> None:
    hook = build_hook(receiver)
    with closing(Outbox(library.data_dir / "webhooks.sqlite")) as outbox:
        assert outbox.fill(library, [hook]) == 4
    with closing(Outbox(library.data_dir / "webhooks.sqlite")) as outbox:
        assert outbox.fill(library, [hook]) == 0
        assert deliver_due(outbox, [hook], timeout_s=10) == 4


def test_a_thin_payload_names_the_change_and_a_large_one_becomes_thin(library: Library, receiver: Receiver) -> None:
    thin, full = build_hook(receiver, payload="thin"), build_hook(receiver, url=receiver.url + "&c=d")
    bound = build_hook(receiver, url=receiver.url + "&e=f", max_bytes=1000)
    assert deliver_changes(library, (thin, full, bound), timeout_s=30).delivered == 12
    bodies = [json.loads(body) for _, body in receiver.asked]
    assert ["isThin" in body for body in bodies] == [*[True] * 4, *[False] * 4, *[True] * 4]
    assert bodies[0]["data"] == bodies[8]["data"]
    for small, whole in zip(bodies[:4], bodies[4:8], strict=True):
        assert (
            {"id", "url", "change", "version", "cursor", "contentHash"} <= small["data"].keys() < whole["data"].keys()
        )
        assert small["data"] == {name: whole["data"][name] for name in small["data"]}
        assert "articleBody" not in small["data"]


def test_no_body_is_larger_than_a_receiver_allows(tmp_path: Path, receiver: Receiver) -> None:
    statements = [build_statement(1, headline="潮" * 3000), build_statement(2, url=f"http://news.example/{'x' * 3000}")]
    write(tmp_path, statements)
    hook = build_hook(receiver, max_bytes=2000)
    done = deliver_changes(Library(tmp_path), [hook], timeout_s=30)
    assert (done.delivered, done.failed) == (1, 1)
    ((_, body),) = receiver.asked
    assert len(body) <= 2000
    assert json.loads(body)["data"]["headline"] == "潮" * 100
    with closing(Outbox(tmp_path / "webhooks.sqlite")) as outbox:
        (letter,) = outbox.list_dead()
    assert letter.post.endswith("2")
    assert letter.error.endswith("and max_bytes is 2000")


def test_what_was_laid_aside_is_listed_and_tried_again_by_its_number(
    library: Library, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSREEL_SECRET", "x")
    table = f'[[webhook]]\nurl = "{receiver.url}"\nsecret_env = "NEWSREEL_SECRET"\n'
    (tmp_path / "exports.toml").write_text(table, "utf-8")
    receiver.answers = [413, 204, 413, 204]
    settings = {"EXPORTS_FILE": tmp_path / "exports.toml"}

    def run(*arguments: str) -> tuple[int, list[Any]]:
        done = run_scrapy("webhooks", *arguments, "--json", data=Data(library.data_dir), settings=settings)
        assert done.returncode in (0, 1), done.stderr
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]

    code, (done,) = run("deliver")
    assert (code, done) == (1, {"delivered": 2, "waiting": 0, "failed": 2})
    code, letters = run()
    assert (code, [letter["post"][-1] for letter in letters]) == (1, ["1", "3"])
    assert {(letter["kind"], letter["error"]) for letter in letters} == {("post.new", "answered 413")}
    assert run("retry", str(letters[1]["number"])) == (1, [{"delivered": 1, "waiting": 0, "failed": 1}])
    assert run("retry") == (0, [{"delivered": 1, "waiting": 0, "failed": 0}])
    assert [post["identifier"][-1] for post in receiver.received] == ["2", "4", "3", "1"]
    assert run() == (0, [])
    done = run_scrapy("webhooks", "retry", "99", data=Data(library.data_dir), settings=settings)
    assert done.returncode == 2
    assert "there is no failed delivery 99" in done.stderr


BAD = [
    ({"url": "http://x.example/", "secret_env": "S", "payload": "all"}, "must be full or thin"),
    ({"url": "http://x.example/", "secret_env": "S", "max_bytes": True}, "must be a whole number"),
    ({"url": "http://x.example/a b", "secret_env": "S"}, "address without blanks"),
    ({"url": "ftp://x.example/", "secret_env": "S"}, "must be an http or https address"),
    ({"url": "http://x..example/", "secret_env": "S"}, "must be an http or https address"),
    ({"url": "http://me:word@x.example/", "secret_env": "S"}, "without blanks and user name"),
    ({"url": "http://x.example/"}, "must name an environment variable"),
    ({"url": "http://x.example/", "secret_env": "NOT_SET"}, "must name an environment variable"),
    ({"url": "http://x.example/", "secret_env": "S", "secret": "x"}, "secret is not a key"),
    ({"url": "http://x.example/", "secret_env": "S", "timeout_s": -1}, "must be seconds"),
    ({"url": "http://x.example/", "secret_env": "S", "timeout_s": math.nan}, "must be seconds"),
    ({"url": "http://x.example/", "secret_env": "S", "timeout_s": 1e300}, "at most a day"),
]


@pytest.mark.parametrize(("table", "words"), BAD)
def test_faults_of_the_file_are_reported(table: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S", "secret")
    with pytest.raises(ValueError, match=words):
        load_hook(table)


def test_letters_outside_ascii_in_an_address_are_escaped(receiver: Receiver) -> None:
    url = receiver.url.replace("/posts?", "/é/posts?") + "&ü=长 x"
    assert post_delivery(build_hook(receiver, url=url), DELIVERY, 1) is None
    assert ping_hub(url, ["http://x.example/all.atom"]) == ""
    assert "label" in ping_hub("http://x..example/", ["http://x.example/all.atom"])


def test_a_hub_is_told_of_a_feed(receiver: Receiver) -> None:
    receiver.answers = [500, 503]
    assert ping_hub(receiver.url, ["http://x.example/all.atom"]) == "answered 500"
    assert receiver.asked[0][1] == b"hub.mode=publish&hub.url=http%3A%2F%2Fx.example%2Fall.atom"
    assert "refused" in ping_hub("http://127.0.0.1:9/", ["http://x.example/all.atom"])


def test_a_hub_is_told_of_every_feed_that_changed_and_of_no_other(receiver: Receiver, tmp_path: Path) -> None:
    hub = receiver.url + "?a=1&b=2"

    def announce(*records: PostRecord) -> set[str]:
        feeds = FeedOptions(url="https://x.example/f", hub=hub, limit=1)
        export_feeds(records, tmp_path / "feeds", feeds)
        receiver.asked.clear()
        is_refused = bool(receiver.answers)
        problem = Announcements(tmp_path).announce(hub, tmp_path / "feeds", feeds.url)
        asked = [parse_qs(body.decode()) for _, body in receiver.asked]
        assert all(form["hub.mode"] == ["publish"] for form in asked)
        assert bool(problem) is is_refused
        return {topic for form in asked for topic in form["hub.url"]}

    first, other = build_sample(1, keywords=["a"]), build_sample(2, keywords=["长/b"])
    pinged = announce(first, other)
    naming = [path for path in (tmp_path / "feeds").rglob("*.*") if b"a=1" in path.read_bytes()]
    assert pinged == {f"https://x.example/f/{quote(str(p.relative_to(tmp_path / 'feeds')))}" for p in naming}
    assert len(naming) == 3 * 8, "all, found, changed, collection, source, category and two tags"
    assert announce(first, other) == set()
    changed = replace(first, headline="changed")
    receiver.answers = [503]
    tried = announce(changed, other)
    assert {topic.rpartition("/")[2] for topic in tried} == {"a.atom", "a.rss", "a.json"}
    assert announce(changed, other) == tried, "what the hub did not accept is sent again"
    assert announce(changed, other) == set()
