"""A faulty origin: the run ends, what can be fetched is archived and read, each failure is counted by its reason."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.project import ARTICLE_PARSER, LOOPBACK, Data, run_scrapy
from tests.wire import Action, Route, Script, WireServer, build_response

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SOURCE = (
    """
name = "faulty"
timezone = "UTC"
scope = ["{base}/"]
seeds = ["{base}/"]
[links]
article = ['/(?P<id>\\w+)\\.html$']
"""
    + ARTICLE_PARSER
)
SETTINGS = LOOPBACK | {"DOWNLOAD_TIMEOUT": 2.5, "RETRY_TIMES": 2, "LOG_LEVEL": "ERROR"}
ATTEMPTS = 3


def print_article(name: str, text: str = "Text.") -> bytes:
    body = f"<h1>{name}</h1><time>2026-03-04 10:00</time><div><p>{text} {'Words. ' * 60}</p></div>"
    return build_response(body.encode(), headers=(("Content-Type", "text/html"),))


def fail_first(times: int, fault: Script, then: bytes) -> Callable[[bytes], Script]:
    """A route that fails so often, then answers."""
    asked = Counter[str]()

    def answer(raw: bytes) -> Script:
        asked["times"] += 1
        return fault if asked["times"] <= times else then

    return answer


def change_each_time(name: str) -> Callable[[bytes], Script]:
    asked = Counter[str]()

    def answer(raw: bytes) -> Script:
        asked["times"] += 1
        return print_article(name, f"Edition {asked['times']}.")

    return answer


def cut(name: str) -> Script:
    """Less than was announced, then the end."""
    return [print_article(name)[:-200], Action.CLOSE]


def build_routes() -> dict[str, Route]:
    whole = print_article("drip")
    error = build_response(b"Sorry", status="500 Internal Server Error")
    busy = build_response(b"Later", status="503 Service Unavailable")
    return {
        "well": print_article("well"),
        "busy_twice": fail_first(2, busy, print_article("busy_twice")),
        "reset_once": fail_first(1, [Action.RESET], print_article("reset_once")),
        "cut_once": fail_first(1, cut("cut_once"), print_article("cut_once")),
        "drip": [whole[:150], 0.3, whole[150:300], 0.3, whole[300:]],
        "changing": change_each_time("changing"),
        "broken": error,
        "reset": [Action.RESET],
        "reset_inside": [print_article("reset_inside")[:-200], 0.2, Action.RESET],
        "cut": cut("cut"),
        "silent": [Action.STALL],
        "stuck": [print_article("stuck")[:-200], Action.STALL],
        "gone": build_response(b"", status="404 Not Found"),
    }


GOOD = {"well", "busy_twice", "reset_once", "cut_once", "drip", "changing"}
# What a second request would not answer differently is requested once.
ASKED = dict.fromkeys(("broken", "reset", "reset_inside", "cut", "silent", "stuck"), ATTEMPTS) | {"gone": 1}
ASKED |= {"well": 1, "busy_twice": 3, "reset_once": 2, "cut_once": 2, "drip": 1, "changing": 1}
FAILURES = {"http_500": 1, "http_404": 1, "broken_off": 1, "cut_short": 2, "timeout": 2}


def test_a_faulty_origin_costs_what_is_faulty_and_nothing_else(data: Data, tmp_path: Path) -> None:
    pages = {f"/{name}.html": route for name, route in build_routes().items()}
    front = "".join(f'<a href="{path}">{path}</a>' for path in pages).encode()
    source = tmp_path / "faulty.toml"
    with WireServer({"/": build_response(front)} | pages) as server:
        source.write_text(SOURCE.format(base=server.base_url), "utf-8")
        done = crawl(source, data)
        assert done["exit_code"] == 0
        exchanges = server.exchanges
        asked = Counter(exchange.target.strip("/").removesuffix(".html") for exchange in exchanges)
        assert {name: asked[name] for name in ASKED if "reset" not in name} == {
            name: times for name, times in ASKED.items() if "reset" not in name
        }
        # The client itself asks once more where a connection that it kept open breaks before anything came.
        assert ATTEMPTS <= asked["reset"] <= 2 * ATTEMPTS
        answered = sum(bool(exchange.sent) for exchange in exchanges)
        again = crawl(source, data)
    counts = done["counts"]
    assert {post["headline"] for post in done["posts"]} == GOOD
    assert {name.partition("/")[2]: n for name, n in counts.items() if name.startswith("failures/")} == FAILURES
    assert Counter(failure["reason"] for failure in done["failures"]) == FAILURES
    assert counts["pages/failed/article"] == sum(FAILURES.values())
    assert counts["archive/exchanges"] == answered
    assert counts["archive/no_response"] == len(exchanges) - answered
    assert counts["retry/count"] == sum(n - 1 for n in ASKED.values())
    assert counts["retry/max_reached"] == 6
    truncated = {name.rpartition("/")[2]: n for name, n in counts.items() if name.startswith("archive/truncated/")}
    assert truncated == {"disconnect": ATTEMPTS * 2 + 1, "time": ATTEMPTS}
    assert [(post["outcome"], post["headline"]) for post in again["posts"] if post["outcome"] != "unchanged"] == [
        ("updated", "changing")
    ]
    verified = run_scrapy("verify", "faulty", "--posts", data=data)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def crawl(source: Path, data: Data) -> dict[str, Any]:
    """Crawl; return what its events tell."""
    done = run_scrapy("crawl", "category", "-a", f"source={source}", "--json", data=data, settings=SETTINGS)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    told = {kind: [event for event in events if event["event"] == kind] for kind in ("post", "failure", "finished")}
    (finished,) = told["finished"]
    assert finished["exit_code"] == done.returncode
    return finished | {"posts": told["post"], "failures": told["failure"]}
