"""Shows archived pages again: finds a capture, decodes it, rewrites its links into the archive, answers.

It knows captures and nothing of what was made of them; what shows more stands above it and hands it requests.
"""
