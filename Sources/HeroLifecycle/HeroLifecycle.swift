// Law: one subject, one event, one moment.
//
// A machine here takes an event and the moment it happened, moves, and says what must be done about it. It reads no clock
// and does nothing itself.
