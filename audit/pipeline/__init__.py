"""The steps of one audit: first stages in one pass, later stages on shuffled rows, then evidence."""
