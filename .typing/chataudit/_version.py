"""The version of chataudit, in a module that imports nothing: any floor may read it."""

__version__ = "0.1.0"
