"""An assistant at work, by the SDK's own client over the command's standard input and output."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from archives.replay.citations import load_citation, prove_citation
from crawler.assistants.tools import MAX_CHARS, MAX_DIFF_CHARS, MAX_LINES, ArchiveTools, ToolRefused
from crawler.publishing.library import Library
from tests.documents.commands import list_blocks
from tests.pipelines.exports.samples import build_statement
from tests.pipelines.exports.test_changes import Desk
from tests.project import ROOT, Data

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipelines.exports.records import PostRecord


@pytest.fixture
def tools(newspaper: Data) -> Iterator[ArchiveTools]:
    with closing(ArchiveTools(Library(newspaper.path))) as tools:
        end = time.monotonic() + 60
        while tools.search("")["notYetSearchable"] and time.monotonic() < end:
            time.sleep(0.1)
        yield tools


def find_updated(data: Data) -> PostRecord:
    """The post that the demo's second edition changes."""
    library = Library(data.path)
    with closing(library.open_log("newspaper")) as log:
        row = log._database.execute("SELECT source, identifier FROM change WHERE kind = 'updated'").fetchone()
    record = library.open_store("newspaper").find_record(*row)
    assert record is not None
    return record


def test_an_assistant_finds_quotes_and_proves(newspaper: Data) -> None:
    pytest.importorskip("mcp", reason="mcp is not installed: pip install newsreel[mcp]")
    from mcp import Client, StdioServerParameters  # noqa: PLC0415 (an extra)

    record = find_updated(newspaper)
    sentence = record.text.partition("\n")[0]

    async def work() -> dict[str, Any]:
        ((_, text),) = [block for block in list_blocks(ROOT / "docs" / "exports.md") if block[0] == "json"]
        documented = json.loads(text)["mcpServers"]["newsreel"]["args"]
        arguments = [word.replace("/srv/news/data", str(newspaper.path)) for word in documented]
        server = StdioServerParameters(command=sys.executable, args=["-m", "crawler", *arguments], cwd=str(ROOT))
        async with Client(server, read_timeout_seconds=60) as client:
            told: dict[str, Any] = {"tools": (await client.list_tools()).tools}
            for name, values in (
                ("get_post", {"id": record.id}),
                ("get_versions", {"id": record.id}),
                ("cite", {"id": record.id, "sentence": sentence}),
                ("list_changes", {"limit": 3}),
                ("search", {"query": record.headline, "limit": 1}),
            ):
                answer = await client.call_tool(name, values)
                assert not answer.is_error, answer
                told[name] = answer.structured_content
            refused = await client.call_tool("get_post", {"id": "nobody/nothing"})
            assert refused.is_error
            told["refused"] = refused.content[0].text  # type: ignore[union-attr]
            return told

    told = asyncio.run(work())
    assert [tool.name for tool in told["tools"]] == ["search", "get_post", "get_versions", "cite", "list_changes"]
    assert all(tool.annotations.read_only_hint and tool.description for tool in told["tools"])
    assert told["get_post"]["headline"] == record.headline
    assert told["get_post"]["evidence"]["headline"]["record_id"]
    versions = told["get_versions"]["versions"]
    assert [version["version"] for version in versions] == [1, 2]
    assert any(line.startswith("+") for line in versions[1]["diff"])
    citation = load_citation(told["cite"]["citations"][-1])
    assert prove_citation(citation, newspaper.warcs("newspaper")) == ""
    assert (len(told["list_changes"]["changes"]), told["list_changes"]["more"]) == (3, True)
    assert "take an id that a search gave" in told["refused"]


def test_a_search_gives_ids_that_lead_to_posts(tools: ArchiveTools, newspaper: Data) -> None:
    found = tools.search("", limit=1000)
    assert found["total"] == 43
    assert len(found["posts"]) == 43
    for post in found["posts"]:
        assert tools.get_post(post["id"])["headline"] == post["headline"]
    best = tools.search(f'"{found["posts"][0]["headline"]}"')["posts"]
    assert found["posts"][0]["id"] in [post["id"] for post in best]
    assert json.dumps(found)
    assert found["notes"] == []
    assert "is not a day" in tools.search("ferry after:spring")["notes"][0]


def test_changes_are_read_in_pages_to_the_end(tools: ArchiveTools) -> None:
    since, seen = "start", []
    while True:
        page = tools.list_changes(since, limit=7)
        seen += [change["id"] for change in page["changes"]]
        since = page["cursor"]
        if not page["more"]:
            break
    assert len(seen) == len(set(seen)) == 43
    assert tools.list_changes(since)["changes"] == []


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda tools: tools.get_post("x"), "take an id that a search gave"),
        (lambda tools: tools.cite(" ", id="x/y"), "name the sentence"),
        (lambda tools: tools.cite("x"), "name the post by its id, or the address"),
        (lambda tools: tools.list_changes("yesterday"), "is not a cursor"),
    ],
)
def test_what_cannot_be_given_is_reported(call: Any, words: str, tools: ArchiveTools) -> None:
    with pytest.raises(ValueError, match=words):
        call(tools)
    assert issubclass(ToolRefused, ValueError)


def test_long_texts_come_in_pieces(tools: ArchiveTools, monkeypatch: pytest.MonkeyPatch, newspaper: Data) -> None:
    record = find_updated(newspaper)
    monkeypatch.setattr("crawler.assistants.tools.MAX_CHARS", 100)
    pieces, start = [], 0
    while start is not None:
        post = tools.get_post(record.id, start=start)
        assert len(post["text"]) <= 100 < MAX_CHARS
        pieces.append(post["text"])
        start = post["nextStart"]
    assert "".join(pieces) == record.text


@pytest.mark.parametrize(("paragraphs", "is_cut"), [(["short"], False), (["x"] * 300, True), (["x" * 9_000], True)])
def test_a_long_difference_is_cut_and_says_so(tmp_path: Path, paragraphs: list[str], is_cut: bool) -> None:
    desk = Desk(tmp_path)
    statement = build_statement(1)
    later = replace(
        statement,
        articleBody="".join(f"<p>{text} {number}</p>" for number, text in enumerate(paragraphs)),
        capture=build_statement(2).capture,
    )
    later.capture = replace(later.capture, file="news-20260304120000-00000-fff999.warc.gz")  # type: ignore[type-var]
    desk.write(statement, later)
    with closing(ArchiveTools(Library(tmp_path))) as tools:
        versions = tools.get_versions("news/NW2026030412000001")["versions"]
    assert [version["isDiffCut"] for version in versions] == [False, is_cut]
    assert 0 < sum(map(len, versions[1]["diff"])) <= MAX_DIFF_CHARS
    assert len(versions[1]["diff"]) <= MAX_LINES
