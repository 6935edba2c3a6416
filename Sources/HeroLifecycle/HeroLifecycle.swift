// Rule: one subject, one event, one moment.
//
// A state machine in this module receives one event and the time at which it is handled. It changes its state and
// returns the effects that the reconciler must carry out. It reads no clock and does nothing itself.
