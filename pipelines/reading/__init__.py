"""The function from the bytes of one document to statements and links."""
