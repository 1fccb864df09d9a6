"""The sinks by name: what `scrapy export` pushes changes into."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from crawler.sinks.kafka import SCHEME, KafkaSink
from crawler.sinks.postgresql import SCHEMES, PostgresSink
from crawler.sinks.pushing import SinkError

if TYPE_CHECKING:
    from pathlib import Path

    from crawler.sinks.pushing import Sink

SINKS = {
    "postgresql": "rows in PostgreSQL, -o postgresql://HOST/DATABASE (extra [postgres])",
    "kafka": "messages in Kafka, -o kafka://HOST:PORT/TOPIC (extra [kafka])",
}


def open_sink(name: str, url: str, stream: str, data_dir: Path) -> Sink:
    """Open what an address names.

    Args:
        stream: a collection, or '' for all.

    Raises:
        SinkError: the address is of another kind, or it cannot be reached.
    """
    scheme = urlsplit(url).scheme
    if name == "kafka" and scheme == SCHEME:
        return KafkaSink(url, stream, data_dir)
    if name == "postgresql" and scheme in SCHEMES:
        return PostgresSink(url, stream)
    raise SinkError(f"{name} writes to an address, {SINKS[name].partition(', ')[2].partition(' (')[0]}, not to {url!r}")
