"""Exports of posts: one record type, many formats.

| room | makes |
|---|---|
| `records` | `PostRecord`: one finished post with its provenance, and the columns that every table shares |
| `store` | the records of one collection, read lazily from its ledger by source, day and tag |
| `files` | files and folders that are replaced whole or not at all |
| `jsonl`, `csv_table`, `sqlite`, `parquet`, `dataset` | tables |
| `site`, `jekyll`, `hugo` | static sites |
| `feeds` | Atom, RSS, JSON Feed and OPML |
| `documents` | the forms of other standards: ninjs, JSON-LD, CSL-JSON, Singer, search engines |
| `formats` | the formats by name |

A format takes records and knows nothing of where they come from; so one suite of tests holds for all of them.
"""
