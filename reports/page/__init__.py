"""The HTML report and its short form in Markdown."""
