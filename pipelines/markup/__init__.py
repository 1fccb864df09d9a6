"""The body of an article as safe HTML, Markdown or plain text."""
