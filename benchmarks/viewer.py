"""How long pages of the viewer take, at rest and while a crawl writes posts.

    python -m benchmarks.viewer [--posts 10000 100000] [--words 200] [--rounds 20] [--keep DIR] [--json]

A ledger is filled with posts of some 200 words, whose frequencies follow Zipf's law, in five languages and three
sources. Each page is requested again and again, with other words each time, from the app in this process; for the
second half a second process files twenty posts a second. A million posts take half an hour to index: `--words 60` makes
that a third, and `--keep` leaves the collection for the next run. Printed are the 50th and the 95th percentile of the
time that passes and of the CPU time of the thread that answers: on a busy machine only the latter can be compared.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from archives.captures.writer import WarcWriter
from archives.replay.http import Request
from archives.storage.collection import Collection
from archives.warc.records import Exchange
from crawler.reparsing.ledger import find_ledger
from crawler.viewer.app import ViewerApp
from crawler.viewer.search.lookup import Wanted
from pipelines.dates.model import Precision
from pipelines.page.document import CaptureRef
from pipelines.posts.filing import Claim
from pipelines.posts.items import Origin, Post, Statement
from pipelines.posts.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAME: Final = "paper"
BEGAN: Final = datetime(2016, 1, 1, tzinfo=UTC)
_FILED_AT_ONCE: Final = 1000
_VOCABULARY: Final = 30_000
_LANGUAGES: Final = ("en", "de", "fr", "es", "zh")
_SOURCES: Final = ("almanac", "gazette", "herald")
_WRITTEN_A_SECOND: Final = 20
_GOAL_MS: Final = 100.0


class Press:
    """Makes posts out of their numbers: the same number gives the same post.

    Args:
        length: of a text, in words; in Chinese of one and a half times as many characters.
    """

    def __init__(self, length: int) -> None:
        self._length = length
        maker = random.Random(8)
        letters = "etaoinshrdlucmfwypvbgk"
        self.words = ["".join(maker.choices(letters, k=maker.randint(3, 10))) for _ in range(_VOCABULARY)]
        self._weights = [1 / rank for rank in range(1, _VOCABULARY + 1)]
        for at in range(1, len(self._weights)):
            self._weights[at] += self._weights[at - 1]
        self.han = "渡轮港口市场天气议会桥梁河流票价居民夜航恢复开放关闭维修"

    def choose(self, maker: random.Random, count: int) -> list[str]:
        """Return words as often as they are."""
        return maker.choices(self.words, cum_weights=self._weights, k=count)

    def build_post(self, number: int, instant: datetime) -> Post:
        """Return a post."""
        maker = random.Random(number)
        language = _LANGUAGES[number % len(_LANGUAGES)]
        text = " ".join(self.choose(maker, self._length))
        headline = " ".join(self.choose(maker, 7))
        if language == "zh":
            text, headline = (
                "".join(maker.choices(self.han, k=self._length * 3 // 2)),
                "".join(maker.choices(self.han, k=12)),
            )
        post = Post(
            source=_SOURCES[number % len(_SOURCES)],
            identifier=f"n{number}",
            inLanguage=language,
            datePublished_precision=Precision.MINUTE,
        )
        post.headline, post.articleBody, post.datePublished = headline, f"<p>{text}</p>", instant
        post.keywords = sorted({f"tag {maker.randint(0, 300)}" for _ in range(2)})
        post.url = find_url(number)
        return post


def find_url(number: int) -> str:
    """Return the address of a post's page."""
    return f"http://paper.example/{number}.html"


def fill(data_dir: Path, posts: int, press: Press) -> None:
    """Have a collection hold posts, and the page of the first."""
    collection = Collection.open(data_dir, NAME, create=True)
    page = b"<title>Page</title><p>" + " ".join(press.choose(random.Random(1), 3000)).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(page)}\r\n\r\n".encode()
    with WarcWriter(collection, info={"software": "benchmark"}, prefix=NAME) as writer:
        location = writer.write(
            Exchange(url=find_url(0), began_at=BEGAN, raw_request=b"GET / HTTP/1.1\r\n\r\n", raw_response=head + page)
        )
    capture = CaptureRef(
        record_id=location.record_id,
        captured_at=location.captured_at,
        payload_digest=location.payload_digest,
        file=location.filename,
        offset=location.offset,
    )
    for first in range(0, posts, _FILED_AT_ONCE):
        write(data_dir, range(first, min(posts, first + _FILED_AT_ONCE)), press, capture)


