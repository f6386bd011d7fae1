"""Replies written with little effort."""
