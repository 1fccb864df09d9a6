"""Posts in the formats of other standards: for newsrooms, bibliographies, search engines and data pipelines."""
