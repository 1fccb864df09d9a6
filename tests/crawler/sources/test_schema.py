"""The JSON Schema of a definition: it accepts what the loader accepts, and refuses what has the wrong shape."""

from __future__ import annotations

import json
import tomllib
from datetime import date
from string import Template
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from crawler.sources import SourceError, load_source
from crawler.sources.schema import Links, build_schema
from pipelines.rules.links import LinkKind
from tests.crawler.sources.test_definition_faults import FULL, PATHS, WRONG, dump, name_key, replace
from tests.project import ROOT, run_scrapy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCHEMA = build_schema()
VALIDATOR = Draft202012Validator(SCHEMA)
# Templates of what is served on loopback.
SERVED = [ROOT / "crawler/demo_site/newspaper.toml", ROOT / "benchmarks/source.toml"]
BUNDLED = [*sorted((ROOT / "crawler/sources").glob("*.toml")), *SERVED]


def parse(text: str) -> Any:
    """A file as editors hand it to a schema: dates are strings."""
    return json.loads(json.dumps(tomllib.loads(text), default=date.isoformat))


def accepts(text: str) -> bool:
    return VALIDATOR.is_valid(parse(text))


def is_loaded(text: str) -> bool:
    try:
        load_source(text, path="paper.toml")
    except SourceError:
        return False
    return True


def test_it_is_a_schema_of_its_dialect() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert SCHEMA["$id"].startswith("urn:")


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.name)
def test_every_bundled_definition_is_valid(path: Path) -> None:
    text = path.read_text("utf-8")
    text = Template(text).substitute(base="http://localhost") if path in SERVED else text
    assert [error.message for error in VALIDATOR.iter_errors(parse(text))] == []


def iter_keys() -> Iterator[tuple[str, dict[str, Any]]]:
    for table, schema in (("", SCHEMA), *SCHEMA["$defs"].items()):
        for key, about in schema.get("properties", {}).items():
            yield f"{table}.{key}", about


def test_every_key_says_what_it_is() -> None:
    assert [name for name, about in iter_keys() if not about.get("title") or not about.get("description")] == []


def test_every_example_is_valid() -> None:
    wrong = [
        (name, example)
        for name, about in iter_keys()
        for example in about.get("examples", ())
        if not VALIDATOR.evolve(schema={**about, "$defs": SCHEMA["$defs"]}).is_valid(example)
    ]
    assert wrong == []


def test_choices_are_enumerated() -> None:
    assert SCHEMA["$defs"]["Parser"]["properties"]["of"]["enum"] == ["article", "listing", "text"]
    assert SCHEMA["$defs"]["SlugStyle"]["enum"] == ["pinyin", "pinyin-url", "unicode"]
    assert SCHEMA["$defs"]["RequisiteKind"]["enum"] == ["font", "image", "script", "style"]


def test_every_kind_of_link_is_a_key() -> None:
    assert {*Links.__struct_fields__} == {*LinkKind} - {LinkKind.OTHER}


@pytest.mark.parametrize("path", PATHS, ids=name_key)
def test_it_refuses_nothing_that_is_loaded(path: tuple[str | int, ...]) -> None:
    for value in (*WRONG, ..., "1h", ["h1"], 0, 2, "paper"):
        text = dump(replace(path, value))
        assert accepts(text) or not is_loaded(text), value


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('name = "paper"', ""),
        ('name = "paper"', "name = 7"),
        ('name = "paper"', 'name = "pa per"'),
        ('name = "paper"', 'name = "paper"\nnmae = "paper"'),
        ('name = "paper"', 'name = "paper"\nfooter = "x"'),
        ('timezone = "Europe/London"', ""),
        ('scope = ["//paper.example/"]', 'scope = ["paper.example"]'),
        ('scope = ["//paper.example/"]', 'scope = "ftp://paper.example/"'),
        ('seeds = ["https://paper.example/"]', 'seeds = ["paper.example"]'),
        ("article = ['", "artikel = ['"),
        ("feed = ['/feed$']", "feed = [7]"),
        ('url = "https://paper.example/share?id={id}"', 'url = "https://paper.example/share?id="'),
        ('of = "article"', 'of = "page"'),
        ('of = "article"\n', ""),
        ("valid_until = 2026-12-31", 'valid_until = "soon"'),
        ("fallback = true", 'fallback = "yes"'),
        ('of = "listing"', 'of = "listing"\nfallback = true'),
        ('records = "records"\n', ""),
        ('headline = ["h1"', 'title = ["h1"'),
        ('headline = ["h1"', 'headline = [1, "h1"'),
        ("delay = 2", 'delay = "long"'),
        ("concurrency = 1", "concurrency = 0"),
        ("concurrency = 1", "concurrency = 1.5"),
        ('category = "pinyin-url"', 'category = "kebab"'),
        ("symbols = true", "symbols = 1"),
        ('"Harbor" = "Harbour"', '"Harbor" = 7'),
        ("depth = 4", "depth = 0"),
        ("since = 2026-11-01", 'since = "yesterday"'),
        ('kinds = ["image", "style"]', 'kinds = ["film"]'),
        ("max_bytes = 1000", "max_bytes = 0"),
        ('cron = "*/30 8-22 * * *"\n', ""),
        ('cron = "*/30 8-22 * * *"', 'cron = "@daily"'),
        ('cron = "*/30 8-22 * * *"', 'every = "often"'),
        ('cron = "*/30 8-22 * * *"', "adaptive = true"),
        ('cron = "*/30 8-22 * * *"', 'adaptive = {mix = "1h"}'),
        ('spider = "category"', 'spider = "a b"'),
    ],
)
def test_it_refuses_the_faults_of_shape_that_the_loader_refuses(old: str, new: str) -> None:
    assert accepts(FULL) and is_loaded(FULL)
    assert FULL.count(old) >= 1
    text = FULL.replace(old, new, 1)
    assert not is_loaded(text)
    assert not accepts(text)


def test_the_command_prints_it() -> None:
    done = run_scrapy("sources", "schema")
    assert json.loads(done.stdout) == json.loads(json.dumps(SCHEMA))
