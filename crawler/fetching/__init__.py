"""How a page comes over the wire: what is captured, which bounds hold it, which addresses may be asked."""
