"""One file per check. The registry walks this package, so a new file is all that a new check needs."""