def write(data_dir: Path, numbers: range, press: Press, capture: CaptureRef | None = None) -> None:
    """File posts in the ledger in one transaction, a quarter of an hour apart."""
    with closing(Ledger(find_ledger(Collection.open(data_dir, NAME)))) as ledger, ledger.exclusive():
        for number in numbers:
            post = press.build_post(number, BEGAN + timedelta(minutes=15 * number))
            statement = Statement(
                source=post.source,
                identifier=post.identifier,
                origin=Origin.ARTICLE,
                is_normalised=True,
                capture=capture if number == 0 else None,
            )
            for name in ("headline", "articleBody", "datePublished", "inLanguage", "keywords", "url"):
                setattr(statement, name, getattr(post, name))
            ledger.add(statement)
            ledger.record_filed(post, "new", claim=Claim(key=post.key, claim=post.identifier, file=f"{number}.md"))


def keep_writing(data_dir: Path, first: int, press: Press) -> None:
    """File posts, twenty a second."""
    for number in range(first, first + 100_000):
        write(data_dir, range(number, number + 1), press)
        time.sleep(1 / _WRITTEN_A_SECOND)


def list_pages(press: Press, posts: int) -> dict[str, Callable[[random.Random], str]]:
    """Return what makes the address of a page, by its name."""

    def search(build: Callable[[random.Random], str], **more: str) -> Callable[[random.Random], str]:
        return lambda maker: "/-/posts?" + urlencode({"q": build(maker)} | more)

    def two(maker: random.Random) -> str:
        return " ".join(press.choose(maker, 2))

    def rare(maker: random.Random) -> str:
        return maker.choice(press.words[2000:])

    def begin(letters: int) -> Callable[[random.Random], str]:
        return search(lambda maker: press.choose(maker, 1)[0][:letters] + "*")

    def two_characters(maker: random.Random) -> str:
        at = maker.randrange(len(press.han) - 1)
        return press.han[at : at + 2]

    def find_post(maker: random.Random) -> str:
        number = maker.randrange(posts)
        query = {"collection": NAME, "source": _SOURCES[number % len(_SOURCES)], "id": f"n{number}"}
        return f"/-/post?{urlencode(query)}"

    return {
        "front page": lambda _: "/",
        "all posts": lambda _: "/-/posts",
        "a page of a list": lambda maker: f"/-/posts?page={maker.randint(2, max(2, min(900, posts // 30)))}",
        "posts with a tag": lambda maker: f"/-/posts?tag={quote(f'tag {maker.randint(0, 300)}')}",
        "search: not a word": search(lambda maker: "-" + press.choose(maker, 1)[0]),
        "search: misspelt word": search(lambda maker: rare(maker)[:6] + "zz"),
        "search: word and language": search(lambda maker: f"{press.choose(maker, 1)[0]} lang:de"),
        "search: word of a year": search(lambda maker: press.choose(maker, 1)[0], day="2017"),
        "search: one word": search(lambda maker: press.choose(maker, 1)[0]),
        "search: rare word": search(rare),
        "search: two words": search(two),
        "search: either of two": search(lambda maker: " OR ".join(press.choose(maker, 2))),
        "search: rare beginning": search(lambda maker: rare(maker)[:4] + "*"),
        "search: beginning of four letters": begin(4),
        "search: beginning of two letters": begin(2),
        "search: one letter": begin(1),
        "search: two characters": search(two_characters),
        "search: best first": search(two, sort="relevance"),
        "feed of a search": search(rare, format="atom"),
        "post": find_post,
        "memento": lambda _: f"/{NAME}/2016mp_/{find_url(0)}",
    }


