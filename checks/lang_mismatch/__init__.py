"""The check `lang_mismatch`."""
