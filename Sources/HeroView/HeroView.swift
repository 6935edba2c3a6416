// Rule: values in, text out; it never prints.
//
// A view renders values of other modules as text or JSON. The current time, the width of the terminal and its colors
// are arguments, because no view reads a clock, a file or the environment.
// Untrusted text (names, errors, excerpts, log lines) is escaped before it reaches a terminal.
