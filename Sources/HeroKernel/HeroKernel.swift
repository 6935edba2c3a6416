// Rule: the only way to the outside world, described.
//
// Everything outside the memory of the program and its database is reached through `Kernel`: HeroLinux implements it on
// a real machine, HeroSim on a simulated one. Calls never block; their results arrive as events.
