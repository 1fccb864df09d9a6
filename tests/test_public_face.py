"""What a user imports from the packages themselves: documented, typed, and imported only when it is requested."""

from __future__ import annotations

import ast
import importlib
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from archives import Collection, CollectionIndex
from crawler import Library
from tests.project import ROOT, Data
from tests.test_extending import write_example

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

PACKAGES = ("archives", "pipelines", "crawler")
LIBRARY = (ROOT / "docs/library.md").read_text("utf-8")
EXTENDING = (ROOT / "docs/extending.md").read_text("utf-8")
SNIPPETS = re.findall(r"^```python\n(.*?)^```$", LIBRARY, re.MULTILINE | re.DOTALL)
ARTICLE = """<html><body><small>(GMT+8, Asia/Shanghai, CST) 2022-02-18 10:21:11</small>
<h1>大桥今日通车</h1><p>跨江大桥星期一正式通车，比原计划晚了两年，费用也比当初的预算增加了一倍。</p>
<a href="http://finews.zning.xyz/html_News/NewsShare.html?infoCode=NW202202182281041355">x</a></body></html>"""
# What a type checker must say of the pages' code: extensions are what the protocols ask for.
PROTOCOLS = """
from collections.abc import Callable
from archives import Storage
from newsreel_courier import Courier
from newsreel_disk import Disk
from newsreel_headlines import Headlines
from newsreel_plain import Plain
from pipelines import Exporter, Normaliser, Reader
exporter: Exporter = Headlines()
storage: Callable[[str], Storage] = Disk
reader: Reader = Courier()
normaliser: Normaliser = Plain()
"""


def load_package(name: str) -> ModuleType:
    return importlib.import_module(name)


def find_imports(name: str) -> dict[str, str]:
    """The public names as a type checker sees them: name to module."""
    tree = ast.parse((ROOT / name / "__init__.py").read_text("utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    return {
        alias.name: str(node.module) for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }


@pytest.mark.parametrize("name", PACKAGES)
def test_people_and_type_checkers_see_the_same_names(name: str) -> None:
    package = load_package(name)
    assert find_imports(name) == package._HOMES
    assert sorted(package._HOMES) == sorted(package.__all__)
    for public in package.__all__:
        assert getattr(package, public) is getattr(importlib.import_module(package._HOMES[public]), public)
    assert set(package.__all__) <= set(dir(package))
    with pytest.raises(AttributeError, match=f"module '{name}' has no attribute 'nothing'"):
        _ = package.nothing


@pytest.mark.parametrize("name", PACKAGES)
def test_every_public_name_is_documented_and_no_other(name: str) -> None:
    public = set(load_package(name).__all__)
    text = LIBRARY + EXTENDING
    assert [entry for entry in sorted(public) if not re.search(rf"`(?:{name}\.)?{entry}`", text)] == []
    table = LIBRARY.split(f"| from `{name}` |")[1].split("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert {entry for row in rows for entry in re.findall(r"`(\w+)`", row)} == public
    assert set(re.findall(rf"`{name}\.([A-Z]\w+)`", text)) <= public


@pytest.mark.parametrize("name", PACKAGES)
def test_importing_a_package_imports_nothing_of_it(name: str) -> None:
    script = (
        f"import sys, {name}; print(sorted(m for m in sys.modules if m.startswith('{name}.')), 'lxml' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[] False\n"


def test_what_was_documented_before_still_works_and_warns() -> None:
    with pytest.warns(DeprecationWarning, match="use 'from crawler import Library'"):
        former = importlib.import_module("crawler.downstream.library")
    assert former.Library is Library


# Installed


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages as the build makes them, with their data and nothing else."""
    pytest.importorskip("setuptools", reason="setuptools is not installed, so the package cannot be built")
    folder = tmp_path_factory.mktemp("installed")
    steps = ["egg_info", "--egg-base", str(folder), "build", "--build-base", str(folder / "build")]
    script = (
        f"import setuptools; setuptools.setup(script_args={[*steps, 'build_py', '--build-lib', str(folder / 'lib')]})"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "lib"


def test_a_users_code_is_type_checked_against_the_installed_packages(installed: Path, tmp_path: Path) -> None:
    """Every example of both pages, and the three lines with what they must reveal."""
    pytest.importorskip("mypy", reason="mypy is not installed")
    for number, snippet in enumerate(SNIPPETS):
        (tmp_path / f"snippet_{number}.py").write_text(snippet, "utf-8")
    write_example(tmp_path)
    (tmp_path / "protocols.py").write_text(PROTOCOLS, "utf-8")
    (tmp_path / "revealed.py").write_text(
        "from crawler import Library\n"
        'for post in Library("data").posts():\n'
        "    reveal_type(post.headline)\n"
        "    reveal_type(post.datePublished)\n"
        '    reveal_type(Library("data").capture(post).payload)\n'
        'for post in Library("data").changes(since="start"):\n'
        "    reveal_type(post.change)\n"
        "import archives\n"
        "archives.nothing\n",
        "utf-8",
    )
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--python-version",
            "3.11",
            *sorted(map(str, tmp_path.glob("*.py"))),
        ],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    revealed = [line.rpartition('type is "')[2].rstrip('"') for line in done.stdout.splitlines() if "revealed" in line]
    assert revealed[:3] == ["str", "datetime.datetime | None", "bytes"], done.stdout
    assert revealed[3] == "pipelines.exports.records.Change | None"
    assert 'Module has no attribute "nothing"' in revealed[4]
    assert "Found 1 error in 1 file" in done.stdout, done.stdout


# The examples


def test_the_examples_run(tmp_path: Path) -> None:
    """Each on an empty data directory; the writer's capture is then found and read."""
    (tmp_path / "data" / "collections" / "finews").mkdir(parents=True)
    (tmp_path / "page.html").write_text(ARTICLE, "utf-8")
    assert len(SNIPPETS) == 6
    for snippet in SNIPPETS:
        done = subprocess.run(
            [sys.executable, "-c", snippet],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert ("settle(" in snippet) == ("大桥今日通车 2022-02-18 10:21:11+08:00" in done.stdout), done.stdout
    mine = Library(tmp_path / "data").collections["mine"]
    assert mine.path == Data(tmp_path / "data").collection("mine")
    with CollectionIndex(Collection(mine.path)) as index:
        assert [entry.url for entry in index.iter_entries()] == ["http://news.example/"]
