"""The rules of the house, proved from the source text: who may import whom, and how large a module may grow."""

from __future__ import annotations

import ast
import sys
from collections import Counter
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

import pytest

from tests.project import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGES = ("archives", "pipelines", "crawler")
MAX_LINES = 450
MAX_MODULES = 14
FORBIDDEN_NAMES = frozenset({"utils", "misc", "helpers", "common"})
STANDARD = frozenset(sys.stdlib_module_names)

# What a package may import at the top of a module, beside the standard library and itself.
ALLOWED = {
    "archives": frozenset({"jinja2", "warcio", "webencodings"}),
    "pipelines": frozenset(
        ["babel", "chardet", "cssselect", "dateutil", "hijridate", "jmespath", "lxml", "msgspec", "nh3", "persiantools"]
    )
    | frozenset(["pypinyin", "trafilatura", "w3lib", "webencodings"]),
}
# What it may import inside a function, because it does without where it is not installed.
OPTIONAL = {
    "archives": frozenset({"isal", "brotli", "backports", "cryptography", "rfc3161_client"})
    | frozenset({"boto3", "botocore", "psycopg", "pyarrow"}),
    "pipelines": frozenset({"pyarrow"}),
}
SCRAPY = frozenset({"scrapy", "itemadapter", "twisted"})
SCRAPY_MODULES = frozenset({"pipelines.stages", "pipelines.exporters"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One imported module: `names` are those taken from it, which may be modules themselves."""

    module: str
    names: tuple[str, ...] = ()
    line: int
    is_deferred: bool
    is_for_types: bool

    @property
    def root(self) -> str:
        return self.module.partition(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One source file of a package."""

    name: str
    path: Path
    imports: tuple[Import, ...]

    @property
    def package(self) -> str:
        return self.name.partition(".")[0]


@cache
def load_modules() -> dict[str, Module]:
    modules = [load_module(path) for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return {module.name: module for module in modules}


def load_module(path: Path) -> Module:
    parts = path.relative_to(ROOT).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    tree = ast.parse(path.read_text("utf-8"), str(path))
    return Module(name=name, path=path, imports=tuple(iter_imports(tree)))


def iter_imports(tree: ast.AST, *, is_deferred: bool = False, is_for_types: bool = False) -> Iterator[Import]:
    for node in ast.iter_child_nodes(tree):
        deferred = is_deferred or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        typing = is_for_types or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
        found: list[tuple[str, tuple[str, ...]]] = []
        if isinstance(node, ast.Import):
            found = [(alias.name, ()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in line {node.lineno}; write the package's name"
            found = [(node.module or "", tuple(alias.name for alias in node.names))]
        for name, names in found:
            yield Import(module=name, names=names, line=node.lineno, is_deferred=deferred, is_for_types=typing)
        yield from iter_imports(node, is_deferred=deferred, is_for_types=typing)


def iter_targets(entry: Import) -> Iterator[str]:
    """Our own modules that an import loads: the module named, and each name taken from it that is a module."""
    modules = load_modules()
    submodules = [name for name in entry.names if f"{entry.module}.{name}" in modules]
    if entry.module in modules and (len(submodules) < len(entry.names) or not entry.names):
        yield entry.module
    yield from (f"{entry.module}.{name}" for name in submodules)


def list_strangers(module: Module) -> list[str]:
    allowed = ALLOWED[module.package] | STANDARD | {module.package}
    if module.name in SCRAPY_MODULES:
        allowed |= SCRAPY
    optional = OPTIONAL.get(module.package, frozenset())
    return [
        f"{module.path.name}:{entry.line} imports {entry.module}"
        for entry in module.imports
        if entry.root not in allowed and not (entry.is_deferred and entry.root in optional)
    ]


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_a_river_imports_only_what_it_may(package: str) -> None:
    """Imports for types count, too: a package that names another's type knows it."""
    strangers = [line for m in load_modules().values() if m.package == package for line in list_strangers(m)]
    assert not strangers, f"{package} may not know these:\n" + "\n".join(strangers)


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_the_rivers_know_neither_each_other_nor_the_crawler(package: str) -> None:
    others = set(PACKAGES) - {package}
    crossing = [
        f"{module.name} imports {entry.module}"
        for module in load_modules().values()
        if module.package == package
        for entry in module.imports
        if entry.root in others
    ]
    assert not crossing


def test_commands_are_leaves() -> None:
    """What a command does must be reachable without the command, so nobody imports one but its siblings."""
    leaning = [
        f"{module.name} imports {target}"
        for module in load_modules().values()
        for entry in module.imports
        for target in iter_targets(entry)
        if is_leaf(target) and not (is_leaf(module.name) and module.package == target.partition(".")[0])
    ]
    assert not leaning


def is_leaf(name: str) -> bool:
    return name.startswith("crawler.commands.") or name.endswith(".__main__")


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_inside_a_package_run_one_way(package: str) -> None:
    """Imports for types count, too."""
    graph = {
        name: {
            target
            for entry in module.imports
            for target in iter_targets(entry)
            if target != name and target.partition(".")[0] == package
        }
        for name, module in load_modules().items()
        if module.package == package
    }
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail("import cycle: " + " <- ".join(error.args[1]))


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_between_rooms_run_one_way(package: str) -> None:
    """A folder of a package is a room: who reads one need not have read those that stand upon it.

    Imports for types count, too: a room that names another's type cannot be understood without it.
    """
    modules = load_modules()
    rooms = list_rooms()

    def find_room(name: str) -> str:
        room = ".".join(name.split(".")[:2])
        return room if room in rooms else name

    graph: dict[str, set[str]] = {}
    for name, module in modules.items():
        if module.package == package:
            targets = {find_room(target) for entry in module.imports for target in iter_targets(entry)}
            graph.setdefault(find_room(name), set()).update(targets - {find_room(name)})
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail("rooms lean on one another: " + " <- ".join(error.args[1]))


def list_rooms() -> set[str]:
    return {name for name, module in load_modules().items() if module.path.name == "__init__.py"}


def test_a_room_holds_about_a_dozen_modules() -> None:
    sizes = Counter(name.rpartition(".")[0] for name in load_modules().keys() - list_rooms())
    del sizes["crawler.commands"]  # Scrapy looks for commands in one folder
    full = {room: size for room, size in sizes.items() if size > MAX_MODULES}
    assert not full, f"more than {MAX_MODULES} modules, make rooms of them: {full}"


@pytest.mark.parametrize("package", PACKAGES)
def test_modules_stay_small(package: str) -> None:
    lines = {m.name: len(m.path.read_text("utf-8").splitlines()) for m in load_modules().values()}
    large = {name: count for name, count in lines.items() if name.startswith(package) and count > MAX_LINES}
    assert not large, f"longer than {MAX_LINES} lines, split them: {large}"


def test_no_module_is_named_for_having_no_subject() -> None:
    named = [name for name in load_modules() if FORBIDDEN_NAMES & set(name.split("."))]
    assert not named, f"name them after the noun they serve: {named}"


def test_every_package_is_looked_at() -> None:
    """The other tests would pass over an empty list."""
    assert {module.package for module in load_modules().values()} == set(PACKAGES)
    assert sum(len(module.imports) for module in load_modules().values()) > 100


SOURCE = """
import os
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from pathlib import Path
def f():
    from isal import isal_zlib
"""


def test_imports_are_seen_where_they_stand() -> None:
    seen = [(entry.module, entry.is_deferred, entry.is_for_types) for entry in iter_imports(ast.parse(SOURCE))]
    assert seen == [
        ("os", False, False),
        ("typing", False, False),
        ("pathlib", False, True),
        ("isal", True, False),
    ]
