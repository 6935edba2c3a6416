import ArgumentParser
import HeroManifest
import HeroPlan
import HeroView

/// Shows the plan and touches nothing.
struct Diff: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what an apply would do, and why; touch nothing.",
        discussion: """
            Compares the manifests with what really runs. It takes no lock, makes no file and needs no reconciler.

            EXAMPLES:
              heroproc diff                      what would change?
              heroproc diff -v                   what stays, too, and every field
              heroproc diff -o json | jq .summary

            EXIT CODES:
              0   nothing to do; what is only blocked is no difference
              1   something would change
              2   it cannot be planned
            """
    )

    @OptionGroup var common: CommonOptions
    @OptionGroup var variables: VariableOptions

    @Flag(name: .shortAndLong, help: "Leave nothing out: kept services, every field, every name of a wave.")
    var verbose = false

    @Flag(help: "Leave services alone that no manifest declares any more.")
    var noPrune = false

    func perform(_ composition: Composition, _ output: Output) throws -> ExitCode {
        let (_, result) = try composition.readManifests(variables)
        guard let wanted = result.desired else {
            output.diagnostics(result.diagnostics)
            composition.hintAtFormerVariables(result, output)
            if output.format == .json {
                output.result(PlanView.json(Plan(baseRevision: 0, diagnostics: result.diagnostics)))
            }
            return .refused
        }
        var plan = Planner.plan(wanted, try composition.observed(), PlanOptions(prunes: !noPrune))
        switch output.format {
        case .json:
            plan.diagnostics = result.diagnostics + plan.diagnostics
            output.result(PlanView.json(plan))
        case .text:
            output.diagnostics(result.diagnostics)
            output.result(PlanView(output.results, isVerbose: verbose).text(plan))
        }
        return plan.isEmpty ? .good : .different
    }
}
