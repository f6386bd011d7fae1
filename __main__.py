"""`python -m chataudit`: the command, where its folder is not on the PATH."""

from .audit.cli import main

main()
