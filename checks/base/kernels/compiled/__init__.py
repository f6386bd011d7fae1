"""Kernels in Cython: one module per module of `plain`, with the same functions and the same values.

Their docstrings are in `plain`. Comments here say how a kernel works and how fast it is.
"""
