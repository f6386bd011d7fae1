"""A made-up release with one fault of every rule, and made-up benchmarks."""