def measure(app: ViewerApp, build: Callable[[random.Random], str], rounds: int) -> dict[str, float]:
    """Return the percentiles of a page, in milliseconds."""
    maker = random.Random(5)
    passed, used = [], []
    for _ in range(rounds + 1):
        request = Request(method="GET", target=build(maker), headers={"host": "127.0.0.1:8080"})
        began, began_cpu = time.perf_counter(), time.thread_time()
        response = app(request)
        passed.append(1e3 * (time.perf_counter() - began))
        used.append(1e3 * (time.thread_time() - began_cpu))
        if response.status != 200:
            sys.exit(f"{request.target} was answered with {response.status}")
    # The first one compiles a template.
    return {
        "p50": quantiles(passed[1:], n=20)[9],
        "p95": quantiles(passed[1:], n=20)[18],
        "cpu50": quantiles(used[1:], n=20)[9],
        "cpu95": quantiles(used[1:], n=20)[18],
    }


def wait_for_index(app: ViewerApp) -> float:
    """Wait until all posts are in the index; return the CPU seconds that took."""
    began = time.process_time()
    index = app._posts.find(NAME)
    while index.count(Wanted()) == 0 or index.missing:
        time.sleep(0.2)
    return time.process_time() - began


@contextmanager
def write_meanwhile(data_dir: Path, first: int, words: int) -> Iterator[None]:
    """Have another process file posts while the block runs."""
    command = [sys.executable, "-m", "benchmarks.viewer", "--write", str(data_dir), str(first), "--words", str(words)]
    with subprocess.Popen(command) as process:
        try:
            yield
        finally:
            process.terminate()


@contextmanager
def open_filled(posts: int, press: Press, keep: Path | None) -> Iterator[Path]:
    """Give a data directory with posts; one that is kept is filled once."""
    with tempfile.TemporaryDirectory() as folder:
        data_dir = keep / str(posts) if keep else Path(folder)
        if not (data_dir / "collections").exists():
            fill(data_dir, posts, press)
        yield data_dir


def run(posts: int, opts: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of a size."""
    press, rounds = Press(opts.words), opts.rounds
    with open_filled(posts, press, opts.keep) as data_dir, closing(ViewerApp(data_dir)) as app:
        index_s = wait_for_index(app)
        size = sum(path.stat().st_size for path in data_dir.glob(f"collections/{NAME}/indexes/viewer.sqlite*"))
        pages = list_pages(press, posts)
        rest = {name: measure(app, build, rounds) for name, build in pages.items()}
        with write_meanwhile(data_dir, posts, opts.words):
            time.sleep(1)
            busy = {name: measure(app, build, rounds) for name, build in pages.items()}
    return {
        "posts": posts,
        "index_ms_a_post": 1e3 * index_s / posts,
        "index_bytes_a_post": size / posts,
        "rest": rest,
        "busy": busy,
    }


def report(figures: dict[str, Any]) -> None:
    """Print the figures of a size as a table."""
    print(
        f"\n{figures['posts']:,} posts; indexing one takes {figures['index_ms_a_post']:.2f} ms of CPU"
        f" and {figures['index_bytes_a_post']:,.0f} bytes\n"
    )
    print("| page, ms | at rest: p50 | p95 | CPU p95 | while a crawl writes: p50 | p95 | CPU p95 | CPU ratio |")
    print("|---|---|---|---|---|---|---|---|")
    for name, rest in figures["rest"].items():
        busy = figures["busy"][name]
        cells = [*(rest[key] for key in ("p50", "p95", "cpu95")), *(busy[key] for key in ("p50", "p95", "cpu95"))]
        ratio = busy["cpu50"] / max(rest["cpu50"], 0.01)
        slow = " (slow)" if rest["cpu95"] > _GOAL_MS else ""
        print(f"| {name}{slow} | " + " | ".join(f"{cell:.1f}" for cell in cells) + f" | {ratio:.1f} |")


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--posts", type=int, nargs="+", default=[10_000, 100_000], metavar="N")
    parser.add_argument("--words", type=int, default=200, metavar="N", help="length of a post")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="where collections are kept")
    parser.add_argument("--rounds", type=int, default=20, metavar="N")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", nargs=2, metavar=("DIR", "N"), help=argparse.SUPPRESS)
    opts = parser.parse_args()
    if opts.write:
        keep_writing(Path(opts.write[0]), int(opts.write[1]), Press(opts.words))
        return
    for posts in opts.posts:
        figures = run(posts, opts)
        print(json.dumps(figures)) if opts.json else report(figures)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
