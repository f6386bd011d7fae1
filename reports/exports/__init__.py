"""Records in the formats of other tools: CI systems, code scanners, Great Expectations, spreadsheets."""
