"""Front matter: what is written is what PyYAML, Psych and our own reader read back."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta, timezone

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.dates.model import Precision
from pipelines.posts.front_matter import (
    FrontMatterError,
    dump_date,
    dump_front_matter,
    dump_names,
    dump_title,
    load_front_matter,
)

SHANGHAI = timezone(timedelta(hours=8))
HOSTILE_TITLES = [
    "",
    " ",
    'He said "hi"',
    "突发: 一 #2 & *x !y %z @w `v`",
    "---",
    "a\n---\npermalink: /evil.html",
    "\\n \\u0041 \\",
    "emoji 😀👩\u200d👧 𠮷",
    "bidi \u202eevil\u202c \u2066x\u2069 \u200f",
    "no",
    "007",
    "~",
    "2022-02-18",
    "{{ x }} {% y %}",
    "\x00\x07\x1b\x7f\x80\x85\xa0\u2028\u2029\ufeff\ufffe\uffff",
    "tab\tand\r\nmore",
    "[a, b]",
    "'single'",
    "trailing: ",
]
RESOLVED = (
    "007|0|1|12|1_000|0x1F|0b11|0o17|017|089|1e3|1E3|12e03|_1|_|__|y|Y|n|N|yes|Yes|NO|no|on|OFF|true|False|null|Null|NULL"
    "|nan|inf|NaN|9876543210|1e|١٢٣|①|½|二"
)
RESOLVED_NAMES = RESOLVED.split("|")
NAMES = [
    "zhongguogongyebao",
    "中国工业报新闻",
    "21shijijingjibaodao",
    "a_b",
    "Ünï",
    "новости",
    "a b",
    "x-y",
    "安信(香港)",
]


def as_read(text: str) -> str:
    """Return the text as it must come back: a lone surrogate cannot."""
    return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text)


@given(st.text(st.characters(codec=None)))
@example("a\ud800b")
def test_pyyaml_reads_any_title_back(title: str):
    dumped = dump_title(title)
    assert "\n" not in dumped
    assert yaml.safe_load(f"title: {dumped}\n") == {"title": as_read(title)}


@pytest.mark.parametrize("title", HOSTILE_TITLES)
def test_pyyaml_reads_hostile_titles_back(title: str):
    assert yaml.safe_load(f"title: {dump_title(title)}\n") == {"title": title}


def test_characters_that_would_show_otherwise_are_escaped():
    assert dump_title("a\u202eb\u2028\ufeff\x85") == '"a\\u202eb\\u2028\\ufeff\\u0085"'
    assert dump_title("中文 😀") == '"中文 😀"'


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], "[]"),
        (["zhongguogongyebao"], "zhongguogongyebao"),
        (["中国工业报新闻"], "中国工业报新闻"),
        (["21shijijingjibaodao"], "21shijijingjibaodao"),
        (["a b"], '["a b"]'),
        (["a", "b"], '["a", "b"]'),
        (["12:30"], '["12:30"]'),
        ([""], '[""]'),
        (['q"q'], '["q\\"q"]'),
    ],
)
def test_dump_names(names: list[str], expected: str):
    assert dump_names(names) == expected


@pytest.mark.parametrize("name", RESOLVED_NAMES)
def test_a_name_that_resolves_to_something_else_is_quoted(name: str):
    dumped = dump_names([name])
    assert yaml.safe_load(f"tags: {dumped}\n") in ({"tags": [name]}, {"tags": name})
    assert dumped.startswith("[") or not name.isascii()


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=12), max_size=4))
def test_pyyaml_reads_any_names_back(names: list[str]):
    read = yaml.safe_load(f"tags: {dump_names(names)}\n")["tags"]
    assert ([read] if isinstance(read, str) else read) == names


@given(st.from_regex(r"\A[0-9a-fA-FxXoOeE_ynotrualsfYN]{1,6}\Z"))
def test_names_near_to_numbers_and_booleans_stay_text(name: str):
    read = yaml.safe_load(f"tags: {dump_names([name])}\n")["tags"]
    assert read in (name, [name])


@pytest.mark.parametrize(
    ("instant", "precision", "expected"),
    [
        (datetime(2022, 2, 18, 10, 21, 11, tzinfo=SHANGHAI), Precision.SECOND, "2022-02-18 10:21:11 +0800"),
        (datetime(2022, 2, 18, 10, 21, 11, tzinfo=SHANGHAI), Precision.MINUTE, "2022-02-18 10:21:00 +0800"),
        (datetime(2022, 2, 18, 10, 21, 11, tzinfo=SHANGHAI), Precision.HOUR, "2022-02-18 10:00:00 +0800"),
        (datetime(2022, 2, 18, 0, 0, tzinfo=SHANGHAI), Precision.DAY, "2022-02-18"),
        (datetime(2022, 2, 18, tzinfo=UTC), Precision.SECOND, "2022-02-18 00:00:00 +0000"),
        (
            datetime(987, 2, 3, tzinfo=timezone(-timedelta(hours=3, minutes=30))),
            Precision.SECOND,
            "0987-02-03 00:00:00 -0330",
        ),
        (
            datetime(1900, 1, 1, tzinfo=timezone(timedelta(seconds=29143))),
            Precision.SECOND,
            "1900-01-01 00:00:17 +0806",
        ),
        (
            datetime(1880, 1, 1, 12, 30, tzinfo=timezone(timedelta(minutes=9, seconds=21))),
            Precision.MINUTE,
            "1880-01-01 12:30:00 +0010",
        ),
    ],
)
def test_dump_date(instant: datetime, precision: Precision, expected: str):
    assert dump_date(instant, precision) == expected


def test_a_naive_date_is_refused():
    with pytest.raises(ValueError, match="give it its zone"):
        dump_date(datetime(2022, 2, 18), Precision.DAY)


EXAMPLE = """---
layout: post
title: "落实精准服务 宁波工业投资提质扩量"
date: 2022-02-18 10:21:11 +0800
categories: zhongguogongyebao
tags: 中国工业报新闻
---
"""


def test_the_format_of_the_example_post():
    instant = datetime(2022, 2, 18, 10, 21, 11, tzinfo=SHANGHAI)
    fields = [
        ("title", dump_title("落实精准服务 宁波工业投资提质扩量")),
        ("date", dump_date(instant, Precision.SECOND)),
        ("categories", dump_names(["zhongguogongyebao"])),
        ("tags", dump_names(["中国工业报新闻"])),
    ]
    assert dump_front_matter(fields) == EXAMPLE
    assert dump_front_matter([("layout", "post"), *fields]) == EXAMPLE


@given(st.text(st.characters(codec="utf-8")), st.lists(st.text(st.characters(codec="utf-8"))), st.text())
def test_our_reader_reads_back_what_the_writers_write(title: str, names: list[str], body: str):
    text = dump_front_matter([("title", dump_title(title)), ("date", "2022-02-18"), ("tags", dump_names(names))]) + body
    fields, rest = load_front_matter(text)
    tags = names[0] if len(names) == 1 and dump_names(names) == names[0] else names
    assert fields == {"layout": "post", "title": title, "date": "2022-02-18", "tags": tags}
    assert rest == body


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("layout: post\n---\n", 1),
        ("---\nlayout: post\n", 3),
        ("---\nlayout: post\ntitle: He said\n---\n", 3),
        ('---\ntitle: "He said "hi""\n---\n', 2),
        ('---\ntitle: "a\\x41"\n---\n', 2),
        ('---\ntitle: "a\u202eb"\n---\n', 2),
        ('---\ntags: ["a" "b"]\n---\n', 2),
        ('---\ntags: ["a", ]\n---\n', 2),
        ("---\ntags: [a]\n---\n", 2),
        ("---\nlayout: post\nlayout: post\n---\n", 3),
        ("---\n layout: post\n---\n", 2),
        ("---\r\nlayout: post\r\n---\r\n", 1),
    ],
)
def test_anything_else_is_refused_with_its_line(text: str, line: int):
    with pytest.raises(FrontMatterError) as error:
        load_front_matter(text)
    assert error.value.line == line


@pytest.mark.parametrize("fields", [[("a b", "x")], [("x", "a: b")], [("x", "y\nz: w")], [("x", "1"), ("x", "2")]])
def test_fields_that_could_not_be_read_back_are_not_written(fields: list[tuple[str, str]]):
    with pytest.raises(FrontMatterError):
        dump_front_matter(fields)


@given(st.text(st.sampled_from('""\\\\,, []nu0a1-:\x00\u2028\ufeff\ud800')))
@example('["a", "b"]')
@example('["a","b"]')
@example('["a", ]')
def test_what_is_written_is_what_can_be_read_back(value: str):
    try:
        written = dump_front_matter([("x", value)])
    except FrontMatterError:
        with pytest.raises(FrontMatterError):
            load_front_matter(f"---\nlayout: post\nx: {value}\n---\n")
    else:
        assert set(load_front_matter(written)[0]) == {"layout", "x"}


def test_psych_reads_the_same():
    """One Ruby process for the whole batch, through the loader that Jekyll uses."""
    ruby = shutil.which("ruby")
    if ruby is None:
        pytest.skip("no ruby here: Psych is not asked")
    wanted = [{"title": title} for title in HOSTILE_TITLES]
    documents = [f"title: {dump_title(title)}\n" for title in HOSTILE_TITLES]
    for names in [[name] for name in [*RESOLVED_NAMES, *NAMES]] + [[], ["a", "no"], ["007", "1e3"]]:
        dumped = dump_names(names)
        documents.append(f"tags: {dumped}\n")
        wanted.append({"tags": names if dumped.startswith("[") else names[0]})
    script = "require 'yaml'; require 'json'; puts JSON.parse(STDIN.read).map { |t| YAML.safe_load(t) }.to_json"
    run = subprocess.run(
        [ruby, "-Eutf-8:utf-8", "-e", script], input=json.dumps(documents).encode(), capture_output=True, check=False
    )
    assert run.returncode == 0, run.stderr.decode()
    assert json.loads(run.stdout) == wanted
