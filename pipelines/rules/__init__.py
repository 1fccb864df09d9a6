"""What the definition of a source says about its pages: kinds of links, expressions, parsers."""
