"""What a post implies, and the bytes of its file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from pipelines.dates.model import Precision
from pipelines.posts.filing import Outcome
from pipelines.posts.items import Origin, Post
from pipelines.posts.options import PostOptions
from pipelines.posts.post_files import (
    PostFiles,
    build_file_name,
    render,
    render_footer,
    share_file_name,
    unshare_file_name,
)
from pipelines.posts.settle import PostRefused, find_opening, finish
from tests.project import ROOT

SHANGHAI = ZoneInfo("Asia/Shanghai")
OPTIONS = PostOptions(
    zone=SHANGHAI,
    language="zh",
    tag_suffix="新闻",
    day_from_id=r"^[A-Z]*(\d{8})",
    footer="<{shareLink}>\n\n[返回{tag}](//news.example/category/{category}.html)｜[返回首页](//news.example/)",
)


def build(**values: object) -> Post:
    defaults: dict[str, object] = {
        "source": "news",
        "identifier": "NW20220218",
        "headline": "港口",
        "datePublished": datetime(2022, 2, 18, 10, 21, 11, tzinfo=SHANGHAI),
        "datePublished_precision": Precision.SECOND,
        "articleSection": ["中国工业报"],
        "articleBody": "<p>港口今晨重新开放。渡轮照常。</p>",
        "shareLink": "http://share.example/?id=1",
    }
    return Post(**(defaults | values))  # type: ignore[arg-type]


def test_a_post_file_has_front_matter_body_share_link_and_the_way_back() -> None:
    assert render(finish(build(), OPTIONS), OPTIONS).decode() == (
        '---\nlayout: post\ntitle: "港口"\ndate: 2022-02-18 10:21:11 +0800\ncategories: zhongguogongyebao\n'
        "tags: 中国工业报新闻\n---\n<p>港口今晨重新开放。渡轮照常。</p>\n\n<http://share.example/?id=1>\n\n"
        "[返回中国工业报新闻](//news.example/category/zhongguogongyebao.html)｜[返回首页](//news.example/)"
    )


def test_dates_are_written_in_the_zone_of_the_source() -> None:
    london = datetime(2022, 2, 17, 23, 30, tzinfo=ZoneInfo("Europe/London"))
    assert b"date: 2022-02-18 07:30:00 +0800\n" in render(finish(build(datePublished=london), OPTIONS), OPTIONS)


def test_a_day_in_the_id_dates_a_post_without_inventing_a_time() -> None:
    post = finish(build(datePublished=None, datePublished_precision=None), OPTIONS)
    assert post.datePublished_precision is Precision.DAY
    assert b"date: 2022-02-18\n" in render(post, OPTIONS)


@pytest.mark.parametrize("identifier", ["NW20220218", "http://news.example/1"])
def test_a_name_that_another_post_has_is_shared_and_given_back(identifier: str) -> None:
    post = finish(build(identifier=identifier), OPTIONS)
    alone, shared = build_file_name(post, OPTIONS), build_file_name(post, OPTIONS, is_shared=True)
    assert alone != shared
    assert share_file_name(alone, post.key) == share_file_name(shared, post.key) == shared
    assert unshare_file_name(shared, post.key) == unshare_file_name(alone, post.key) == alone
    assert unshare_file_name(shared, ("other", "1")) == shared


def test_the_medium_is_the_section_where_no_section_is_given() -> None:
    post = finish(build(articleSection=[], publisher="回环时报"), OPTIONS)
    assert (post.articleSection, post.keywords) == (["回环时报"], ["回环时报新闻"])


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"identifier": ""}, "no_identifier"),
        ({"articleBody": ""}, "no_text"),
        ({"identifier": "77", "datePublished": None}, "no_date"),
        ({"identifier": "NW20220231", "datePublished": None}, "no_date"),
        ({"headline": "", "articleBody": "<p>…</p>"}, "no_headline"),
        ({"origin": Origin.FEED}, "not_fetched"),
    ],
)
def test_a_post_that_cannot_be_named_is_refused_with_a_reason(values: dict[str, object], reason: str) -> None:
    with pytest.raises(PostRefused) as refused:
        finish(build(**values), OPTIONS)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("body", "opening"),
    [
        ("<p>渡轮停航。明日恢复。</p>", "渡轮停航。"),
        ("<h2> </h2><p>The tide rose. Then fell.</p>", "The tide rose."),
        ("<p>" + "长" * 90 + "</p>", "长" * 40 + "…"),
        ("<p>——</p>", ""),
    ],
)
def test_the_opening_of_a_body_stands_in_for_a_headline(body: str, opening: str) -> None:
    assert find_opening(body) == opening


def test_a_footer_leaves_out_what_it_has_no_value_for() -> None:
    assert render_footer("<{url}>\n\n[{tag}](x)", {"url": "", "tag": "a"}) == "[a](x)"
    assert render_footer("<{url}>\n\n[{tag}](x)", {"url": "http://a/", "tag": ""}) == "<http://a/>"
    assert render_footer("{other} stays", {}) == "{other} stays"


HOSTILE = [
    'He said "hi"',
    "colon: and # hash",
    "---",
    "two\nlines",
    "permalink: /evil.html\nlayout: evil",
    "emoji 🗞 and bidi \u202e override",
    "no",
    "007",
    "{{ site.secret }} {% raw %}",
    "\x85\u2028\u2029\ufeff",
    "back\\slash",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_reads_back_as_text(text: str) -> None:
    """Whatever the headline and the tags hold, the front matter has five keys and says what was meant."""
    post = finish(build(headline=text, keywords=[text], articleSection=[text]), OPTIONS)
    _, head, _ = render(post, OPTIONS).decode().split("---\n", 2)
    values = yaml.safe_load(head)
    assert list(values) == ["layout", "title", "date", "categories", "tags"]
    assert values["title"] == text
    assert values["tags"] in (text, [text])


def test_a_footer_cannot_be_broken_out_of() -> None:
    post = build(keywords=["](javascript:alert(1)) [x"], shareLink='http://x/"><script>alert(1)</script>')
    footer = render(finish(post, OPTIONS), OPTIONS).decode().rsplit("</p>", 1)[1]
    assert "<script" not in footer
    assert "](javascript" not in footer


# On their way to the disk


def list_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


SLOW = """
import sys, time
from pathlib import Path
from pipelines.posts.post_files import PostFiles

