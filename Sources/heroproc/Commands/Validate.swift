import ArgumentParser
import Foundation
import HeroJSON
import HeroManifest
import HeroModel
import HeroView

/// Checks the manifests.
struct Validate: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check all manifests together, without looking at the running system.",
        discussion: """
            EXAMPLES:
              heroproc validate
              heroproc validate --strict                      treat warnings as errors
              heroproc validate -o json | jq '.diagnostics[].message'
              heroproc validate -o github                     write pull request annotations
              heroproc validate -o sarif > heroproc.sarif     write a file for code scanning

            FORMATS (-o):
              text, json, github (annotations of a pull request) and sarif (for code scanning)

            EXIT CODES:
              0   the manifests are valid; warnings count only with --strict
              2   the manifests have errors
            """
    )

    /// The output formats of `validate`.
    enum Format: String, ResultFormat {
        /// Text: errors on standard error, the summary of valid manifests on standard output.
        case text
        /// `heroproc/validate/v1`.
        case json
        /// Workflow commands of GitHub Actions.
        case github
        /// SARIF 2.1.0.
        case sarif
    }

    @OptionGroup(title: CommonOptions.title) var common: CommonOptions
    @OptionGroup var variables: VariableOptions

    @Flag(help: "Treat warnings as errors.")
    var strict = false

    func perform(_ workspace: Workspace, _ output: Output) throws -> ExitCode {
        let (files, _, result) = try workspace.readManifests(variables)
        let found = result.diagnostics
        let isRefused = result.desired == nil || (strict && !found.isEmpty)
        let here = FileManager.default.currentDirectoryPath
        switch try resultFormat() {
        case .text:
            output.writeDiagnostics(found, isStrict: strict)
            if let desired = result.desired, !isRefused {
                output.writeResult(
                    DiagnosticView(output.results).validation(
                        [],
                        services: desired.services.count,
                        actions: desired.actions.values.count { $0.spec.isStandalone },
                        files: files.count
                    )
                )
            }
        case .json:
            output.writeResult(DiagnosticView.json(validating: found, isStrict: strict))
        case .github:
            output.writeResult(DiagnosticView.github(found, base: here))
        case .sarif:
            let rules = DiagnosticCode.allCases.map { DiagnosticRule($0.rawValue, $0.explanation) }
            let home = workspace.displayDirectory
            output.writeResult(
                SARIF(version: HeroProc.release, rules: rules, base: here, defaultFile: home).json(found)
            )
        }
        if isRefused, result.desired != nil { output.writeNote("Refused: with --strict, warnings count as errors.") }
        return isRefused ? .refused : .success
    }
}
