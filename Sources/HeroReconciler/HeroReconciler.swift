// Rule: look, think, record, act: in this order, in every turn.
//
// The reconciler brings the machine to the state that the last revision declares and keeps it there. It can be killed
// at any moment: it stores an intention before it acts, and a new reconciler continues from the database and the kernel
// alone.
