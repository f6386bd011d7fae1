"""Kernels in NumPy and Python, for installations without a C compiler: the same values, several times slower.

Their docstrings define what both forms return.
"""
