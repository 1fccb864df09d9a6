"""A topic of Kafka, or of whatever speaks its protocol: a message for each change, keyed by the post.

Messages are CloudEvents in binary mode. The key is the post's unique id, so that all changes of a post are in one
partition, in their order; a post that was removed has no value, which a compacted topic takes for a deletion. The
cursor is kept here, once the broker has confirmed all messages before it.

Spec: CloudEvents 1.0.2, Kafka protocol binding, section 3.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from archives.storage.databases import Schema, open_database
from crawler.sinks.pushing import SinkError
from pipelines.exports.documents.lines import dump
from pipelines.exports.records import build_thin_object, dump_record
from pipelines.exports.tables.cloudevents import build_event

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pipelines.exports.records import PostRecord

SCHEME = "kafka"
FILE_NAME = "sinks.sqlite"
_CONFIRMED_S = 60.0
_SCHEMA = Schema(
    version=1,
    script="""
CREATE TABLE IF NOT EXISTS place (
    sink TEXT NOT NULL,
    stream TEXT NOT NULL,           -- a collection, or '' for all
    cursor TEXT NOT NULL,
    PRIMARY KEY (sink, stream)
) WITHOUT ROWID;
""",
    loss="every change is then sent again",
)


class KafkaSink:
    """One topic.

    Args:
        url: `kafka://HOST:PORT/TOPIC`; several brokers are separated by commas.
        stream: names the stream that is pushed: a collection, or '' for all.
        data_dir: where the cursor is kept.

    Raises:
        SinkError: the address is none, or confluent-kafka is not installed.
    """

    def __init__(self, url: str, stream: str, data_dir: Path) -> None:
        parts = urlsplit(url)
        self._topic = parts.path.strip("/")
        if not parts.netloc or not self._topic:
            raise SinkError(f"{url!r} is not an address of a topic; it must be like kafka://HOST:9092/TOPIC")
        try:
            from confluent_kafka import KafkaError, KafkaException, Producer  # noqa: PLC0415 (an extra)
        except ImportError as error:
            raise SinkError("kafka needs the extra 'kafka': pip install 'newsreel[kafka]'") from error
        self._too_large: int = KafkaError.MSG_SIZE_TOO_LARGE
        self._refused: type[Exception] = KafkaException
        self._place = (url, stream)
        # Without idempotence a message that is sent again could overtake the one behind it.
        settings = {"enable.idempotence": True, "compression.type": "zstd", "log_level": 2}
        timeouts = {"delivery.timeout.ms": int(_CONFIRMED_S * 1000)}
        self._producer: Any = Producer({"bootstrap.servers": parts.netloc} | settings | timeouts)
        self._failures: list[str] = []
        self._database = open_database(data_dir / FILE_NAME, _SCHEMA)

    def close(self) -> None:
        """Drop what was not confirmed; it is sent again."""
        self._producer.purge()
        self._database.close()

    def find_cursor(self) -> str:
        """Return the cursor behind the last change that the broker has confirmed."""
        query = "SELECT cursor FROM place WHERE sink = ? AND stream = ?"
        row = self._database.execute(query, self._place).fetchone()
        return row[0] if row else ""

    def store(self, records: Sequence[PostRecord], cursor: str) -> None:
        """Send the messages, wait until all are confirmed, and then keep the cursor."""
        self._failures.clear()
        for record in records:
            self._send(record)
        if left := self._producer.flush(_CONFIRMED_S):
            raise SinkError(f"{self._place[0]} has not confirmed {left} messages in {_CONFIRMED_S:.0f} s; try again")
        if self._failures:
            raise SinkError(f"{self._place[0]} did not take a message: {self._failures[0]}")
        self._database.execute("INSERT OR REPLACE INTO place VALUES (?, ?, ?)", (*self._place, cursor))

    def _send(self, record: PostRecord) -> None:
        value = None if record.is_removed else dump_record(record).encode()
        try:
            self._produce(record, value)
        except self._refused as error:
            if error.args[0].code() != self._too_large:
                raise SinkError(f"{self._place[0]}: {error}") from error
            # One large post must not stop those behind it: it goes without its text, which an export has.
            self._produce(record, dump(build_thin_object(record)).encode())

    def _produce(self, record: PostRecord, value: bytes | None) -> None:
        event = build_event(record)
        names = [name for name in event if name not in ("data", "datacontenttype")]
        headers = [(f"ce_{name}", str(event[name]).encode()) for name in names]
        headers.append(("content-type", event["datacontenttype"].encode()))
        while True:
            try:
                self._producer.produce(
                    self._topic, key=record.unique_id.encode(), value=value, headers=headers, on_delivery=self._note
                )
            except BufferError:  # its queue is full: wait for the broker
                self._producer.poll(1.0)
            else:
                self._producer.poll(0)
                return

    def _note(self, error: object, _: object) -> None:
        if error is not None:
            self._failures.append(str(error))
