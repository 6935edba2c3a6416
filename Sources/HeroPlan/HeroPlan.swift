// Law: say what must change and why; touch nothing.
//
// Desired and observed go in as values, a Plan comes out. `PlanLaws` judges any plan without knowing how it was made.
