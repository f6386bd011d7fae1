"""`python -m chataudit`: the command, where its folder is not on the PATH."""

from .audit.commands.app import main

main()
