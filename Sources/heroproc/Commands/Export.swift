import ArgumentParser
import Glibc
import HeroConvert
import HeroJSON
import HeroManifest
import HeroModel
import HeroView

/// Writes services for another engine.
struct Export: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write services as units of systemd, and report every loss.",
        discussion: """
            Reads the manifests and writes one unit per process, and a timer per schedule. The report has one line per \
            key whose meaning changes, in five classes: see `heroproc import`. Never overwrites a file.

            Without --out the units are printed on standard output, and the report on standard error.

            EXAMPLES:
              heroproc export systemd
              heroproc export systemd web db --out units && systemd-analyze verify units/*.service
              heroproc export systemd -o json | jq '.items[] | select(.class == "lost")'

            EXIT CODES:
              0   the units have everything, perhaps in another form
              1   the units are written, and something of the manifests is lost
              2   the manifests are not valid, or a file cannot be written
            """
    )

    /// The output formats of `export`.
    enum Format: String, ResultFormat {
        /// Units on standard output, the report on standard error.
        case text
        /// `heroproc/export/v1`.
        case json
        /// The report as Markdown.
        case markdown
    }

    @OptionGroup(title: CommonOptions.title) var common: CommonOptions
    @OptionGroup var variables: VariableOptions

    @Argument(help: "The target: systemd.", completion: .list(["systemd"]))
    var target: String

    @Argument(help: "Services or standalone actions; all without a name.")
    var names: [String] = []

    @Option(help: ArgumentHelp("Write the units to this directory.", valueName: "path"), completion: .directory)
    var out: String?

    func validate() throws {
        guard target == "systemd" else {
            throw ValidationError("The target '\(target)' is unknown. Please provide 'systemd'.")
        }
    }

    func perform(_ workspace: Workspace, _ output: Output) throws -> ExitCode {
        let (_, _, manifests) = try workspace.readManifests(variables)
        guard let desired = manifests.desired else {
            output.writeDiagnostics(manifests.diagnostics)
            return .refused
        }
        var selected: Set<QualifiedName> = []
        for name in names {
            guard let qualified = QualifiedName(reference: name, in: QualifiedName.defaultContext),
                desired.services[qualified] != nil || desired.actions[qualified] != nil
            else {
                throw CommandError("no service or action is called `\(name)`", help: "`heroproc validate` lists them")
            }
            selected.insert(qualified)
        }
        let result = SystemdExport.convert(desired, names: selected)
        if let out {
            try ImportSource.refuseToOverwrite(result.files.map { "\(out)/\($0.name)" })
            try NewFileWriter.write(result.files.map { ("\(out)/\($0.name)", $0.text) })
        }
        switch try resultFormat() {
        case .json: output.writeResult(result.json(schema: "heroproc/export/v1"))
        case .markdown: output.writeResult(result.report.markdown)
        case .text:
            if out == nil {
                output.writeResult(result.files.map { "# \($0.name)\n\($0.text)" }.joined(separator: "\n"))
            }
            output.writeMessage(result.report.text)
        }
        return result.report.hasLosses ? .differs : .success
    }
}
