"""The check `prompt_parroting`."""
