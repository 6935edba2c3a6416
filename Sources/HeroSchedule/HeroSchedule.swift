// Law: times in, times out; a schedule is computed and nothing waits for it.
