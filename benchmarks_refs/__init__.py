"""What the reference sets are: the benchmarks that a data set must not give away."""
