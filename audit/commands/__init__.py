"""The subcommands of `chataudit`, one module per group."""
