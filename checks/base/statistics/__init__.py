"""Confidence intervals, and agreement with human labels."""
