"""How long the job takes and how much memory, beside others, each in a fresh process."""
