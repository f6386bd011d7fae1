"""Replies that speak as another model, or of themselves as one."""
