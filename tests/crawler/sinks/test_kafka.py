"""Changes in Kafka, on the broker that librdkafka brings for its own tests: real sockets, its real protocol."""

from __future__ import annotations

import json
import signal
import subprocess
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from crawler.publishing.library import Library
from crawler.publishing.stream import ChangeStream
from crawler.sinks.addresses import open_sink
from crawler.sinks.kafka import KafkaSink
from crawler.sinks.pushing import SinkError, push_changes
from tests.crawler.scheduling.test_schedule import wait_until
from tests.documents.commands import find_command
from tests.pipelines.exports.samples import build_sample
from tests.pipelines.exports.test_changes import Desk, at
from tests.project import run_scrapy, start_scrapy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

confluent_kafka = pytest.importorskip("confluent_kafka", reason="the package confluent-kafka is not installed")


@pytest.fixture
def brokers() -> Iterator[str]:
    holder = confluent_kafka.Producer({"bootstrap.servers": "none", "test.mock.num.brokers": 1, "log_level": 0})
    found = holder.list_topics(timeout=30).brokers.values()
    yield ",".join(f"{broker.host}:{broker.port}" for broker in found)
    holder.flush(0)


def read_topic(brokers: str, topic: str, count: int) -> list[Any]:
    settings = {"bootstrap.servers": brokers, "group.id": "test", "auto.offset.reset": "earliest", "log_level": 0}
    consumer = confluent_kafka.Consumer(settings)
    consumer.subscribe([topic])
    found: list[Any] = []
    for _ in range(60):
        found += [message for message in consumer.consume(count, timeout=1.0) if not message.error()]
        if len(found) >= count:
            break
    consumer.close()
    return found


def test_each_change_is_a_message_of_its_post(brokers: str, tmp_path: Path) -> None:
    desk, url = Desk(tmp_path), f"kafka://{brokers}/news"
    stream = ChangeStream(Library(tmp_path))
    desk.write(at(1, 1), at(2, 2, articleBody="<p>" + "长" * 400_000 + "</p>"))
    desk.account()
    with closing(KafkaSink(url, "", tmp_path)) as sink:
        assert sum(push_changes(stream, sink)) == 2
        assert sum(push_changes(stream, sink)) == 0
    desk.write(at(3, 1, headline="again"))
    desk.account()
    desk.forget()
    desk.write(at(3, 1, headline="again"))
    desk.account()
    done = run_scrapy("export", "kafka", "-o", url, data=tmp_path)
    assert (done.returncode, "kafka: 2 changes" in done.stdout) == (0, True), done.stderr
    found = read_topic(brokers, "news", 4)
    sent = {}
    for message in found:
        headers = {name: value.decode() for name, value in message.headers()}
        assert {"ce_specversion", "ce_id", "ce_source", "content-type"} <= headers.keys()
        sent.setdefault(message.key().decode()[-1], []).append((headers["ce_type"], message.value()))
    assert [(kind, json.loads(value)["headline"]) for kind, value in sent["1"]] == [
        ("newsreel.post.new", "潮汐 1"),
        ("newsreel.post.updated", "again"),
    ]
    (first, thin), (last, nothing) = sent["2"]
    assert (first, "text" in json.loads(thin), last, nothing) == (
        "newsreel.post.new", False, "newsreel.post.withdrawn", None,
    )  # fmt: skip
    with closing(KafkaSink(url, "", tmp_path)) as sink:
        assert sink.find_cursor() == stream.find_end()


def test_an_article_in_two_collections_has_two_keys(brokers: str, tmp_path: Path) -> None:
    record = build_sample(1)
    with closing(KafkaSink(f"kafka://{brokers}/news", "", tmp_path)) as sink:
        sink.store([record, replace(record, collection="other")], "1-x")
    keys = [message.key().decode() for message in read_topic(brokers, "news", 2)]
    assert sorted(keys) == sorted([record.id, f"other:{record.id}"])


def test_what_no_broker_has_confirmed_is_sent_again(
    brokers: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path)
    desk.write(at(1, 1), at(2, 2))
    desk.account()
    stream = ChangeStream(Library(tmp_path))
    monkeypatch.setattr("crawler.sinks.kafka._CONFIRMED_S", 0.5)
    with closing(KafkaSink("kafka://127.0.0.1:9/news", "", tmp_path)) as away:
        with pytest.raises(SinkError, match=r"has not confirmed 2 messages|did not take a message"):
            list(push_changes(stream, away))
        assert away.find_cursor() == ""
    monkeypatch.undo()
    with closing(KafkaSink(f"kafka://{brokers}/news", "", tmp_path)) as sink:
        assert sum(push_changes(stream, sink)) == 2


def test_a_push_that_follows_counts_what_it_has_pushed_until_it_is_interrupted(brokers: str, tmp_path: Path) -> None:
    desk, url = Desk(tmp_path), f"kafka://{brokers}/news"
    desk.write(at(1, 1), at(2, 2))
    desk.account()
    process = start_scrapy(
        *find_command("exports.md", "newsreel export kafka", url), data=tmp_path, stdout=subprocess.PIPE
    )
    wait_until(lambda: find_stored_cursor(url, tmp_path) == ChangeStream(Library(tmp_path)).find_end())
    desk.write(at(3, 3))
    desk.account()
    wait_until(lambda: find_stored_cursor(url, tmp_path) == ChangeStream(Library(tmp_path)).find_end())
    process.send_signal(signal.SIGINT)
    # The signal may come before the last page is counted, but not before the first.
    assert process.communicate(timeout=60)[0] in {"kafka: 2 changes\n", "kafka: 3 changes\n"}


def find_stored_cursor(url: str, data_dir: Path) -> str:
    with closing(KafkaSink(url, "", data_dir)) as sink:
        return sink.find_cursor()


@pytest.mark.parametrize("url", ["kafka://host:9092", "kafka:///topic"])
def test_an_address_that_is_none_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="is not an address of a topic"):
        KafkaSink(url, "", tmp_path)


@pytest.mark.parametrize(("name", "url"), [("kafka", "postgresql://host/db"), ("postgresql", "kafka://host/topic")])
def test_an_address_of_another_kind_is_refused(name: str, url: str, tmp_path: Path) -> None:
    with pytest.raises(SinkError, match=f"{name} writes to an address, -o {name}://"):
        open_sink(name, url, "", tmp_path)
