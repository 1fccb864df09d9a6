"""The documents say what the code does: names are looked up in the source text, examples are run."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from archives.errors import Damage
from archives.warc import records
from crawler import settings
from crawler.reparsing.provenance import Change
from crawler.sources import SourceError, load_source
from crawler.sources.schema import build_schema
from pipelines.rules.links import LinkKind
from tests.project import ROOT, Data, run_scrapy

pytestmark = pytest.mark.long

DOCS = sorted((ROOT / "docs").glob("*.md"))
TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.md"))
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *DOCS, *TUTORIALS]
SOURCES = [path for package in ("archives", "pipelines", "crawler") for path in sorted((ROOT / package).rglob("*.py"))]
COUNTING = frozenset({"inc_value", "set_value", "max_value", "min_value", "count", "_count"})
COMMANDS = sorted(path.stem for path in (ROOT / "crawler/commands").glob("[!_]*.py"))
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def list_blocks(name: str, language: str) -> list[str]:
    """The fenced blocks of a page in one language."""
    return [text for found, text in _FENCE.findall(read(name)) if found == language]


@cache
def parse_sources() -> dict[str, ast.Module]:
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text("utf-8")) for path in SOURCES}


# README


def test_the_readme_is_short_and_has_two_set_up_commands() -> None:
    text = read("README.md")
    assert len(text.splitlines()) <= 140
    set_up = [line for block in list_blocks("README.md", "sh") for line in block.splitlines() if "pip install" in line]
    assert len(set_up) == text.count("pip install") == 2
    for command in set_up:
        assert command.startswith("python3 -m venv .venv && . .venv/bin/activate && pip install -c constraints.txt -e ")
    assert set_up[0].endswith(" && scrapy demo")
    assert set_up[1].endswith(" -e '.[test]' && python -m pytest")


def test_the_readme_shows_what_the_demo_makes(data: Data) -> None:
    """The steps by name, how many posts they made, and the first ten lines of a post; times and repeats vary."""
    done = run_scrapy("demo", "--dir", str(data.path), environment={"COLUMNS": "120"})
    assert done.returncode == 0, done.stdout + done.stderr
    shown = [" ".join(line.split()) for line in done.stdout.splitlines()]
    steps = [line for line in list_blocks("README.md", "text")[0].splitlines() if line.startswith("✓")]
    assert len(steps) == 4
    for step in steps:
        name, told = re.split(r" {2,}", step.removeprefix("✓"))[1:3]
        (found,) = [line for line in shown if line.startswith(f"✓ {name} ")]
        assert (re.search(r"\d+ new", told) or [told])[0] in found
    (name,) = re.findall(r"`([\w-]+\.md)`, begins", read("README.md"))
    lines = (data.posts("newspaper") / name).read_text("utf-8").splitlines()[:10]
    assert list_blocks("README.md", "html")[0].splitlines() == lines


# Pages


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = _FENCE.sub("", page.read_text("utf-8"))
    broken = []
    for target in _LINK.findall(text):
        if target.startswith(("https://", "http://")):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        if not path.exists() or (anchor and anchor not in list_anchors(path)):
            broken.append(target)
    assert not broken


def list_anchors(path: Path) -> set[str]:
    """The anchors that a forge makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", path.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_reached_from_the_readme() -> None:
    reached = set(_LINK.findall(read("README.md")))
    assert {f"docs/{page.name}" for page in DOCS} <= reached


def test_every_command_is_documented() -> None:
    pages = "\n".join(page.read_text("utf-8") for page in PAGES)
    assert [name for name in COMMANDS if not re.search(rf"(?:scrapy|newsreel) {name}\b", pages)] == []
    codes = read("docs/settings.md")
    assert [name for name in COMMANDS if not re.search(rf"\| `(?:scrapy|newsreel) {name}\b", codes)] == []


