"""Metrics: what we write is what Prometheus' own parser reads, from a file and over loopback."""

from __future__ import annotations

import socket
import subprocess
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from crawler.demo_site import Newspaper
from crawler.monitoring.endpoint import parse_endpoint, serve_metrics
from crawler.monitoring.health import Limits, list_health
from crawler.monitoring.metrics import dump_metrics, write_metrics
from crawler.scheduling.schedule import Entry
from tests.crawler.monitoring.test_health import NOW, WELL, build_run, list_past
from tests.project import LOOPBACK, Data, run_scrapy, start_scrapy

if TYPE_CHECKING:
    from pathlib import Path

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read_samples(text: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def find_value(samples: Samples, name: str, **labels: str) -> float:
    (value,) = [value for (known, held), value in samples.items() if known == name and set(labels.items()) <= held]
    return value


def test_prometheus_reads_what_we_write() -> None:
    failed = WELL | {"pages/failed/article": 5, "failures/http_503": 5}
    runs = [build_run(0, failed), *list_past(), build_run(3, source='a "quoted"\\\nname')]
    entry = Entry(source="paper", rule="", due=NOW + timedelta(hours=1), interval_s=0, owner="host/1/a")
    text = dump_metrics(list_health(runs, now=NOW, limits=Limits()), [entry])
    samples = read_samples(text)
    paper = {"source": "paper", "collection": "paper"}
    assert find_value(samples, "newsreel_last_run_start_timestamp_seconds", **paper) == NOW.timestamp()
    assert find_value(samples, "newsreel_last_run_duration_seconds", **paper) == 60
    assert find_value(samples, "newsreel_last_run_posts", **paper, outcome="new") == 3
    assert find_value(samples, "newsreel_last_run_failures", **paper, reason="http_503") == 5
    assert find_value(samples, "newsreel_usual_interval_seconds", **paper) == 3600
    assert find_value(samples, "newsreel_field_share", **paper, origin="article", field="author") == 0.2
    assert find_value(samples, "newsreel_alerts", **paper, kind="failures") == 1
    assert find_value(samples, "newsreel_alerts", **paper, kind="silence") == 0
    assert find_value(samples, "newsreel_next_due_timestamp_seconds", source="paper") == NOW.timestamp() + 3600
    assert find_value(samples, "newsreel_crawl_running", source="paper") == 1
    assert find_value(samples, "newsreel_last_run_died", source='a "quoted"\\\nname') == 0
    for family in text_string_to_metric_families(text):
        assert (family.type, family.name[:9]) == ("gauge", "newsreel_")
        assert family.documentation


def test_nothing_known_is_an_empty_text() -> None:
    assert dump_metrics([]) == ""


def test_a_metrics_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "newsreel.prom"
    for text in ("one", "two"):
        write_metrics(path, text)
        assert [found.read_text("utf-8") for found in path.parent.iterdir()] == [text]


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("127.0.0.1:9410", ("127.0.0.1", 9410)),
        ("localhost:1", ("127.0.0.1", 1)),
        ("[::1]:9410", ("::1", 9410)),
        ("127.5.5.5:0", ("127.5.5.5", 0)),
    ],
)
def test_an_endpoint_is_on_loopback(text: str, endpoint: tuple[str, int]) -> None:
    assert parse_endpoint(text) == endpoint


@pytest.mark.parametrize(
    "text", ["0.0.0.0:9410", "192.168.1.1:80", "news.example:80", "127.0.0.1", "9410", "127.0.0.1:x", ":1"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a loopback address"):
        parse_endpoint(text)


def test_only_metrics_are_served() -> None:
    with serve_metrics("127.0.0.1", 0, lambda: "# HELP a b\n") as port:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
            assert answer.read() == b"# HELP a b\n"
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        with pytest.raises(urllib.error.HTTPError, match="404") as caught:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60)
        caught.value.close()


def test_a_crawl_leaves_a_file_and_the_schedule_answers(data: Data, tmp_path: Path) -> None:
    file = tmp_path / "newsreel.prom"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    source = tmp_path / "newspaper.toml"
    with Newspaper() as paper:
        source.write_text(paper.source_toml() + '\n[schedule]\nevery = "1h"\n', "utf-8")
        settings = LOOPBACK | {
            "ROBOTSTXT_OBEY": True,
            "METRICS_FILE": file,
            "SCHEDULE_METRICS": f"127.0.0.1:{port}",
        }
        command = ("schedule", "--sources", str(source))
        with start_scrapy(*command, data=data, settings=settings, stderr=subprocess.DEVNULL) as process:
            try:
                deadline = time.monotonic() + 60
                while not file.exists() and time.monotonic() < deadline:
                    time.sleep(0.1)
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
                    served = read_samples(answer.read().decode())
            finally:
                process.terminate()
                assert process.wait(30) == 0
    left = read_samples(file.read_text("utf-8"))
    assert find_value(left, "newsreel_last_run_posts", outcome="new") == len(paper.expected.posts)
    assert left.items() <= served.items()
    due = find_value(served, "newsreel_next_due_timestamp_seconds", source="newspaper")
    assert due > datetime.now(UTC).timestamp() + 3000


def test_an_address_that_cannot_be_fetched_is_reported(data: Data, tmp_path: Path) -> None:
    source = tmp_path / "one.toml"
    with Newspaper() as paper:
        source.write_text(paper.source_toml() + '\n[schedule]\nevery = "1h"\n', "utf-8")
    for address in ("0.0.0.0:9410", "127.0.0.1:99999"):
        done = run_scrapy("schedule", "--sources", str(source), data=data, settings={"SCHEDULE_METRICS": address})
        assert done.returncode == 2
        assert "must be a loopback address" in done.stderr + done.stdout
