"""The check `annotators`."""
