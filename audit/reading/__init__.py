"""Data files to batches of whole conversation trees: which files, which format, which lines."""
