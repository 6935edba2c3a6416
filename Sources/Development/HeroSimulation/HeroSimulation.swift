// Rule: the real reconciler on a simulated machine with faults, checked by the trace of the machine.
//
// A simulation run follows from one seed: a random set of services, random edits, crashes of the reconciler between any
// two steps, killed shims, and reboots. The manifests are real text. Planner, lifecycles, database and loop are the
// real ones; only the kernel is simulated.
