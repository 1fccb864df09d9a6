"""Rendering pages in a browser that reaches the network only through our proxy."""
