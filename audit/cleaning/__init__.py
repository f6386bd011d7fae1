"""Copies of data sets without what an audit found: policy, decisions, rewritten files."""
