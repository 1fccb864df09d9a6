"""Make a small data directory by the version in the working directory, to be kept for the tests of later versions.

Usage, in a checkout of that version: python make_data.py FOLDER; then pack FOLDER as `data-DATE.tar.xz` beside this.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from crawler.demo_site import Newspaper

SETTINGS = {
    "RESOLVER_ALLOW": "127.0.0.0/8",
    "AUTOTHROTTLE_ENABLED": "0",
    "DOWNLOAD_DELAY": "0",
    "ROBOTSTXT_OBEY": "0",
    "CLOSESPIDER_PAGECOUNT": "30",
}


def main(folder: Path) -> None:
    folder.mkdir()
    source = folder / "newspaper.toml"
    settings = SETTINGS | {"DATA_DIR": str(folder), "ARCHIVE_LOG_KEY": f"{folder}.key"}
    options = [word for name, value in settings.items() for word in ("-s", f"{name}={value}")]
    with Newspaper() as paper:
        source.write_text(paper.source_toml(), "utf-8")
        for edition in (1, 2):
            paper.publish(edition=edition)
            command = [sys.executable, "-m", "scrapy", "crawl", "category", "-a", f"source={source}", *options]
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
