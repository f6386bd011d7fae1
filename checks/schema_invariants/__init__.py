"""The check `schema_invariants`."""
