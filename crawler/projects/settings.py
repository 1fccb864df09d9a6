"""The settings of the current project folder: defaults, `newsreel.toml`, environment."""

from __future__ import annotations

from crawler.projects.configuration import load_or_exit
from crawler.projects.folder import find_folder

globals().update(load_or_exit(find_folder()))
