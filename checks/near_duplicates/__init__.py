"""The check `near_duplicates`."""
