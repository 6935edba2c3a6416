// Law: a whole machine made from one number.
//
// Time, pids, shims, programs and misfortune live in memory and follow from a seed, so that a failure is replayed exactly. The
// machine outlives the reconciler that looks at it, and keeps a trace of its own to judge it by.
