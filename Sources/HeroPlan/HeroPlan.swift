// Rule: compute what must change and why; touch nothing.
//
// `DesiredState` and `Observed` are the inputs, a `Plan` is the result. `PlanInvariants` verifies any plan without
// knowledge of how it was made.
