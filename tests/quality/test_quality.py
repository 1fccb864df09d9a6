"""Real pages and real dates: how good the extraction is, beside what others reach, and that it gets no worse.

The pages are read by the command that users type and scored by the corpus's own program. The corpus belongs to its
publishers and is beside the project, so these tests skip where it is not there.
"""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from pipelines.dates.model import Precision
from pipelines.dates.parse import DateRefused, parse_date
from tests.project import ROOT, SHARED, needs_shared, run_scrapy
from tests.quality.floor import PATH, Figures, dump_floor, load_floor, raise_floor, verify_floor

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.long

PAGES = SHARED / "corpus" / "pages"
DATES = SHARED / "corpus" / "dates.jsonl"
SCORER = SHARED / "tools" / "score_extraction.py"
FIGURES = (
    "body_f1",
    "body_pagef1",
    "body_lt50",
    "title_norm",
    "date_day",
    "date_instant",
    "tags_f1",
    "authors_f1",
)
ZONES = {"zh": "Asia/Shanghai", "zh-Hant": "Asia/Taipei"}

# What others reach on the same pages, all / Chinese / other: single libraries, a vote of four of them that costs the
# sum of their time, and metadata alone. `benchmarks/extraction.py` measures those that are installed again.
PEERS: dict[str, dict[str, tuple[float | None, ...]]] = {
    "trafilatura 2.3.1": {"body_f1": (0.943, 0.937, 0.948)},
    "readability-lxml 0.9": {"body_f1": (0.929, 0.959, 0.902)},
    "resiliparse 2.0.1": {"body_f1": (0.850, 0.832, 0.864)},
    "vote of four": {"body_f1": (0.956, 0.965, 0.949)},
    "best single, titles": {"title_norm": (0.789, None, None)},
    "metadata alone": {"date_day": (0.821, None, None), "date_instant": (0.717, 0.483, None)},
    "metadata, GNE, htmldate": {"date_day": (0.992, None, None), "date_instant": (0.887, 0.793, None)},
}
GROUPS = ("all", "zh", "other")


def list_pages() -> list[dict[str, Any]]:
    """The pages as `--batch` wants them; of the zone only what the language of a Chinese page tells is known."""
    entries = []
    for line in (PAGES / "truth.jsonl").read_text("utf-8").splitlines():
        truth = json.loads(line)
        entries.append(
            {
                "name": truth["name"],
                "path": str(PAGES / f"{truth['name']}.html.gz"),
                "url": truth["url"] or "",
                "fetched_at": truth["fetched_at"] or "",
                "tz": ZONES.get(truth["lang"], ""),
            }
        )
    return entries


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("quality") / "pages.jsonl"
    path.write_text("".join(json.dumps(entry) + "\n" for entry in list_pages()), "utf-8")
    return path


@pytest.fixture(scope="module")
def answers(batch: Path) -> str:
    return extract(batch, seed="1")


@pytest.fixture(scope="module")
def reached(batch: Path, answers: str) -> Figures:
    path = batch.with_name("answers.jsonl")
    path.write_text(answers, "utf-8")
    return score(path)


def extract(batch: Path, *, seed: str) -> str:
    done = run_scrapy("extract", "--batch", str(batch), environment={"PYTHONHASHSEED": seed})
    assert done.returncode == 0, done.stderr
    return done.stdout


def score(answers: Path) -> Figures:
    command = [sys.executable, str(SCORER), str(PAGES), str(answers)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True, timeout=300)
    scores = json.loads(done.stdout)
    return {group: {figure: scores[group][figure] for figure in FIGURES} for group in GROUPS}


def keep(reached: Figures, *, updates_floor: bool) -> None:
    """Compare what was reached with the floor, or raise the floor to it."""
    floor = load_floor(PATH.read_text("utf-8"))
    if updates_floor:
        PATH.write_text(dump_floor(raise_floor(reached, floor)), "utf-8")
    own = {group: floor.get(group, {}) for group in reached}
    problems = verify_floor(reached, own)
    assert not problems, "\n".join(map(str, problems))


