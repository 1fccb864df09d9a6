"""One run of a spider: its id, its captures, its manifest, and the manifest of the crawl that it belongs to."""
