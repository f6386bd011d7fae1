"""Engines that map a function over items: in one thread, in many, in processes, or on a Ray cluster."""
