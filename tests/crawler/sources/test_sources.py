"""Source definitions: what is read, which parser is chosen when, and that every fault names file, key and remedy."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from crawler.sources import SourceError, find_source, list_sources, load_source
from crawler.sources.model import Politeness, Schedule
from crawler.sources.timetable import Bounds
from pipelines.rules.links import LinkKind

if TYPE_CHECKING:
    from pathlib import Path

CRON = "*/30 8-22 * * *"
ADAPTIVE = "adaptive = {min = '15m', max = '1h'}"
GOOD = """
name = "paper"
timezone = "Asia/Shanghai"
scope = ["//paper.example/"]
seeds = ["http://paper.example/"]
[links]
article = ['/(?P<id>\\d+)\\.html$']
[[parser]]
of = "article"
valid_until = 2026-01-31
[parser.fields]
headline = "h2"
[[parser]]
of = "article"
[parser.fields]
headline = ["h1", "title"]
"""


@pytest.mark.parametrize("name", list_sources())
def test_every_source_that_ships_is_well_formed(name: str) -> None:
    assert find_source(name).name == name


def test_a_parser_is_chosen_by_the_day_of_the_capture_in_the_zone_of_the_source() -> None:
    source = load_source(GOOD, path="paper.toml")

    def headline_at(*instant: int) -> str:
        parser = source.find_parser(LinkKind.ARTICLE, datetime(*instant, tzinfo=UTC))  # type: ignore[arg-type]
        assert parser
        return parser.fields["headline"][0].text

    assert headline_at(2026, 1, 31, 15, 59) == "h2"
    assert headline_at(2026, 1, 31, 16, 0) == "h1"
    assert source.find_parser(LinkKind.TEXT, datetime(2026, 1, 1, tzinfo=UTC)) is None


def test_a_definition_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "paper.toml").write_text(GOOD, "utf-8-sig")
    assert find_source(str(tmp_path / "paper.toml")).name == load_source(GOOD, path="paper.toml").name


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        ('name = "paper"', 'name = "pa per"', "name", "must be up to 64 letters"),
        ('name = "paper"', "", "name", "is missing; give up to 64 letters"),
        ('name = "paper"', "name = 7", "name", "beginning with a letter or digit, not 7"),
        (
            'name = "paper"',
            'nmae = "paper"\nname = "paper"',
            "nmae",
            "is not a key here; did you mean name?",
        ),
        ("Asia/Shanghai", "Asia/Shangai", "timezone", "is not an IANA time zone; give one such as"),
        ("Asia/Shanghai", "../etc/passwd", "timezone", "is not an IANA time zone"),
        ('["//paper.example/"]', '["paper.example"]', "scope", "must be a URL prefix"),
        ('["//paper.example/"]', "[7]", "scope", "or a list of them, not 7"),
        ('["http://paper.example/"]', '["paper.example"]', "seeds", "must be an http or https URL"),
        ("'/(?P<id>\\d+)\\.html$'", "'('", "links.article", "is not a regular expression"),
        ("article = ['/(?P", "artikel = ['/(?P", "links.artikel", "is not a key here; did you mean article?"),
        (
            'of = "article"\nvalid',
            'of = "page"\nvalid',
            "parser[0].of",
            "must be one of article, listing, text, not 'page'",
        ),
        ("2026-01-31", '"soon"', "parser[0].valid_until", "must be a date such as 2027-01-31"),
        ('"h2"', '"h2["', "parser[0].fields.headline", "is not a CSS selector"),
        (
            "headline = [",
            "title = [",
            "parser[1].fields.title",
            "is not a key here but at the top of the file; allowed here are articleBody",
        ),
        ("[links]", "[share]\ntext_url = 'http://x/'\n[links]", "share.text_url", "must be an address with {id}"),
        ("[links]", "[post]\ncategory = 'kebab'\n[links]", "post.category", "must be one of pinyin"),
        ("[links]", "[post]\nday_from_id = '\\d{8}'\n[links]", "post.day_from_id", "needs one group"),
        ("[links]", "[post]\nundated = 'today'\n[links]", "post.undated", "must be one of refused, captured"),
        (
            "[links]",
            "[politeness]\ndelay = 'long'\n[links]",
            "politeness.delay",
            "must be a number of seconds, not 'long'",
        ),
        (
            "[links]",
            "[politeness]\nconcurrency = 0\n[links]",
            "politeness.concurrency",
            "must be a whole number of at least 1, not 0",
        ),
        ("[links]", "[schedule]\ncron = '* 25 * * *'\n[links]", "schedule.cron", "is not a cron line (bad hour); give"),
        ("[links]", "[schedule]\ncron = '@daily'\n[links]", "schedule.cron", "give five fields: minute, hour"),
        ("[links]", "[schedule]\ncron = 7\n[links]", "schedule.cron", "must be a string, not 7"),
        ("[links]", "[schedule]\n[links]", "schedule.cron", "is missing; give cron = '*/30 8-22 * * *', or every"),
        (
            "[links]",
            f"[schedule]\ncron = '{CRON}'\nevery = '1h'\n[links]",
            "schedule.cron",
            "cannot be combined with every",
        ),
        (
            "[links]",
            f"[schedule]\ncron = '{CRON}'\nadaptive = {{}}\n[links]",
            "schedule.cron",
            "combined with adaptive",
        ),
        ("[links]", "[schedule]\nevery = 'often'\n[links]", "schedule.every", "is not a duration; write '90s'"),
        ("[links]", "[schedule]\nevery = '59s'\n[links]", "schedule.every", "must be at least 1m, not 59s"),
        ("[links]", "[schedule]\nevery = '1h'\njitter = '2'\n[links]", "schedule.jitter", "is not a duration"),
        (
            "[links]",
            "[schedule]\nevery = '1h'\ntimezone = 'Mars'\n[links]",
            "schedule.timezone",
            "not an IANA time zone",
        ),
        (
            "[links]",
            "[schedule]\nevery = '1h'\nenabled = 1\n[links]",
            "schedule.enabled",
            "must be true or false, not 1",
        ),
        ("[links]", "[schedule]\nevery = '1h'\nspider = 'a b'\n[links]", "schedule.spider", "must be up to 64 letters"),
        (
            "[links]",
            "[schedule]\nevery = '1h'\nat = 'x'\n[links]",
            "schedule.at",
            "is not a key here; allowed here are adaptive",
        ),
        ("[links]", "[schedule]\nadaptive = true\n[links]", "schedule.adaptive", "must be a table"),
        (
            "[links]",
            f"[schedule]\n{ADAPTIVE}\nevery = '2h'\n[links]",
            "schedule.every",
            "must lie between adaptive.min",
        ),
        (
            "[links]",
            "[schedule]\nadaptive = {min = '2d'}\n[links]",
            "schedule.adaptive.min",
            "at least 1m and at most max",
        ),
        ("[links]", "[schedule]\nadaptive = {mix = '2d'}\n[links]", "schedule.adaptive.mix", "is not a key here"),
        ("[links]", "links = 7\n[x]", "links", "must be a table, not 7"),
        ("[links]", "footer = ''\n[links]", "footer", "is not a key here but in [post]; allowed here are discovery"),
        ("[links]", "[share]\nof = ''\n[links]", "share.of", "is not a key here but in [[parser]]"),
        ("[links]", "[schedule]\nmin = '1h'\n[links]", "schedule.min", "here but in [schedule.adaptive]"),
        ("[links]", '"x` - at `$.links" = 1\n[links]', "x` - at `$.links", "is not a key here"),
        ("[links]", "[post]\naliases = {a = 'b', c = 1}\n[links]", "post.aliases.c", "must be a string, not 1"),
        ("[links]", "[post]\nsymbols = 2026-01-31\n[links]", "post.symbols", "be true or false, not 2026-01-31"),
        ("[links]", "[post]\nfooter = true\n[links]", "post.footer", "must be a string, not true"),
        ("[links]", "[links", "", "is not TOML"),
    ],
)
def test_every_fault_names_file_key_and_remedy(old: str, new: str, key: str, words: str) -> None:
    assert old in GOOD
    with pytest.raises(SourceError) as refused:
        load_source(GOOD.replace(old, new, 1), path="paper.toml")
    assert refused.value.key == key
    assert str(refused.value).startswith(f"paper.toml: {key}" if key else "paper.toml: is not TOML")
    assert words in str(refused.value)


def test_a_date_with_a_time_counts_as_its_day() -> None:
    source = load_source(GOOD.replace("2026-01-31", "2026-01-31T12:00:00Z"), path="paper.toml")
    assert source.find_parser(LinkKind.ARTICLE, datetime(2026, 1, 31, 15, tzinfo=UTC)) is source.parsers[0]
    assert source.find_parser(LinkKind.ARTICLE, datetime(2026, 1, 31, 16, tzinfo=UTC)) is source.parsers[1]


@pytest.mark.parametrize(
    ("text", "politeness"),
    [
        ("", Politeness()),
        ("delay = 0\nconcurrency = 1", Politeness(delay=0.0, concurrency=1)),
        ("delay = 2.5", Politeness(delay=2.5)),
        ("delay = -1\nconcurrency = -1", Politeness()),
    ],
)
def test_a_number_below_zero_leaves_politeness_to_the_settings(text: str, politeness: Politeness) -> None:
    source = load_source(GOOD.replace("[links]", f"[politeness]\n{text}\n[links]"), path="paper.toml")
    assert source.politeness == politeness


def test_a_delay_past_all_numbers_is_reported() -> None:
    text = GOOD.replace("[links]", f"[politeness]\ndelay = 1{'0' * 400}\n[links]")
    with pytest.raises(SourceError, match=r"politeness\.delay: must be a number of seconds"):
        load_source(text, path="paper.toml")


def load_schedule(text: str) -> Schedule:
    schedule = load_source(GOOD.replace("[links]", f"[schedule]\n{text}\n[links]"), path="paper.toml").schedule
    assert schedule
    return schedule


def test_a_source_without_a_schedule_is_crawled_by_hand() -> None:
    assert load_source(GOOD, path="paper.toml").schedule is None


def test_a_schedule_takes_name_and_zone_from_its_source_and_has_sane_defaults() -> None:
    schedule = load_schedule(f'cron = "{CRON}"')
    assert (schedule.spider, schedule.collection, schedule.is_enabled) == ("category", "", True)
    assert schedule.time_limit_s == 3600
    timetable = schedule.timetable
    assert (timetable.source, timetable.zone.key, timetable.cron) == ("paper", "Asia/Shanghai", CRON)
    assert (timetable.every_s, timetable.jitter_s, timetable.bounds) == (0, 0, None)


def test_every_key_of_a_schedule_is_read() -> None:
    schedule = load_schedule(
        'every = "30m"\ntimezone = "Europe/Berlin"\njitter = "2m"\ntime_limit = "20m"\nspider = "share"\n'
        'collection = "c"\nenabled = false\nadaptive = {min = "15m", max = "1d"}'
    )
    assert (schedule.spider, schedule.collection, schedule.is_enabled, schedule.time_limit_s) == (
        "share",
        "c",
        False,
        1200,
    )
    timetable = schedule.timetable
    assert (timetable.zone.key, timetable.every_s, timetable.jitter_s) == ("Europe/Berlin", 1800, 120)
    assert timetable.bounds == Bounds(min_s=900, max_s=86_400)


@pytest.mark.parametrize(("bounds", "every_s"), [("{}", 3600), ('{max = "30m"}', 1800), ('{min = "2h"}', 7200)])
def test_an_adaptive_interval_begins_with_an_hour_or_what_is_nearest(bounds: str, every_s: int) -> None:
    assert load_schedule(f"adaptive = {bounds}").timetable.every_s == every_s


def test_a_seed_without_a_rule_lists_articles() -> None:
    source = load_source(GOOD, path="paper.toml")
    assert source.find_kind("http://paper.example/") is LinkKind.CATEGORY
    assert source.find_kind("http://paper.example/about") is LinkKind.OTHER
    assert source.with_seeds(("http://other.example/x",)).admits("http://other.example/x")
