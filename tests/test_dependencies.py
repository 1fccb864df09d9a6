"""What must be installed is what `docs/dependencies.md` says, and none of it obliges its users to publish."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, metadata, requires

from packaging.markers import default_environment
from packaging.requirements import Requirement

from tests.project import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PAGE = (ROOT / "docs/dependencies.md").read_text("utf-8")
_COPYLEFT = re.compile(r"\bA?GPL|General Public License(?! v?\d* ?\(LGPL)", re.IGNORECASE)


def normalise_name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def list_required() -> set[str]:
    """Every package that installing ours brings in, extras aside, as the installed packages state it."""
    wanted = [Requirement(text) for text in PROJECT["dependencies"]]
    found: set[str] = set()
    environment = {**default_environment(), "extra": ""}
    while wanted:
        requirement = wanted.pop()
        name = normalise_name(requirement.name)
        if name in found or (requirement.marker and not requirement.marker.evaluate(environment)):
            continue
        found.add(name)
        wanted += [Requirement(text) for text in requires(name) or ()]
    return found


def test_every_required_package_is_documented_and_no_other() -> None:
    table = PAGE.split("## Required")[1].split("\n## ")[0]
    documented = set(re.findall(r"^\| ([a-z][\w.-]*) \|", table, re.MULTILINE)) - {"package"}
    assert documented == {normalise_name(Requirement(text).name) for text in PROJECT["dependencies"]}


def test_no_required_package_is_under_the_gpl_alone() -> None:
    required = list_required()
    assert {"scrapy", "twisted", "lxml"} <= required
    bad = {}
    for name in required:
        about = metadata(name)
        stated = [about.get("License-Expression") or "", (about.get("License") or "")[:200]]
        stated += [text for text in about.get_all("Classifier") or () if text.startswith("License")]
        if any(all(map(_COPYLEFT.search, text.split(" OR "))) for text in stated if text):
            bad[name] = stated
    assert not bad


def test_the_constraints_pin_all_of_it() -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pinned = {normalise_name(line.split("==")[0]) for line in lines if "==" in line}
    assert [name for name in sorted(list_required()) if name not in pinned and is_installed(name)] == []


def is_installed(name: str) -> bool:
    try:
        metadata(name)
    except PackageNotFoundError:
        return False
    return True
