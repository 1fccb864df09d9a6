"""Finding captures: CDXJ lines, a sidecar for each WARC file, the catalogue of a collection, ZipNum blocks."""