def test_no_document_names_a_command_that_does_not_exist() -> None:
    """Scrapy's own commands may be named, too."""
    scrapy = {"list", "settings", "shell", "bench", "version"}
    pages = "\n".join(page.read_text("utf-8") for page in PAGES if page.name != "CHANGELOG.md")
    named = set(re.findall(r"(?:`|^)(?:scrapy|newsreel) ([a-z]+)", pages, re.MULTILINE))
    assert named - scrapy == set(COMMANDS)


# Settings, statistics, meta keys


def test_every_setting_is_documented() -> None:
    text = read("docs/settings.md")
    names = [name for name in vars(settings) if name.isupper()]
    assert len(names) > 20
    assert [name for name in names if f"`{name}`" not in text] == []
    assert [name for name in list_settings_read() if f"`{name}`" not in text] == []


def list_settings_read() -> set[str]:
    """Names that our code asks the settings for, whether or not `settings.py` gives them a value."""
    names = set()
    for tree in parse_sources().values():
        for node in ast.walk(tree):
            holder, key = None, None
            if isinstance(node, ast.Subscript):
                holder, key = node.value, node.slice
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                holder, key = node.func.value, node.args[0]
            is_text = isinstance(key, ast.Constant) and isinstance(key.value, str) and key.value.isupper()
            if holder is not None and is_text and ast.unparse(holder).endswith("settings"):
                names.add(ast.literal_eval(key))
    return names


def test_every_statistic_is_documented() -> None:
    text = read("docs/settings.md") + read("docs/limits.md")
    found = {pattern for tree in parse_sources().values() for pattern in iter_stats(tree)}
    assert len(found) > 15
    assert [pattern for pattern in sorted(found) if not re.search(f"`{pattern}`", text)] == []


def iter_stats(tree: ast.AST) -> list[str]:
    """Patterns of the names counted: what is only known at run time is written `<so>` in the page."""
    patterns = [
        re.escape(ast.literal_eval(node.value))
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).startswith("STAT_")
    ]
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or not node.args:
            continue
        if node.func.attr not in COUNTING:
            continue
        parts = node.args[0].values if isinstance(node.args[0], ast.JoinedStr) else [node.args[0]]
        texts = [part.value if isinstance(part, ast.Constant) else None for part in parts]
        if isinstance(texts[0], str) and re.match(r"[a-z_]+/", texts[0]):
            patterns.append("".join(re.escape(str(text)) if text is not None else "<[a-z_ ]+>" for text in texts))
    return patterns


def test_every_meta_key_is_documented() -> None:
    text = read("docs/settings.md")
    keys = {
        ast.literal_eval(node.value)
        for tree in parse_sources().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).startswith("META_")
    }
    assert keys
    assert [key for key in keys if f"`{key}`" not in text] == []


# What is on disk


def test_every_field_on_disk_is_documented() -> None:
    text = read("docs/on-disk.md")
    warc = set(re.findall(r"WARC-[A-Z][A-Za-z-]+(?=: )", Path(records.__file__).read_text("utf-8")))
    assert len(warc) > 10
    index = list_keys("archives/index/cdxj.py", "dump_line")
    info = list_keys("crawler/runs/run.py", "_describe")
    run = list_keys("crawler/runs/manifest.py", "build_manifest") | list_keys(
        "crawler/runs/crawl_manifest.py", "build_joint"
    )
    assert len(index) == 10
    assert len(info) == 10
    assert [name for name in sorted(warc | index | info | run) if f"`{name}`" not in text] == []


def list_keys(path: str, function: str) -> set[str]:
    """The keys of the dictionaries that a function writes out."""
    tree = parse_sources()[path]
    (body,) = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == function]
    keys = [key for node in ast.walk(body) if isinstance(node, ast.Dict) for key in node.keys]
    return {ast.literal_eval(key) for key in keys if isinstance(key, ast.Constant)}


# Sources


def test_every_key_of_a_definition_is_documented() -> None:
    text = read("docs/sources.md")
    schema = build_schema()
    keys = {key for table in (schema, *schema["$defs"].values()) for key in table.get("properties", ())}
    assert len(keys) > 50
    missing = [key for key in sorted(keys) if not re.search(rf"`\[{{0,2}}{key}\]{{0,2}}`", text)]
    assert missing == []