files = PostFiles()
for name in ("a.md", "b.md"):
    files.write(Path(sys.argv[1]) / name, b"half")
print("half", flush=True)
time.sleep(60)
"""


def test_what_a_killed_writer_left_goes_with_the_next_one(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", SLOW, tmp_path], cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"half\n"
        left = list_names(tmp_path)
        meanwhile = PostFiles()
        meanwhile.write(tmp_path / "a.md", b"whole")
        meanwhile.settle()
        assert list_names(tmp_path) == [*left, "a.md"], "what a living writer writes is not touched"
        process.kill()
        process.wait()
    assert len(left) == 2
    assert list_names(tmp_path) == [*left, "a.md"]
    assert (tmp_path / "a.md").read_bytes() == b"whole"
    after = PostFiles()
    after.write(tmp_path / "b.md", b"whole")
    after.settle()
    assert list_names(tmp_path) == ["a.md", "b.md"]


def test_two_writers_in_one_folder_do_not_take_from_each_other(tmp_path: Path) -> None:
    first, second = PostFiles(), PostFiles()
    for number in range(3):
        first.write(tmp_path / f"first-{number}.md", b"first")
        second.write(tmp_path / f"second-{number}.md", b"second")
    second.drop()
    first.settle()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        f"first-{number}.md": b"first" for number in range(3)
    }


@pytest.mark.parametrize("count", [1, 6])
def test_no_file_stays_open_once_it_has_its_place_or_is_given_up(count: int, tmp_path: Path) -> None:
    files, before = PostFiles(), count_open()
    for end, outcome in ((files.settle, Outcome.NEW), (files.drop, Outcome.UPDATED)):
        for number in range(count):
            assert files.write(tmp_path / f"{number}.md", end.__name__.encode()) is outcome
        assert count_open() == before + count
        end()
        assert count_open() == before
    assert {path.read_bytes() for path in tmp_path.iterdir()} == {b"settle"}
    assert len(list_names(tmp_path)) == count


def test_a_folder_that_is_deleted_meanwhile_is_made_again(tmp_path: Path) -> None:
    files, folder = PostFiles(), tmp_path / "_posts" / "news"
    for _ in range(2):
        assert files.write(folder / "a.md", b"a") is Outcome.NEW
        files.settle()
        assert list_names(folder) == ["a.md"]
        shutil.rmtree(folder)


def count_open() -> int:
    return sum(1 for _ in Path("/dev/fd").iterdir())


def test_the_bytes_are_on_disk_before_the_file_has_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, list[str]]] = []

    def note(descriptor: int) -> None:
        seen.append((os.fstat(descriptor).st_size, [path.name for path in tmp_path.glob("*.md")]))

    monkeypatch.setattr(os, "fsync", note)
    files = PostFiles()
    for number in range(6):
        files.write(tmp_path / f"{number}.md", b"12345")
    files.settle()
    assert seen == [(5, [])] * 6
    assert len(list(tmp_path.glob("*.md"))) == 6
