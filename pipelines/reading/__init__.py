"""What a capture states: the function from the bytes of one document to statements and links."""
