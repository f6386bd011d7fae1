"""Texts as tokens, and languages by their tags and scripts."""
