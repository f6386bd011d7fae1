"""Reference sets: the benchmarks that a data set must not leak."""
