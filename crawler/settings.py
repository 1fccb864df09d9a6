"""The default settings, with reasons. `docs/settings.md` lists those that may be changed."""

from __future__ import annotations

from scrapy.settings import default_settings

from archives.warc import digests
from crawler.environment import read_environment

NEWSREEL_VERSION = "0.1.0"
BOT_NAME = "newsreel"
SPIDER_MODULES = ["crawler.spiders"]
NEWSPIDER_MODULE = "crawler.spiders"
COMMANDS_MODULE = "crawler.commands"
ADDONS = {"crawler.addon.NewsreelAddon": 100}

# Where data lives: collections/<name>/ and _posts/<name>/ below it.
DATA_DIR = "data"
# COLLECTION = "name" puts every run into one collection; without it each source has its own.

# capture: keep every exchange; off: crawl without an archive.
ARCHIVE_MODE = "capture"
# A WARC file is closed when it has grown beyond this (bytes; the standard advises 1 GB).
ARCHIVE_FILE_BYTES = 1_000_000_000
# A payload that the collection holds already becomes a revisit, which says where it is, instead of a second copy.
ARCHIVE_DEDUPLICATE = True
# A crawl stops, with exit code 3, before fewer bytes than these would be free on the disk of its collection.
ARCHIVE_MIN_FREE_BYTES = 100_000_000
# Authorization, Proxy-Authorization and Cookie values are starred out in stored requests.
ARCHIVE_MASK_SECRETS = True
# The algorithm of the digests in WARC records: sha1, sha256, sha512 or blake3.
ARCHIVE_DIGEST = "sha1"
# A PEM file with the private key that signs the log of each collection's closed files; empty for no log.
ARCHIVE_LOG_KEY = ""
# An authority that time-stamps the log after each run (RFC 3161); empty for none.
ARCHIVE_TIMESTAMP_URL = ""

# Posts that become complete within this time, less where the disk is fast, are written behind one sync of the archive.
POSTS_BATCH_SECONDS = 0.25
# Write no post before the spider closes.
POSTS_HOLD = False

# A run that was interrupted is continued by the next run of the same spider, source and seeds.
FRONTIER_RESUME = True
# redis:// or rediss:// of a frontier that several workers share; better in the environment, as NEWSREEL_FRONTIER_URL.
FRONTIER_URL = ""
# Seconds after which the work of a worker that has fallen silent is given to others.
FRONTIER_LEASE = 60.0

# postgresql:// of a catalogue that several machines share; better in the environment, as NEWSREEL_CATALOGUE_URL.
CATALOGUE_URL = ""

# s3://BUCKET/PREFIX, where `scrapy store` puts closed WARC files; address and credentials are in AWS_… variables.
# An installed distribution may add other schemes.
STORE_URL = ""
# A stored file is removed from this disk this many days after it was closed; None keeps it.
STORE_KEEP_DAYS: float | None = None

# What `scrapy backfill` asks: a CDX server, its replay (by default found beside it), the WARC files that it names.
BACKFILL_CDX = ""
BACKFILL_REPLAY = ""
BACKFILL_WARCS = ""
# Seconds between two of its requests.
BACKFILL_DELAY = 1.0

# Ask only for what has changed since the last capture.
REVALIDATE_ENABLED = True
# An article that was captured first this many days ago is not requested again.
REVALIDATE_DAYS = 7.0

# Crawls that `scrapy schedule` runs at a time.
SCHEDULE_WORKERS = 4
# Seconds between telling a scheduled crawl to stop and killing it: what is under way may take DOWNLOAD_TIMEOUT to end.
SCHEDULE_GRACE = 75.0

# Commands that a schedule runs once a day, beside its crawls: merge, prune.
SCHEDULE_UPKEEP: list[str] = []

# Exports and webhooks that are updated at the end of each run.
EXPORTS_FILE = "exports.toml"
# Seconds between two deliveries of changes to webhooks while a run is in progress; 0 delivers only at its end.
EXPORTS_DELIVER_SECONDS = 60.0
# Receivers that are notified of alerts.
ALERTS_FILE = "alerts.toml"
SEARCHES: dict[str, str] = {}

# An address on loopback, such as "127.0.0.1:9410", at which a running schedule answers /metrics; none by default.
SCHEDULE_METRICS = ""
# A file that each crawl leaves for node_exporter's textfile collector; its name must end in .prom.
METRICS_FILE = ""

# When `scrapy health` raises an alert: so many times the usual interval without a new article,
HEALTH_SILENCE = 5.0
# a field found on less than this part of the usual share of pages,
HEALTH_FIELD_SHARE = 0.5
# more than this part of all pages failed, and three times the usual part.
HEALTH_FAILED_SHARE = 0.1

