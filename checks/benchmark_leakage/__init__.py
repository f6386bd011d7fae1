"""The check `benchmark_leakage`."""
