import ArgumentParser
import HeroManifest

/// Prints the page of a diagnostic.
struct Explain: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Explain the code of an error or warning about manifests.",
        discussion: """
            The code is in brackets after the message. Shows an example with the problem, its message, and the \
            corrected example.

            EXAMPLES:
              heroproc explain unknown-key
              heroproc explain                list all codes

            EXIT CODES:
              0   success
              2   unknown code
            """
    )

    @OptionGroup(title: CommonOptions.title) var common: CommonOptions

    @Argument(help: ArgumentHelp("The code of a diagnostic. Default: list all codes.", valueName: "code"))
    var code: String?

    func perform(_ workspace: Workspace, _ output: Output) throws -> ExitCode {
        guard let code else {
            let codes = DiagnosticCode.allCases
            let width = codes.map(\.rawValue.count).max() ?? 0
            for code in codes {
                let name = code.rawValue + String(repeating: " ", count: width - code.rawValue.count)
                output.writeResult("\(name)  \(code.explanation)\n")
            }
            return .success
        }
        let name = code.trimmingPrefix("[").prefix { $0 != "]" }
        guard let text = DiagnosticPage.text(of: String(name)) else {
            let near = Suggestion.nearest(String(name), DiagnosticCode.allCases.map(\.rawValue))
            throw CommandError(
                "there is no diagnostic with the code \(name)",
                help: near.map { "did you mean `\($0)`?" } ?? "`heroproc explain` lists all codes"
            )
        }
        output.writeResult(text)
        return .success
    }
}