def test_the_worked_example_is_a_definition() -> None:
    (example,) = list_blocks("docs/sources.md", "toml")
    source = load_source(example, path="courier.toml")
    values = json.loads(json.dumps(tomllib.loads(example), default=str))
    assert [fault.message for fault in Draft202012Validator(build_schema()).iter_errors(values)] == []
    assert source.find_kind("https://courier.example/2026/03/04/night-ferry-returns") is LinkKind.ARTICLE
    assert source.find_kind("https://courier.example/section/harbour?page=2") is LinkKind.NEXT_PAGE
    assert source.find_text_url("https://share.courier.example/?a=ferry") == "https://api.courier.example/text?id=ferry"


FAULTS = [
    ('timezone = "Europe/London"\n', ""),
    ('"Europe/London"', '"London"'),
    ('headline = "h1"', 'headlin = "h1"'),
    ('headline = "h1"', 'headline = "h1["'),
    ("(?P<id>[a-z0-9-]+)$']", "(?P<id>[a-z0-9-]+$']"),
    ('of = "article"', 'of = "page"'),
    ('"https://courier.example/",', '"courier.example",'),
    ("?a={id}", "?a="),
    ('records = "articles"\n', ""),
]


@pytest.mark.parametrize(("good", "bad"), FAULTS)
def test_errors_are_worded_as_documented(good: str, bad: str) -> None:
    (example,) = list_blocks("docs/sources.md", "toml")
    assert good in example
    with pytest.raises(SourceError) as caught:
        load_source(example.replace(good, bad, 1), path="courier.toml")
    assert str(caught.value) in read("docs/sources.md")


# Verification


def test_every_kind_of_problem_is_documented() -> None:
    text = read("docs/verification.md")
    calls = [node for node in ast.walk(parse_sources()["archives/verify/fixity.py"]) if isinstance(node, ast.Call)]
    kinds = {str(ast.literal_eval(c.args[0])) for c in calls if is_finding(c)} | {*map(str, Damage)}
    kinds |= {"content-length", "shared-member", "block-digest", "payload-digest", *(f"post-{c}" for c in Change)}
    assert len(kinds) > 15
    assert [kind for kind in sorted(kinds) if f"`{kind}`" not in text] == []


def is_finding(call: ast.Call) -> bool:
    is_add = isinstance(call.func, ast.Attribute) and call.func.attr == "add"
    return is_add and len(call.args) > 1 and isinstance(call.args[0], ast.Constant)


# Dependencies


def test_every_dependency_is_explained() -> None:
    text = read("docs/dependencies.md")
    named = re.findall(
        r'^    "([a-z0-9-]+)>=?[^"]*"|^    "(tzdata|types-[a-z-]+)"', read("pyproject.toml"), re.MULTILINE
    )
    names = {first or second for first, second in named}
    assert {"scrapy", "warcio", "tzdata", "ruff"} <= names
    assert [name for name in sorted(names) if f"| {name} |" not in text] == []


def test_constraints_pin_versions_and_nothing_else() -> None:
    lines = read("constraints.txt").splitlines()
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line)] == []
    assert not any(line.lower().startswith("newsreel") for line in lines)
    assert len(lines) > 20


# Every file


def test_no_file_names_a_place_on_one_machine() -> None:
    """Neither an absolute path of a home directory nor the host of a package registry."""
    registries = "|".join(["py" + r"pi\.org", "python" + r"hosted\.org", "npm" + r"js\.org", "crates" + r"\.io"])
    place = re.compile(rf"(?<![\w.:/'\"-])/(?:{'work'}|{'root'}|{'home'}|Users)/\w|{registries}")
    found = []
    for name in list_files():
        try:
            text = (ROOT / name).read_text("utf-8")
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue
        found += [f"{name}: {match[0]}" for match in place.finditer(text)]
    assert not found


def list_files() -> list[str]:
    """The files of the project: those that git tracks and those that it would."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout, so nothing says which files belong to the project")
    command = ["git", "-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()
