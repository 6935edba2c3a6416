// Rule: every change that must survive a crash is stored before the reconciler acts on it.
//
// One connection writes, batch by batch, and a batch is durable when `commit` returns. The database is the record of
// past and desired state. The actual state of processes comes from the kernel and the run directory, from which a lost
// database can be rebuilt while services run.
