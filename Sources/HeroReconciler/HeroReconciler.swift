// Law: look, think, act, record: in that order, for ever.
//
// The reconciler brings the machine to what the last revision declares and keeps it there. It can be killed at any
// instant: what it intends is stored before it is done, and the next one goes on from records and kernel alone.
