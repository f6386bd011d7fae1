"""What every check is made of: messages, findings, stages."""
