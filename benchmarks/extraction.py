"""How well and how fast articles are read from pages without a source, beside the libraries that are installed.

    python -m benchmarks.extraction [--pages DIR] [--json]

DIR holds `NAME.html.gz` and `truth.jsonl`; by default it is the corpus beside the project, and its own program scores
the answers. The pages are halved by a digest of their names, so that rules can be made on one half and tried on the
other. CPU seconds of one process, from text to finished article; the libraries are requested the text alone. Each
reader reads all pages once before it is timed, because modules and tables are loaded on first use.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pipelines.article.article import read_article
from pipelines.page.encodings import decode_page
from pipelines.page.page import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
ZONES = {"zh": "Asia/Shanghai", "zh-Hant": "Asia/Taipei"}
SHOWN = ("body_f1", "body_p", "body_r", "body_lt50", "title_norm", "date_day", "date_instant", "tags_f1", "authors_f1")

Answer = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=Path, default=SHARED / "corpus" / "pages", help="folder of the pages")
    parser.add_argument("--scorer", type=Path, default=SHARED / "tools" / "score_extraction.py")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    if not (options.pages / "truth.jsonl").is_file():
        parser.error(f"no truth.jsonl in {options.pages}; name the folder of the pages with --pages")
    report = measure(options.pages, options.scorer)
    print(json.dumps(report) if options.json else "\n".join(format_report(report)))


def measure(pages: Path, scorer: Path) -> dict[str, Any]:
    """Return speed and scores of every reader, on all pages and on either half."""
    truths = [json.loads(line) for line in (pages / "truth.jsonl").read_text("utf-8").splitlines()]
    texts = {
        truth["name"]: decode_page(gzip.decompress((pages / f"{truth['name']}.html.gz").read_bytes()))
        for truth in truths
    }
    report: dict[str, Any] = {"pages": len(truths), "readers": {}}
    for name, read in list_readers().items():
        for truth in truths:
            read(texts[truth["name"]], truth)
        began = time.process_time()
        answers = {truth["name"]: read(texts[truth["name"]], truth) for truth in truths}
        cpu_s = time.process_time() - began
        halves = {
            "all": truths,
            "first half": [truth for truth in truths if find_half(truth["name"]) == 0],
            "second half": [truth for truth in truths if find_half(truth["name"]) == 1],
        }
        report["readers"][name] = {
            "pages_per_s": round(len(truths) / cpu_s, 1),
            "scores": {half: score(scorer, part, answers) for half, part in halves.items()},
        }
    return report


def find_half(name: str) -> int:
    """Return 0 or 1, whatever pages there are beside this one."""
    return hashlib.sha256(b"x1" + name.encode()).digest()[-1] % 2


def list_readers() -> dict[str, Callable[[str, dict[str, Any]], Answer]]:
    """Return ours, and a reader for every library that is installed."""
    readers: dict[str, Callable[[str, dict[str, Any]], Answer]] = {"this project": read_ours}
    others = {"trafilatura": read_trafilatura, "readability": read_readability, "resiliparse": read_resiliparse}
    return readers | {name: read for name, read in others.items() if find_spec(name)}


def read_ours(text: str, truth: dict[str, Any]) -> Answer:
    fetched_at = datetime.fromisoformat(truth["fetched_at"]) if truth["fetched_at"] else None
    zone = ZONES.get(truth["lang"])
    article = read_article(
        Page(text, truth["url"] or ""),
        captured_at=fetched_at.replace(tzinfo=fetched_at.tzinfo or UTC) if fetched_at else None,
        zone=ZoneInfo(zone) if zone else None,
    )
    date = article.datePublished if article.datePublished_precision != "day" else article.datePublished_day
    return {
        "title": article.headline,
        "date": date.isoformat() if date else None,
        "tags": article.keywords,
        "authors": article.authors,
        "body": article.body_text,
    }


def read_trafilatura(text: str, _truth: dict[str, Any]) -> Answer:
    extraction = import_module("trafilatura").bare_extraction(text, include_comments=False, with_metadata=False)
    return {"body": (extraction.text or "") if extraction else ""}


def read_readability(text: str, _truth: dict[str, Any]) -> Answer:
    lxml_html = import_module("lxml.html")
    try:
        summary = import_module("readability").Document(text).summary()
    except ValueError:
        return {"body": ""}
    lines = lxml_html.fromstring(summary).itertext() if summary.strip() else ()
    return {"body": "\n".join(line.strip() for line in lines if line.strip())}


def read_resiliparse(text: str, _truth: dict[str, Any]) -> Answer:
    tree = import_module("resiliparse.parse.html").HTMLTree.parse(text)
    extract = import_module("resiliparse.extract.html2text").extract_plain_text
    return {"body": extract(tree, main_content=True, preserve_formatting=True)}


def score(scorer: Path, truths: Iterable[dict[str, Any]], answers: dict[str, Answer]) -> dict[str, Any]:
    """Return what the corpus's own program says of a part of the pages."""
    with tempfile.TemporaryDirectory(prefix="newsreel-") as scratch:
        folder = Path(scratch)
        part = list(truths)
        (folder / "truth.jsonl").write_text("".join(json.dumps(truth) + "\n" for truth in part), "utf-8")
        lines = (json.dumps({"name": truth["name"], "pred": answers[truth["name"]]}) + "\n" for truth in part)
        (folder / "answers.jsonl").write_text("".join(lines), "utf-8")
        command = [sys.executable, str(scorer), str(folder), str(folder / "answers.jsonl")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    scores: dict[str, Any] = json.loads(done.stdout)
    return scores


def format_report(report: dict[str, Any]) -> list[str]:
    lines = [f"{report['pages']} pages; body precision, recall and F1 by 4-grams; zh: Chinese pages alone"]
    lines.append(f"{'':34}" + "".join(f"{name:>13}" for name in SHOWN))
    for name, result in report["readers"].items():
        lines.append(f"{name}, {result['pages_per_s']} pages/s")
        for half, groups in result["scores"].items():
            for group in ("all", "zh", "other"):
                cells = (groups[group][figure] for figure in SHOWN)
                row = "".join(f"{'–' if cell is None else format(cell, '.3f'):>13}" for cell in cells)
                lines.append(f"  {half + ', ' + group:32}{row}")
    return lines


if __name__ == "__main__":
    main()
