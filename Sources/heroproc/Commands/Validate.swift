import ArgumentParser
import HeroManifest
import HeroModel
import HeroView

/// Checks the set.
struct Validate: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check all manifests as one set; look at nothing else.",
        discussion: """
            EXAMPLES:
              heroproc validate
              heroproc validate --dir ./services.d
              heroproc validate -o json | jq '.diagnostics[].message'

            EXIT CODES:
              0   the set is good; warnings change nothing
              2   it has mistakes
            """
    )

    @OptionGroup var common: CommonOptions
    @OptionGroup var variables: VariableOptions

    func perform(_ composition: Composition, _ output: Output) throws -> ExitCode {
        let (files, result) = try composition.readManifests(variables)
        switch output.format {
        case .json: output.result(DiagnosticView.json(validating: result.diagnostics))
        case .text:
            output.diagnostics(result.diagnostics)
            if let wanted = result.desired {
                let services = wanted.services.count
                output.result(DiagnosticView(output.results).validation([], services: services, files: files.count))
            }
        }
        return result.desired == nil ? .refused : .good
    }
}
