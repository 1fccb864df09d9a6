"""Make a small data directory by the version in the working directory, to be kept for the tests of later versions.

Usage, in a checkout of that version: python make_data.py FOLDER; then pack FOLDER as `data-DATE.tar.xz` beside this.
"""

from __future__ import annotations

import os
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
# Nobody listens there, so deliveries wait.
EXPORTS = """
[[webhook]]
url = "http://127.0.0.1:9/posts"
secret_env = "NEWSREEL_SECRET"
"""


def main(folder: Path) -> None:
    folder.mkdir()
    source, exports = folder / "newspaper.toml", folder / "exports.toml"
    exports.write_text(EXPORTS, "utf-8")
    settings = SETTINGS | {"DATA_DIR": str(folder), "ARCHIVE_LOG_KEY": f"{folder}.key", "EXPORTS_FILE": str(exports)}
    os.environ["NEWSREEL_SECRET"] = "secret"
    options = [word for name, value in settings.items() for word in ("-s", f"{name}={value}")]
    with Newspaper() as paper:
        source.write_text(paper.source_toml() + '\n[schedule]\nevery = "30m"\n', "utf-8")
        for edition in (1, 2):
            paper.publish(edition=edition)
            command = [sys.executable, "-m", "scrapy", "crawl", "category", "-a", f"source={source}", *options]
            subprocess.run(command, check=True)
        command = [sys.executable, "-m", "scrapy", "schedule", "--once", "--sources", str(source), *options]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
