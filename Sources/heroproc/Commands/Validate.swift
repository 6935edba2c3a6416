import ArgumentParser
import Foundation
import HeroJSON
import HeroManifest
import HeroModel
import HeroView

/// Checks the manifests.
struct Validate: DirectoriesCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check all manifests together, without looking at the running system.",
        discussion: """
            EXAMPLES:
              heroproc validate
              heroproc validate --strict                      treat warnings as errors
              heroproc validate -o json | jq '.diagnostics[].message'
              heroproc validate -o github                     write pull request annotations
              heroproc validate -o sarif > heroproc.sarif     write a file for code scanning
              heroproc validate -d hosts/a -d hosts/b         check the sets of several hosts

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
        let problems = DiagnosticView().summary(found)
        output.headline = isRefused ? problems : size(result.desired, files.count, .plain)
        if !isRefused, !problems.isEmpty { output.headline? += " \(problems)." }
        switch try resultFormat() {
        case .text:
            output.writeDiagnostics(found, isStrict: strict)
            if !isRefused { output.writeResult(size(result.desired, files.count, output.results) + "\n") }
        case .json:
            output.writeResult(DiagnosticView.json(validating: found, isStrict: strict))
        case .github:
            output.writeResult(DiagnosticView.github(found, base: here))
        case .sarif:
            let rules = DiagnosticCode.allCases.map { DiagnosticRule($0.rawValue, $0.explanation) }
            let home = workspace.displayDirectory
            output.writeResult(
                SARIF(version: Release.version, rules: rules, base: here, defaultFile: home).json(found)
            )
        }
        if isRefused, result.desired != nil { output.writeNote("Refused: with --strict, warnings count as errors.") }
        return isRefused ? .refused : .success
    }

    /// The size of a valid set in one sentence.
    private func size(_ desired: DesiredState?, _ files: Int, _ style: OutputStyle) -> String {
        DiagnosticView(style).sizeOfValidSet(
            services: desired?.services.count ?? 0,
            actions: desired?.actions.values.count { $0.spec.isStandalone } ?? 0,
            files: files
        )
    }
}
