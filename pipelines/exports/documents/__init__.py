"""Posts in the forms of other standards: for newsrooms, bibliographies, search engines and pipelines of data."""
