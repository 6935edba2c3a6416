import ArgumentParser
import Glibc
import HeroConvert
import HeroJSON
import HeroModel
import HeroView

/// Converts the configuration of another supervisor to manifests.
struct Import: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Convert the configuration of another supervisor to manifests, and report every loss.",
        discussion: """
            Writes one manifest per service, and a report with one line per key of the source: its class (equivalent, \
            approximated, lost or dangerous), what was written, and what behaves differently. Keys with the same \
            meaning are only counted. Never overwrites a file, resolves no variable, and writes no secret.

            Without --out the manifests are printed on standard output, and the report on standard error. Dangerous \
            keys refuse the import until their code is given with --accept.

            FORMATS:
              \(ImportFormat.allCases.map(\.rawValue).joined(separator: ", "))

            EXAMPLES:
              heroproc import procfile Procfile
              heroproc import supervisord supervisord.conf conf.d/*.conf --out services.d
              heroproc import supervisord app.conf -o json | jq '.items[] | select(.class == "lost")'
              heroproc import procfile Procfile --out services.d && heroproc validate

            EXIT CODES:
              0   the manifests have everything, perhaps in another form
              1   the manifests are written, and something of the source is lost
              2   refused or unreadable; nothing was written
            """
    )

    /// The output formats of `import`.
    enum Format: String, ResultFormat {
        /// Manifests on standard output, the report on standard error.
        case text
        /// `heroproc/import/v1`.
        case json
        /// The report as Markdown.
        case markdown
    }

    @OptionGroup(title: CommonOptions.title) var common: CommonOptions

    @Argument(help: "The format of the files.", completion: .list(ImportFormat.allCases.map(\.rawValue)))
    var format: String

    @Argument(help: "The files to read.", completion: .file())
    var files: [String]

    @Option(help: ArgumentHelp("Write the manifests to this directory.", valueName: "path"), completion: .directory)
    var out: String?

    @Option(help: ArgumentHelp("Accept this dangerous code of the report; repeatable.", valueName: "code"))
    var accept: [String] = []

    func validate() throws {
        guard ImportFormat(rawValue: format) != nil else {
            let known = ImportFormat.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("The format '\(format)' is unknown. Please provide one of \(known).")
        }
        for name in accept where LossCode(rawValue: name)?.lossClass != .dangerous {
            let known = LossCode.allCases.filter { $0.lossClass == .dangerous }.map(\.rawValue)
            throw ValidationError(
                "'--accept \(name)' is not a dangerous code. Please provide one of \(known.joined(separator: ", "))."
            )
        }
    }

    func perform(_ workspace: Workspace, _ output: Output) throws -> ExitCode {
        guard let format = ImportFormat(rawValue: format) else { return .refused }
        var inputs: [ImportFile] = []
        for path in files { inputs.append(ImportFile(path: path, bytes: try ImportSource.read(path))) }
        let request = ImportRequest(
            format,
            inputs,
            accepted: Set(accept.compactMap(LossCode.init(rawValue:))),
            sourceDirectory: ImportSource.directory(of: files[0], from: out)
        )
        let result: ImportResult
        do throws(ImportError) {
            result = try Importer.convert(request)
        } catch {
            let line = error.line.map { ":\($0)" } ?? ""
            throw CommandError("\(error.file)\(line): \(error.message)", help: error.help ?? "nothing was written")
        }
        let isRefused = !result.report.refused.isEmpty
        if let out, !isRefused {
            try ImportSource.refuseToOverwrite(result.files.map { "\(out)/\($0.name)" })
            try NewFileWriter.write(result.files.map { ("\(out)/\($0.name)", $0.text) })
        }
        switch try resultFormat() {
        case .json: output.writeResult(result.json(schema: "heroproc/import/v1"))
        case .markdown: output.writeResult(result.report.markdown)
        case .text:
            if out == nil, !isRefused {
                let texts = result.files.map { "# \($0.name)\n\($0.text)" }
                output.writeResult(texts.joined(separator: "---\n"))
            }
            output.writeMessage(result.report.text)
            if let out, !isRefused {
                let next = "Next: heroproc diff --dir \(out.printable)"
                output.writeNote("\(result.files.count) files are in \(out.printable). \(next)")
            }
        }
        if isRefused { return .refused }
        return result.report.hasLosses ? .differs : .success
    }
}
