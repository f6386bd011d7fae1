"""Arrow columns as NumPy arrays, and tables mapped from disk."""
