"""What it costs to tell what a page is, and to weigh the witnesses of its fields.

    python -m benchmarks.truth [--pages DIR] [--rounds N] [--json]

DIR holds pages as `NAME.html.gz`; by default it is the corpus beside the project. CPU milliseconds for one page, the
best of the rounds. Pages are parsed, and read once, before the clock starts: every crawl does that in any case.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.article.article import read_article
from pipelines.page.classification import classify, observe
from pipelines.page.document import Document
from pipelines.page.encodings import decode_page
from pipelines.page.page import Page
from pipelines.posts.items import Statement
from pipelines.reading.agreement import weigh_author, weigh_body
from pipelines.reading.headlines import weigh_headline
from pipelines.reading.notices import keep_sound_body
from pipelines.reading.witnesses import list_witnesses

if TYPE_CHECKING:
    from collections.abc import Callable

PAGES = Path(__file__).resolve().parent.parent.parent / "shared" / "corpus" / "pages"
URL = "https://paper.example/2026/03/08/an-article.html"
CAPTURED = datetime(2026, 3, 20, 9, tzinfo=UTC)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=Path, default=PAGES, help="folder of the pages")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    texts = [decode_page(gzip.decompress(path.read_bytes())) for path in sorted(options.pages.glob("*.html.gz"))]
    if not texts:
        parser.error(f"no NAME.html.gz in {options.pages}; name the folder of the pages with --pages")
    costs = measure(texts, options.rounds)
    if options.json:
        print(json.dumps({"pages": len(texts), "ms": costs}))
    else:
        print("\n".join(f"{name:<10} {cost:.3f} ms" for name, cost in costs.items()))


def measure(texts: list[str], rounds: int) -> dict[str, float]:
    """Return CPU milliseconds a page of either step."""
    read = [(Page(text, URL), read_article(Page(text, URL), captured_at=CAPTURED)) for text in texts]
    pages = [(page, article, observe(Document(body=b""), page)) for page, article in read]

    def classify_all() -> None:
        for page, article, signs in pages:
            classify(page, signs, body=article.body_html, is_dated=True)

    def weigh_all() -> None:
        for page, article, _ in pages:
            stated = Statement(headline_found=article.headline, articleBody_found=article.body_html)
            stated.author = list(article.authors)
            witnesses = list_witnesses(page)
            keep_sound_body(stated, page, witnesses)
            weigh_headline(stated, witnesses, [])
            weigh_author(stated, witnesses)
            weigh_body(stated, witnesses)

    return {name: _time(step, rounds, len(pages)) for name, step in (("classify", classify_all), ("weigh", weigh_all))}


def _time(step: Callable[[], None], rounds: int, count: int) -> float:
    best = float("inf")
    for _ in range(rounds):
        began = time.process_time()
        step()
        best = min(best, time.process_time() - began)
    return round(1000 * best / count, 4)


if __name__ == "__main__":
    main()