# Who we are. CONTACT is a URL or an address at which the people behind the crawler can be reached; set it.
CONTACT = ""
ROBOTSTXT_OBEY = True
# Crawl-delay of robots.txt is kept up to so many seconds; 0 passes it over.
ROBOTSTXT_MAX_DELAY = 10.0
# Retry-After is waited for up to so many seconds; a host that wants more is asked again then.
RETRY_AFTER_MAX = 600.0
AUTOTHROTTLE_ENABLED = True
AUTOTHROTTLE_START_DELAY = 1.0
AUTOTHROTTLE_MAX_DELAY = 60.0
AUTOTHROTTLE_TARGET_CONCURRENCY = 1.0
CONCURRENT_REQUESTS = 16
CONCURRENT_REQUESTS_PER_DOMAIN = 4
DOWNLOAD_DELAY = 0.25
RETRY_TIMES = 2
# Scrapy's, without the one of its own HTTP client, which would be loaded to be named here.
RETRY_EXCEPTIONS = [
    error
    for error in default_settings.RETRY_EXCEPTIONS
    if error != "scrapy.core.downloader.handlers.http11.TunnelError"
]
# News sites set cookies on everybody and need none.
COOKIES_ENABLED = False

# Archived brotli and zstd replay hardly anywhere, so they are not requested; measured in docs/design.md.
DEFAULT_REQUEST_HEADERS = {
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "*",
    "Accept-Encoding": "gzip, deflate",
}

# Least power: Scrapy as shipped verifies no certificate, opens control ports and reads local files.
DOWNLOAD_VERIFY_CERTIFICATES = True
DOWNLOAD_MAXSIZE = 32 * 1024 * 1024
DOWNLOAD_WARNSIZE = 0
DOWNLOAD_TIMEOUT = 60.0
# Seconds of DOWNLOAD_TIMEOUT that a connection may take to stand, and in which nothing may come.
DOWNLOAD_CONNECT_TIMEOUT = 15.0
DOWNLOAD_IDLE_TIMEOUT = 30.0
# A PEM file, or a folder of hashed ones, of authorities to trust instead of the system's.
DOWNLOAD_TLS_TRUST_STORE = ""
# Host to the PEM file of certificate and key by which we show who we are, or to [certificate file, key file].
DOWNLOAD_TLS_CLIENT_CERTIFICATES: dict[str, str | list[str]] = {}
# What docs/limits.md lists; 0 sets no bound. The head of a response, interim responses included.
BOUNDS_HEAD_BYTES = 300 * 1024
# A response whose content coding is undone; Scrapy bounds it by DOWNLOAD_MAXSIZE as well.
BOUNDS_DECODED_BYTES = 32 * 1024 * 1024
# Bytes of responses on their way or not yet read; beyond it large ones wait.
BOUNDS_HELD_BYTES = 24 * 1024 * 1024
# Processor time for reading one page: a net for rules that never end. What counts otherwise is work, not time.
BOUNDS_PAGE_SECONDS = 20.0
# How many links are between a seed and a page at most, pages of a listing that follow each other included.
BOUNDS_HOPS = 1_000
# Requests to one host, and to all hosts, in one run.
BOUNDS_HOST_PAGES = 100_000
BOUNDS_RUN_PAGES = 1_000_000
# A crawl that needs more memory ends; the next run continues it. Scrapy looks only once a minute.
MEMUSAGE_LIMIT_MB = 2048
MEMUSAGE_CHECK_INTERVAL_SECONDS = 5.0
TELNETCONSOLE_ENABLED = False
REMOTE_CONTROL_ENABLED = False
# Not even loaded, as it would be to be switched off by EXTENSIONS: it brings in an HTTP server.
EXTENSIONS_BASE = {
    name: order for name, order in default_settings.EXTENSIONS_BASE.items() if not name.endswith(".RemoteControl")
}
# Networks that may be crawled although they are not public, such as ["10.0.0.0/8"].
RESOLVER_ALLOW: list[str] = []

# Pages that are open in a browser at a time, for sources with [render].
RENDER_CONCURRENCY = 2
# Megabytes that the scripts of a page may hold there; 0 sets no limit.
RENDER_MEMORY_MB = 1024
# Path of the browser; without one Chromium is looked for.
RENDER_BROWSER = ""
# Further flags for it, for those who look for a fault.
RENDER_FLAGS: list[str] = []

# Scrapy starts this many tasks for every response; its default of 100 is a quarter of a crawl's CPU time.
CONCURRENT_ITEMS = 4

# How a crawl shows itself: a bar on a terminal and plain lines in a pipe (auto), bar, lines, json, off.
PROGRESS_FORMAT = "auto"
# Seconds between two lines, or two progress events.
PROGRESS_INTERVAL = 30.0
# Our own lines say more.
LOGSTATS_INTERVAL = 0

# Settings that have one of a few values.
choices = {
    "ARCHIVE_DIGEST": digests.WRITTEN,
    "ARCHIVE_MODE": ("capture", "off"),
    "LOG_LEVEL": ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
    "PROGRESS_FORMAT": ("auto", "bar", "lines", "json", "off"),
}
# Numbers that must be at least this; all others of ours must not be negative.
least = {
    "ARCHIVE_FILE_BYTES": 1,
    "CONCURRENT_ITEMS": 1,
    "CONCURRENT_REQUESTS": 1,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 1,
    "RENDER_CONCURRENCY": 1,
    "SCHEDULE_WORKERS": 1,
    "STORE_KEEP_DAYS": 0,
}

# NEWSREEL_DATA_DIR=/srv/news in the environment sets DATA_DIR, and so on for every setting above.
defaults = {_name: _value for _name, _value in list(globals().items()) if _name.isupper()}
globals().update(read_environment(defaults))
