"""Distributions as `pip install --target` would leave them: a module, and the metadata that says what it offers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def write_distribution(
    folder: Path, name: str, modules: Mapping[str, str], offers: Mapping[str, Mapping[str, str]], *, summary: str = ""
) -> None:
    """Write version 1 of a distribution to a folder; who has the folder on the path has it installed.

    Args:
        modules: the text of each, by name.
        offers: group to the entry points in it.
    """
    about = folder / f"{name.replace('-', '_')}-1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\nSummary: {summary}\n", "utf-8")
    lines = [
        line
        for group, entries in offers.items()
        for line in (f"[{group}]", *(f"{entry} = {value}" for entry, value in entries.items()))
    ]
    (about / "entry_points.txt").write_text("\n".join(lines) + "\n", "utf-8")
    for module, text in modules.items():
        (folder / f"{module}.py").write_text(text, "utf-8")
