"""The Grafana dashboard asks for metrics that there are, by labels that they have, and leaves none out."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from datetime import timedelta

from prometheus_client.parser import text_string_to_metric_families

from crawler.monitoring.health import Limits, list_health
from crawler.monitoring.metrics import dump_metrics
from crawler.scheduling.schedule import Entry
from tests.crawler.monitoring.test_health import NOW, WELL, build_run, list_past
from tests.project import ROOT

DASHBOARD = json.loads((ROOT / "docs" / "grafana.json").read_text("utf-8"))
_LABELS = re.compile(r"(newsreel_\w+)\{([^}]*)\}")
_GROUPED = re.compile(r"by \(([^)]*)\) \((newsreel_\w+)")


def list_exposed() -> dict[str, set[str]]:
    """Every metric that is really exposed, with its labels."""
    failed = WELL | {"pages/failed/article": 5, "failures/http_503": 5}
    entry = Entry(source="paper", rule="", due=NOW + timedelta(hours=1), interval_s=0, owner="host/1/a")
    text = dump_metrics(list_health([build_run(0, failed), *list_past()], now=NOW, limits=Limits()), [entry])
    found: defaultdict[str, set[str]] = defaultdict(set)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name] |= sample.labels.keys()
    return found


def list_queries() -> list[str]:
    queries = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    return queries + [v["query"]["query"] for v in DASHBOARD["templating"]["list"] if v["type"] == "query"]


def test_every_metric_is_shown_and_every_query_can_be_answered() -> None:
    exposed = list_exposed()
    queries = list_queries()
    assert {name for query in queries for name in re.findall(r"newsreel_\w+", query)} == exposed.keys()
    for query in queries:
        for name, matchers in _LABELS.findall(query):
            assert set(re.findall(r"(\w+)=~?\"", matchers)) <= exposed[name], query
        for labels, name in _GROUPED.findall(query):
            assert {label.strip() for label in labels.split(",")} <= exposed[name], query


def test_panels_have_places_and_names_of_their_own() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    taken = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < 24
