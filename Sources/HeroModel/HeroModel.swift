// Law: every word is defined once, here, and does not know where it came from.
//
// HeroModel holds the nouns of the project: what a manifest says, what a job is, how a process is known.
// It imports nothing, reads no clock and opens no file.
