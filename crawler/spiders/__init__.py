"""The spiders: where a run starts. What they do with a page stands once, in `base`."""
