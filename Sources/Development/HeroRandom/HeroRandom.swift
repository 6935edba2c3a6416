// Rule: one seed, one stream of numbers; no clock, no environment.
//
// HeroRandom holds the only seeded generator of the package. The simulation, the fuzzer and the tests share it, so that
// a seed printed by a failed run always replays that run.
