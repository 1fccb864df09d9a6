"""The files of a new project folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from archives.storage.files import write_file
from crawler.projects.folder import CONFIGURATION, SOURCES

if TYPE_CHECKING:
    from pathlib import Path

_CONFIGURATION: Final = """\
# Settings of this folder, by the names of Newsreel's and Scrapy's settings. Each can also be set in the environment
# (NEWSREEL_DATA_DIR=/srv/news) and on the command line (-s DATA_DIR=/srv/news), which ranks highest.
# Paths count from this folder.

# Where captures and posts go.
DATA_DIR = "data"

# A URL or an e-mail address at which publishers can reach you; crawlers that name none are blocked first.
# CONTACT = "https://example.org/our-crawler"

# Files and webhooks that are updated at the end of each run.
# EXPORTS_FILE = "exports.toml"

# Receivers that are notified of alerts by webhook, mail or command.
# ALERTS_FILE = "alerts.toml"

# Saved searches; an [[alert]] with searches = ["ferries"] in alerts.toml is sent the new posts that they find.
# SEARCHES = { ferries = "ferry OR tram", glaciers = "title:glacier lang:de" }

# Seconds between two requests to one host, where a source does not say.
# DOWNLOAD_DELAY = 0.25

# Once a day `newsreel schedule` joins small WARC files and removes what is beyond the limits in [keep] of definitions.
SCHEDULE_UPKEEP = ["merge", "prune"]

# A captured WARC file is closed when it has grown beyond so many bytes.
# ARCHIVE_FILE_BYTES = 1_000_000_000
"""
_SETTINGS: Final = '''\
"""What `scrapy` reads here: the settings of Newsreel, with those of newsreel.toml beside this file."""

from pathlib import Path

from crawler.projects.configuration import load_or_exit

globals().update(load_or_exit(Path(__file__).resolve().parent))
'''
_FILES: Final = {
    CONFIGURATION: _CONFIGURATION,
    "scrapy.cfg": "[settings]\ndefault = newsreel_settings\n",
    "newsreel_settings.py": _SETTINGS,
    ".gitignore": "/data/\n__pycache__/\n",
}


def make_project(folder: Path) -> list[Path]:
    """Make a project folder, or what one lacks; what is there already stays as it is.

    Returns:
        What was made.

    Raises:
        OSError: the folder cannot be written.
    """
    made = []
    if not (folder / SOURCES).is_dir():
        (folder / SOURCES).mkdir(parents=True)
        made.append(folder / SOURCES)
    for name, text in _FILES.items():
        path = folder / name
        if not path.exists():
            write_file(path, text.encode())
            made.append(path)
    return made
