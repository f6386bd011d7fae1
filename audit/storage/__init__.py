"""Rows and checkpoints of a running audit, on disk."""
