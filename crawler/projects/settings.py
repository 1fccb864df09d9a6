"""The settings of the project folder that the working directory lies in: ours, its `newsreel.toml`, the environment."""

from __future__ import annotations

from crawler.projects.configuration import load_settings
from crawler.projects.folder import find_folder

globals().update(load_settings(find_folder()))
