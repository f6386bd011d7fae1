"""Reads, runs and tells: the only room where all parts meet."""
