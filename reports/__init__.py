"""What is written and shown of an audit; knows findings, never a check."""
