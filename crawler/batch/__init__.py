"""Work over a whole archive, divided into shards for several processes.

`shards` says what a shard is and why doing one twice does no harm; `engines` has them done, `jobs` takes them up again;
`reparse`, `verify`, `index` and `export` say what is done with one, and how the parts become one result.
"""
