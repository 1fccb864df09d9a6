"""WACZ packages: packing a collection, reading, validating and signing a package."""
