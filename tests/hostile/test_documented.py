"""`docs/limits.md` names what there is: each setting, constant and statistic of it is looked up."""

from __future__ import annotations

import re

import pytest
from scrapy.settings import default_settings

from crawler import settings
from tests.project import ROOT

PAGE = (ROOT / "docs/limits.md").read_text("utf-8")
FILES = [path for name in ("archives", "crawler", "pipelines") for path in (ROOT / name).rglob("*.py")]
CODE = "\n".join(path.read_text("utf-8") for path in FILES)
ROWS = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in PAGE.splitlines() if line.startswith("| ")]


def list_named(pattern: str) -> list[str]:
    return sorted(set(re.findall(pattern, PAGE)))


@pytest.mark.parametrize("name", list_named(r"`([A-Z]+_[A-Z_]+)`"))
def test_a_name_in_capitals_is_a_setting_or_a_constant(name: str) -> None:
    is_setting = hasattr(settings, name) or hasattr(default_settings, name)
    assert is_setting or re.search(rf"^{name}(?:: \w+)? =", CODE, re.MULTILINE)


@pytest.mark.parametrize("name", list_named(r"`bounds/([a-z_]+)`"))
def test_a_statistic_is_counted(name: str) -> None:
    assert f'"{name}"' in CODE or f'"bounds/{name}"' in CODE


def test_every_bound_that_is_counted_is_in_the_page() -> None:
    ours = (ROOT / "crawler/fetching/limits.py").read_text("utf-8") + (ROOT / "pipelines/page/limits.py").read_text(
        "utf-8"
    )
    counted = re.findall(r'PageRefused\(\s*"(\w+)"|inc_value\("bounds/(\w+)"\)', ours)
    own = {name for names in counted for name in names if name}
    assert len(own) >= 6
    assert [name for name in sorted(own) if f"bounds/{name}`" not in PAGE] == []


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("BOUNDS_HEAD_BYTES", 300 * 1024),
        ("DOWNLOAD_MAXSIZE", 32 * 1024 * 1024),
        ("BOUNDS_DECODED_BYTES", 32 * 1024 * 1024),
        ("BOUNDS_HELD_BYTES", 24 * 1024 * 1024),
        ("BOUNDS_PAGE_SECONDS", 20.0),
        ("BOUNDS_HOPS", 1_000),
        ("BOUNDS_HOST_PAGES", 100_000),
        ("BOUNDS_RUN_PAGES", 1_000_000),
        ("DOWNLOAD_TIMEOUT", 60),
    ],
)
def test_the_page_gives_the_values(name: str, shown: float) -> None:
    assert getattr(settings, name) == shown
    number = {300 * 1024: "300 KiB", 5.0: "5 s", 60: "60 s"}.get(shown) or (
        f"{int(shown) // 1024**2} MiB" if name.endswith(("BYTES", "SIZE")) else f"{int(shown):,}"
    )
    assert any(number in row[1] and f"`{name}`" in row[2] for row in ROWS if len(row) == 4)
