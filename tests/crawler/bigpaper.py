"""A paper as large as a test wants, served from a formula, with a tally of what was asked."""

from __future__ import annotations

import re
from collections import Counter
from typing import Self

from tests.project import ARTICLE_PARSER
from tests.wire import Script, WireServer, build_response

_HTML = (("Content-Type", "text/html; charset=utf-8"),)
_PER_SECTION = 50


class BigPaper:
    """`articles` article pages behind section pages of fifty; use as a context manager.

    Args:
        delay_s: time that each answer takes.
    """

    def __init__(self, articles: int, *, delay_s: float = 0.0) -> None:
        self.articles = articles
        self.sections = -(-articles // _PER_SECTION)
        self._delay_s = delay_s
        self._server = WireServer({})
        self._server.routes = _Formula(self)  # type: ignore[assignment]

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.__exit__(*error)

    @property
    def tally(self) -> Counter[str]:
        """How often each target was requested."""
        return Counter(exchange.target for exchange in self._server.exchanges)

    @property
    def pages(self) -> set[str]:
        return {"/"} | {f"/s/{n}.html" for n in range(self.sections)} | {f"/a/{n}.html" for n in range(self.articles)}

    def source_toml(self) -> str:
        base = self._server.base_url
        return f"""
name = "big"
timezone = "UTC"
scope = ["{base}/"]
seeds = ["{base}/"]
[links]
category = ['/s/\\d+\\.html$']
article = ['/a/(?P<id>\\d+)\\.html$']
{ARTICLE_PARSER}[politeness]
delay = 0
"""

    def answer(self, target: str) -> Script | None:
        match = re.fullmatch(r"/(?:([as])/(\d+)\.html)?", target)
        if match is None:
            return None
        if match[1] == "a":
            number = int(match[2])
            body = f"<h1>Article {number}</h1><time>2026-03-04 10:00:00</time><div><p>Text of {number}.</p></div>"
        elif match[1] == "s":
            first = int(match[2]) * _PER_SECTION
            body = "".join(f'<a href="/a/{n}.html">{n}</a>' for n in range(first, min(first + 50, self.articles)))
        else:
            body = "".join(f'<a href="/s/{n}.html">{n}</a>' for n in range(self.sections))
        raw = build_response(f"<html>{body}</html>".encode(), headers=_HTML)
        return [self._delay_s, raw] if self._delay_s else raw


class _Formula(dict[str, Script]):
    """Routes that are made when they are requested."""

    def __init__(self, paper: BigPaper) -> None:
        super().__init__()
        self._paper = paper

    def __missing__(self, target: str) -> Script:
        script = self._paper.answer(target)
        if script is None:
            raise KeyError(target)
        return script

    def __contains__(self, target: object) -> bool:
        return self._paper.answer(str(target)) is not None

    def get(self, target: str, default: object = None) -> object:  # type: ignore[override]
        script = self._paper.answer(target)
        return default if script is None else script
