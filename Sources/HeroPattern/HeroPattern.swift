// Law: a pattern is matched in time that is linear in the text.
