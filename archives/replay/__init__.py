"""Replays archived pages: finds a capture, decodes it, rewrites its links into the archive.

It knows captures and nothing of what was made of them; what shows more is above it and hands it requests.
"""
