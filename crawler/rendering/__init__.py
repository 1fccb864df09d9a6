"""Pages that scripts draw: opened in a browser that reaches the network only through us, and kept as it shows them."""
