"""The engine: what one turn does, from a message to a reply or a refusal."""
