// Rule: a pattern is matched in time that is linear in the text.
//
// HeroPattern holds the regular expressions of `log` probes. It imports nothing.
