// Rule: a complete machine that follows from one seed.
//
// Time, process IDs, shims, programs and faults are simulated in memory and follow from a seed, so that a failure can
// be replayed exactly. The machine outlives each reconciler, and keeps a trace of its own by which the reconciler is
// checked.
