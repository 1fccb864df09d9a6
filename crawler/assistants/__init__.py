"""The archive for assistants: what they may ask, and answers that can be checked."""
