// Law: values in, text out; it never prints.
//
// A view takes what another module decided or saw, and answers with text or JSON. The moment, the width of the
// terminal and whether it has colours are arguments: nothing here reads a clock, a file or the environment.
// Whatever comes from outside (names, errors, excerpts, log lines) is made harmless for a terminal on its way out.
