"""The rules of a source definition: kinds of links, expressions, parsers."""