@needs_shared
def test_pages_are_read_as_well_as_ever(
    reached: Figures, updates_floor: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        print("\n" + "\n".join(format_table(reached)))
    keep(reached, updates_floor=updates_floor)


@needs_shared
def test_pages_are_read_alike_in_every_process(batch: Path, answers: str) -> None:
    """No result depends on the order of a set, which differs between processes."""
    assert extract(batch, seed="2").splitlines() == answers.splitlines()


def format_table(reached: Figures) -> list[str]:
    """Ours in the first row, each figure for all, Chinese and other pages."""
    shown = ("body_f1", "body_lt50", "title_norm", "date_day", "date_instant", "tags_f1", "authors_f1")
    ours: dict[str, tuple[float | None, ...]] = {
        figure: tuple(reached[group][figure] for group in GROUPS) for figure in shown
    }
    lines = [f"{'all / zh / other':24}" + "".join(f"{figure:>19}" for figure in shown)]
    for name, figures in {"this project": ours, **PEERS}.items():
        cells = (format_cell(figures.get(figure, ())) for figure in shown)
        lines.append(f"{name:24}" + "".join(f"{cell:>19}" for cell in cells))
    return lines


def format_cell(values: tuple[float | None, ...]) -> str:
    return " ".join("–" if value is None else f"{value:.3f}" for value in values)


# Public tables

TABLES = SHARED / "corpus" / "tables"
TABLE_SCORER = SHARED / "tools" / "score_tables.py"
TABLE_FIGURES = {
    "wcxb": ("word", "title", "day", "author", "empty"),
    "trafilatura": ("seg", "title", "day", "author", "empty"),
}
# The whole tables take minutes: `python -m benchmarks.tables` reads them.
EVERY = 8


def sample_table(name: str, folder: Path) -> Path:
    """Make a table of every eighth page of one."""
    table = folder / name
    table.mkdir()
    lines = [line for line in (TABLES / name / "truth.jsonl").read_text("utf-8").split("\n") if line.strip()][::EVERY]
    (table / "truth.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    for line in lines:
        page = f"{json.loads(line)['name']}.html.gz"
        (table / page).symlink_to(TABLES / name / page)
    return table


@needs_shared
@pytest.mark.parametrize("name", TABLE_FIGURES)
def test_pages_of_public_tables_are_read_as_well_as_ever(name: str, tmp_path: Path, updates_floor: bool) -> None:
    command = [sys.executable, str(TABLE_SCORER), "--json", str(sample_table(name, tmp_path))]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True, timeout=300)
    figures = json.loads(done.stdout)[name]
    reached = {figure: round(figures[figure], 3) for figure in TABLE_FIGURES[name]}
    keep({f"table {name}": reached}, updates_floor=updates_floor)


# Dates


def judge(entry: dict[str, Any]) -> str:
    """Return `exact`, or in which way one date string was read otherwise."""
    expected: str | None = entry["expected"]
    try:
        stated = parse_date(
            entry["raw"],
            zone=ZoneInfo(entry["tz"]),
            captured_at=datetime.fromisoformat(entry["fetched_at"]),
            language=entry["lang"],
        )
    except DateRefused:
        return "exact" if expected is None else "refused"
    if expected is None:
        return "refusal_missed"
    if stated.instant.date().isoformat() != expected[:10]:
        return "wrong_day"
    if "T" not in expected:
        return "exact" if stated.precision is Precision.DAY else "wrong_time"
    is_same = stated.instant == datetime.fromisoformat(expected) and stated.precision == entry["precision"]
    return "exact" if is_same else "wrong_time"


@needs_shared
def test_date_strings_are_read_as_exactly_as_ever(updates_floor: bool, capsys: pytest.CaptureFixture[str]) -> None:
    entries = [json.loads(line) for line in DATES.read_text("utf-8").splitlines()]
    verdicts = [judge(entry) for entry in entries]
    reached = {
        verdict: round(verdicts.count(verdict) / len(verdicts), 3)
        for verdict in ("exact", "wrong_day", "refusal_missed")
    }
    with capsys.disabled():
        print(f"\ndate strings {reached}; peers: dateparser 0.71 exact with a tenth of the days wrong, dateutil 0.55")
    for entry, verdict in zip(entries, verdicts, strict=True):
        if verdict != "exact":
            print(f"{verdict}: {entry['raw']!r} should be {entry['expected']}")
    keep({"dates": reached}, updates_floor=updates_floor)
