"""The spiders. `base` handles pages; the others differ in where they start."""
