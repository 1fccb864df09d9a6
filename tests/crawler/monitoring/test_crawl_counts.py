"""The counts of a crawl under way: sums, pace, and how long what is waiting will take."""

from __future__ import annotations

from crawler.monitoring.crawl_counts import Pace, build_counts, describe_counts, dump_counts

STATS = {
    "pages/article": 7,
    "pages/category": 2,
    "pages/failed/article": 1,
    "pages/not_html": 1,
    "posts/new": 3,
    "posts/updated": 1,
    "posts/dropped/no_date": 2,
    "frontier/added": 20,
    "frontier/resumed": 10,
    "frontier/acknowledged": 12,
}


def test_a_tally_sums_what_the_statistics_say() -> None:
    pace = Pace()
    build_counts({}, bytes_archived=0, pace=pace, now=100.0)
    counts = build_counts(STATS, bytes_archived=12_345, pace=pace, now=106.0)
    assert dump_counts(counts) == {
        "pages": 9,
        "new": 3,
        "updated": 1,
        "unchanged": 0,
        "failed": 1,
        "dropped": 2,
        "bytes": 12_345,
        "done": 12,
        "waiting": 18,
        "per_s": 2.0,
        "eta_s": 9,
    }
    assert describe_counts(counts) == (
        "9 pages · 3 new · 1 updated · 0 unchanged · 1 failed · 12.3 kB · 2/s · 18 waiting · 9s left"
    )


def test_nobody_knows_the_end_before_anything_was_done() -> None:
    counts = build_counts({"frontier/added": 5}, bytes_archived=0, pace=Pace(), now=1.0)
    assert counts.waiting == 5
    assert counts.eta_s is None
    assert "left" not in describe_counts(counts)


def test_the_pace_is_that_of_the_last_minute() -> None:
    """Ten a second at first, then one: after a minute the beginning counts no more."""
    pace = Pace()
    counts = {0: 0, 10: 100} | {10 + n: 100 + n for n in range(10, 130, 10)}
    measured = {at: pace.measure(float(at), count) for at, count in counts.items()}
    assert measured[0] == 0.0
    assert measured[10] == 10.0
    assert 1.0 < measured[60] < 10.0
    assert measured[130] == 1.0
