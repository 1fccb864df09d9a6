"""Public tables of pages with known text, beside what others reach on the same pages; writes docs/extraction.md.

    python -m benchmarks.tables [--tables DIR] [--write]

DIR holds a folder a table and is beside the project; the tables' own program asks `scrapy extract --batch` for
every page and scores the answers, which takes some minutes. With `--write` the figures replace those of the page.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
PAGE = ROOT / "docs" / "extraction.md"
START, END = "<!-- figures: python -m benchmarks.tables --write -->", "<!-- end of figures -->"

Figures = dict[str, float | None]

# On exactly these pages, with the same scorer: metadata on, comments off.
PEERS: dict[str, dict[str, Figures]] = {
    "wcxb": {
        "trafilatura 2.3.1": {"empty": 1, "word": 0.938, "gram": 0.933, "title": 0.565, "day": 0.848, "author": 0.720},
    },
    "trafilatura": {
        "trafilatura 2.3.1": {
            "empty": 0,
            "seg_p": 0.905,
            "seg_r": 0.946,
            "seg": 0.925,
            "title": 0.630,
            "day": 0.857,
            "author": 0.651,
        },
    },
}
COLUMNS = {
    "wcxb": ("empty", "word", "gram", "title", "day", "author"),
    "trafilatura": ("empty", "seg_p", "seg_r", "seg", "title", "day", "author"),
}
NAMES = {
    "wcxb": "WCXB, 793 articles of its development part; `word` is the F1 of words, `gram` that of runs of four",
    "trafilatura": "Half of trafilatura's table, 477 pages, two thirds German; `seg` is the F1 of text segments",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=Path, default=SHARED / "corpus" / "tables", help="folder of the tables")
    parser.add_argument("--scorer", type=Path, default=SHARED / "tools" / "score_tables.py")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/extraction.md")
    options = parser.parse_args()
    if not options.scorer.is_file():
        parser.error(f"no scorer at {options.scorer}; name it with --scorer")
    report = "\n".join(format_report(measure(options.tables, options.scorer)))
    if options.write:
        text = PAGE.read_text("utf-8")
        before, _, rest = text.partition(START)
        PAGE.write_text(f"{before}{START}\n\n{report}\n\n{END}{rest.partition(END)[2]}", "utf-8")
    print(report)


def measure(tables: Path, scorer: Path) -> dict[str, Figures]:
    """Return the figures of each table."""
    command = [sys.executable, str(scorer), "--json", *(str(tables / name) for name in COLUMNS)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    figures: dict[str, Figures] = json.loads(done.stdout)
    return figures


def format_report(reached: dict[str, Figures]) -> list[str]:
    lines: list[str] = []
    for table, columns in COLUMNS.items():
        if lines:
            lines.append("")
        lines += [f"{NAMES[table]}:", "", f"| | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
        for name, figures in {"this project": reached[table], **PEERS[table]}.items():
            lines.append(f"| {name} | {' | '.join(format_cell(figures.get(column)) for column in columns)} |")
    return lines


def format_cell(value: float | None) -> str:
    if value is None:
        return "–"
    return str(value) if isinstance(value, int) else f"{value:.3f}"


if __name__ == "__main__":
    main()
