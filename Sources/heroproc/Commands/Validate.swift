import ArgumentParser
import Foundation
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
              heroproc validate --strict                      warnings refuse, too
              heroproc validate -o json | jq '.diagnostics[].message'
              heroproc validate -o github                     annotations on a pull request
              heroproc validate -o sarif > heroproc.sarif     for code scanning

            EXIT CODES:
              0   the set is good; warnings change nothing without --strict
              2   it has mistakes
            """
    )

    /// How it writes what it found.
    enum Format: String, ResultFormat {
        /// For people: mistakes on standard error, the good end on standard output.
        case text
        /// `heroproc/validate/v1`.
        case json
        /// Workflow commands of GitHub Actions.
        case github
        /// SARIF 2.1.0.
        case sarif
    }

    @OptionGroup var common: CommonOptions
    @OptionGroup var variables: VariableOptions

    @Flag(help: "Warnings refuse the set, too.")
    var strict = false

    func perform(_ composition: Workspace, _ output: Output) throws -> ExitCode {
        let (files, result) = try composition.readManifests(variables)
        let found = result.diagnostics
        let isRefused = result.desired == nil || (strict && !found.isEmpty)
        let here = FileManager.default.currentDirectoryPath
        switch try resultFormat() {
        case .text:
            output.writeDiagnostics(found, isStrict: strict)
            if let wanted = result.desired, !isRefused {
                let services = wanted.services.count
                output.writeResult(
                    DiagnosticView(output.results).validation([], services: services, files: files.count)
                )
            }
        case .json:
            output.writeResult(DiagnosticView.json(validating: found, isStrict: strict))
        case .github:
            output.writeResult(DiagnosticView.github(found, base: here))
        case .sarif:
            let rules = DiagnosticCode.allCases.map { DiagnosticRule($0.rawValue, $0.explanation) }
            let home = composition.displayDirectory
            output.writeResult(
                SARIF(version: HeroProc.release, rules: rules, base: here, defaultFile: home).json(found)
            )
        }
        if isRefused, result.desired != nil { output.writeNote("Refused: with --strict there must be no warnings.") }
        return isRefused ? .refused : .success
    }
}
