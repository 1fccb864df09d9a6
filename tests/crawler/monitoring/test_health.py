"""The health of a source: each alert where it is due, and none where nothing is wrong."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from crawler.monitoring.alert import AlertKind
from crawler.monitoring.health import Health, Limits, examine, list_health
from crawler.monitoring.logbook import RunRecord, RunState
from tests.project import LOOPBACK, Data, run_scrapy
from tests.wire import WireServer, build_response

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
WELL = {
    "pages/article": 20,
    "parts/article": 10,
    "fields/article/headline": 10,
    "fields/article/author": 2,
    "posts/new": 3,
}


def build_run(hours_ago: float, counts: dict[str, int] | None = None, **values: Any) -> RunRecord:
    at = NOW - timedelta(hours=hours_ago)
    fields: dict[str, Any] = {
        "run": f"{at:%Y%m%d%H%M%S}-aaaaaa",
        "collection": "paper",
        "source": "paper",
        "spider": "category",
        "state": RunState.ENDED,
        "began_at": at,
        "ended_at": at + timedelta(minutes=1),
        "exit_reason": "finished",
        "bytes_archived": 1000,
        "counts": WELL if counts is None else counts,
        "robots": {"paper.example": "aaaa"},
    }
    return RunRecord(**fields | values)


def list_past(first_hours_ago: float = 1.0, *, number: int = 10, step: float = 1.0) -> list[RunRecord]:
    """Runs that went well, the newest first."""
    return [build_run(first_hours_ago + step * n) for n in range(number)]


def find_alerts(runs: list[RunRecord]) -> dict[AlertKind, str]:
    return {alert.kind: alert.message for alert in examine(runs, now=NOW, limits=Limits()).alerts}


def test_a_source_that_is_well_raises_no_alert() -> None:
    health = examine(list_past(), now=NOW, limits=Limits())
    assert health.alerts == ()
    assert health.usual_interval_s == 3600
    assert health.last_new_at == NOW - timedelta(hours=1)
    assert health.shares == {("article", "headline"): 1.0, ("article", "author"): 0.2}


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (build_run(0, exit_reason="", state=RunState.DIED), "died"),
        (build_run(0, exit_reason="storage_failed"), "ended with storage_failed"),
        (build_run(0, {"pages/failed/article": 1}), "could read no page"),
        (build_run(0), ""),
        (build_run(0, exit_reason="shutdown"), ""),
        (build_run(0, exit_reason="closespider_timeout"), ""),
        (build_run(0, {}, exit_reason="", state=RunState.RUNNING), ""),
    ],
)
def test_a_bad_end_is_reported(run: RunRecord, words: str) -> None:
    found = find_alerts([run, *list_past()]).get(AlertKind.RUN, "")
    assert bool(found) is bool(words)
    assert words in found


def test_a_bad_end_shows_pages_that_were_lost() -> None:
    lost = {"failures/timeout": ["http://paper.example/1"], "captures/consent": ["http://paper.example/2"]}
    ended = build_run(
        0, exit_reason="closed", examples=lost | {"spider_exceptions/KeyError": ["http://paper.example/3"]}
    )
    died = build_run(0, {}, exit_reason="", state=RunState.DIED, machine="m1", examples=lost)
    for run, places in ((ended, "31"), (build_run(0, workers=(died, build_run(0))), "1")):
        (alert,) = examine([run, *list_past()], now=NOW, limits=Limits()).alerts
        assert alert.kind is AlertKind.RUN
        assert alert.examples == tuple(f"http://paper.example/{place}" for place in places)


def test_a_worker_that_ended_badly_is_reported_though_the_others_did_its_work() -> None:
    """And that one found nothing to do is not a fault: the crawl is judged as a whole."""
    died = build_run(0, {}, exit_reason="", state=RunState.DIED, machine="m1")
    idle, busy = build_run(0, {}), build_run(0)
    told = find_alerts([build_run(0, workers=(died, busy)), *list_past()])
    assert told.keys() == {AlertKind.RUN}
    assert "1 of 2 workers" in told[AlertKind.RUN]
    assert "m1 died" in told[AlertKind.RUN]
    assert find_alerts([build_run(0, workers=(idle, busy)), *list_past()]) == {}


@pytest.mark.parametrize(("hours", "is_silent"), [(1, False), (4.9, False), (5.5, True), (200, True)])
def test_silence_is_measured_by_the_usual_interval(hours: float, *, is_silent: bool) -> None:
    """One an hour, so five hours are too long, whether nothing is found or nobody looks."""
    assert (AlertKind.SILENCE in find_alerts(list_past(hours))) is is_silent
    looked_in_vain = [build_run(n / 10, WELL | {"posts/new": 0}) for n in range(int(hours * 10))]
    assert (AlertKind.SILENCE in find_alerts([*looked_in_vain, *list_past(hours)])) is is_silent


def test_nights_are_usual() -> None:
    """Ten articles an hour apart by day, none in fifteen hours of night."""
    runs = [build_run(14 + 24 * day + hour) for day in range(4) for hour in range(10)]
    assert AlertKind.SILENCE not in find_alerts(runs)
    assert AlertKind.SILENCE in find_alerts([build_run(25 + 24 * day + hour) for day in range(4) for hour in range(10)])


def test_few_runs_tell_nothing_of_what_is_usual() -> None:
    assert find_alerts(list_past(500, number=4)) == {}


def test_a_field_that_is_found_no_more_is_reported() -> None:
    lost = WELL | {"fields/article/headline": 4}
    found = find_alerts([build_run(0, lost), *list_past()])
    assert found == {AlertKind.FIELDS: "headline found on 40% of 10 article pages, usually on 100%"}
    without = {name: count for name, count in WELL.items() if name != "fields/article/headline"}
    assert "found on 0% of 10" in find_alerts([build_run(0, without), *list_past()])[AlertKind.FIELDS]
    assert find_alerts([build_run(0, WELL | {"fields/article/headline": 6}), *list_past()]) == {}


def test_a_field_that_is_seldom_there_may_be_missing() -> None:
    """Two pages of ten name an author: that ten others name none is chance."""
    without = {name: count for name, count in WELL.items() if name != "fields/article/author"}
    assert find_alerts([build_run(0, without), *list_past()]) == {}


def test_of_few_pages_chance_tells_more_than_a_change() -> None:
    """Three pages in each run: four runs must be taken together before anything is said."""
    lost = {"pages/article": 3, "parts/article": 3, "posts/new": 1}
    runs = [build_run(-n, lost) for n in range(4)]
    assert find_alerts([runs[0], *list_past()]) == {}
    assert AlertKind.FIELDS in find_alerts([*reversed(runs), *list_past()])


def test_errors_failures_and_new_robots_are_reported() -> None:
    broken = WELL | {"spider_exceptions/count": 2, "spider_exceptions/KeyError": 2}
    assert find_alerts([build_run(0, broken), *list_past()]) == {AlertKind.ERRORS: "2 pages broke the parser: KeyError"}
    failed = WELL | {"pages/failed/article": 5, "failures/http_503": 4, "failures/timeout": 1}
    assert find_alerts([build_run(0, failed), *list_past()]) == {
        AlertKind.FAILURES: "20% of 25 pages failed, usually 0%: 4 http_503, 1 timeout"
    }
    always = [build_run(n, failed) for n in range(10)]
    assert find_alerts(always) == {}
    changed = build_run(0, robots={"paper.example": "bbbb"})
    assert "robots.txt of paper.example has changed" in find_alerts([changed, *list_past()])[AlertKind.ROBOTS]
    assert find_alerts([build_run(0, robots={"new.example": "bbbb"}), *list_past()]) == {}


def test_an_unreachable_robots_txt_is_named_with_what_to_do() -> None:
    run = build_run(0, WELL | {"robotstxt/unreachable": 1}, robots={"paper.example": "503"})
    alerts = {alert.kind: alert for alert in examine([run], now=NOW, limits=Limits()).alerts}
    assert alerts[AlertKind.ROBOTS].message.startswith("robots.txt of paper.example (503) could not be fetched")
    assert alerts[AlertKind.ROBOTS].advice == "request it in a browser"


def test_each_source_of_each_collection_is_examined_by_itself() -> None:
    runs = [build_run(0), build_run(1, source="other"), build_run(2, collection="elsewhere")]
    healths: list[Health] = list_health(runs, now=NOW, limits=Limits())
    assert [(health.source, health.collection) for health in healths] == [
        ("other", "paper"),
        ("paper", "elsewhere"),
        ("paper", "paper"),
    ]


ARTICLES = 12
SOURCE = """
name = "paper"
timezone = "UTC"
scope = ["{base}/"]
seeds = ["{base}/"]
[links]
article = ['/(?P<id>\\w+)\\.html$']
[[parser]]
of = "article"
fallback = false
[parser.fields]
headline = "h1"
datePublished = "time"
articleBody = "html:div"
"""


def print_edition(name: str, heading: str, robots: bytes) -> dict[str, bytes]:
    links = "".join(f'<a href="/{name}{n}.html">{n}</a>' for n in range(ARTICLES)).encode()
    routes = {
        f"/{name}{n}.html": build_response(
            f"<{heading}>Head {name} {n}</{heading}><time>2026-01-{n + 1:02} 08:{n:02}</time>"
            f"<div><p>News of {name}, the {n}th of them, about {'abcdefghijkl'[n] * 9}.</p></div>".encode()
        )
        for n in range(ARTICLES)
    }
    return routes | {"/": build_response(links), "/robots.txt": build_response(robots)}


def test_a_site_that_changes_its_pages_is_noticed(data: Data, tmp_path: Path) -> None:
    """Real runs: two editions alike, then one without the heading that the source looks for."""
    settings = LOOPBACK | {"ROBOTSTXT_OBEY": True, "LOG_LEVEL": "ERROR"}
    absent = run_scrapy("health", data=data)
    assert (absent.returncode, f"there is no data directory {data.path}" in absent.stderr) == (2, True)
    data.path.mkdir(parents=True)
    done = run_scrapy("health", data=data)
    assert (done.returncode, done.stderr) == (0, "no runs yet\n")
    with WireServer({}) as server:
        source = tmp_path / "paper.toml"
        source.write_text(SOURCE.format(base=server.base_url), "utf-8")
        for name, heading, robots in (("a", "h1", b"# one"), ("b", "h1", b"# one"), ("c", "h2", b"# two")):
            server.routes = print_edition(name, heading, robots)
            crawled = run_scrapy("crawl", "category", "-a", f"source={source}", data=data, settings=settings)
            assert crawled.returncode == 0, crawled.stderr
            done = run_scrapy("health", "--json", data=data)
            assert done.returncode == (1 if name == "c" else 0), done.stdout
    (health,) = [json.loads(line) for line in done.stdout.splitlines()]
    host = server.base_url.partition("//")[2]
    assert health["is_well"] is False
    assert health["field_shares"]["article"]["articleBody"] == 1.0
    assert [alert["message"] for alert in health["alerts"]] == [
        "headline found on 0% of 12 article pages, usually on 100%",
        f"robots.txt of {host} has changed; 0 requests of the last run were forbidden",
        "12 of 12 articles are built by a template that no earlier run met",
    ]
    lost, _, rebuilt = health["alerts"]
    assert [len(set(alert["examples"])) for alert in (lost, rebuilt)] == [3, 3]
    assert all(url.startswith(f"{server.base_url}/c") for url in (*lost["examples"], *rebuilt["examples"]))
    assert lost["since"] == rebuilt["since"] == f"{datetime.fromisoformat(lost['since']):%Y-%m-%dT%H:%M:%S.%f}+00:00"
    assert "sources check paper --collection paper" in lost["advice"]
    shown = run_scrapy("health", data=data)
    assert shown.returncode == 1
    assert "paper: fields: headline found on 0%" in shown.stdout
    assert f"UTC, as on {lost['examples'][0]} " in shown.stdout
    checked = run_scrapy("sources", "check", str(source), "--collection", "paper", data=data)
    assert "the template of article pages changed on" in " ".join((checked.stdout + checked.stderr).split())
    assert run_scrapy("health", "--collection", "none", data=data).returncode == 2


OLD, NEW = "templates/aaaaaaaa", "templates/bbbbbbbb"


@pytest.mark.parametrize(
    ("latest", "is_told"),
    [
        pytest.param([build_run(0, WELL | {NEW: 10})], True, id="at once"),
        pytest.param([build_run(0, WELL | {NEW: 10}), build_run(1, WELL | {NEW: 10})], True, id="in the next run, too"),
        pytest.param([build_run(0, WELL | {NEW: 4, OLD: 6})], False, id="a few pages of another kind"),
        pytest.param([build_run(0, WELL | {NEW: 4})], False, id="too few pages"),
        pytest.param([build_run(0, WELL | {OLD: 10})], False, id="none"),
        pytest.param([build_run(0, WELL | {NEW: 10}), build_run(200, WELL | {NEW: 10})], False, id="after a week"),
        pytest.param(
            [build_run(0, WELL | {NEW: 10}, definition="b"), build_run(1, WELL | {NEW: 10}, definition="a")],
            False,
            id="after the rules were edited",
        ),
    ],
)
def test_a_new_template_is_reported_for_a_week_or_until_the_rules_are_edited(
    latest: list[RunRecord], is_told: bool
) -> None:
    definition = latest[-1].definition
    earlier = [build_run(300 + n, WELL | {OLD: 10}, definition=definition) for n in range(3)]
    alerts = examine([*latest, *earlier], now=NOW, limits=Limits(silence=1e6)).alerts
    found = [alert for alert in alerts if alert.kind is AlertKind.TEMPLATE]
    assert [alert.since for alert in found] == [latest[-1].began_at] * is_told


def test_templates_that_are_made_up_for_every_page_tell_nothing() -> None:
    runs = [build_run(n, WELL | {f"templates/{n}{page}": 1 for page in range(10)}) for n in range(5)]
    assert AlertKind.TEMPLATE not in find_alerts(runs)


def test_an_alert_says_what_since_when_on_which_pages_and_what_to_do() -> None:
    walls = WELL | {"captures/consent": 9}
    examples = {"captures/consent": ["http://paper.example/1", "http://paper.example/2"]}
    runs = [build_run(0, walls, examples=examples), build_run(1, walls), *list_past(2.0)]
    (alert,) = examine(runs, now=NOW, limits=Limits()).alerts
    assert alert.sentence == (
        "9 pages that should hold articles (100%) were none: 9 consent, since"
        f" {runs[1].began_at:%Y-%m-%d %H:%M} UTC, as on"
        " http://paper.example/1 http://paper.example/2; look at one in a browser"
    )


def test_a_rule_that_finds_a_notice_is_reported() -> None:
    run = build_run(0, WELL | {"bodies/notice": 8, "captures/article": 10})
    assert "8 of 10 articles have a notice" in find_alerts([run, *list_past()])[AlertKind.NOTICE]
