// Law: the real reconciler on a machine of misfortune, judged by the machine's own trace.
//
// A trial is one seed: a random set of services, random edits, crashes of the reconciler between any two steps, killed shims,
// reboots. Manifests are real text, planner, life, store and loop are the real ones; only the kernel is simulated.
