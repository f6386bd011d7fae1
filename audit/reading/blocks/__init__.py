"""Files cut into blocks of whole records, each with its place in the file."""
