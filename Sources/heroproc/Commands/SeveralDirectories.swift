import ArgumentParser
import HeroJSON
import HeroView

/// A command that answers for each of several services directories, such as those of many hosts.
protocol DirectoriesCommand: HeroCommand {}

extension DirectoriesCommand {
    /// Runs the command for each directory, and writes an overview at the end.
    ///
    /// - Returns: the highest exit code.
    /// - Throws: `ValidationError` for options that exclude each other; the exit code is then 64.
    func performEach(environment: [String: String]) throws -> ExitCode {
        let whole = Output(common, environment: environment)
        var answers: [DirectoryAnswer] = []
        for directory in common.directories {
            var options = common
            options.dir = directory
            switch common.outputFormat {
            case "text": whole.writeResult((answers.isEmpty ? "" : "\n") + whole.results.paint(directory, .bold) + "\n")
            case "markdown": whole.writeResult((answers.isEmpty ? "" : "\n") + "## `\(directory)`\n\n")
            default: break
            }
            let output = Output(options, environment: environment, collectsValues: true)
            let code = try perform(Workspace(options, environment: environment), reportingTo: output)
            let summary = output.headline ?? "refused; the errors say why"
            answers.append(DirectoryAnswer(directory, code, summary, output.collectedValues))
        }
        write(answers, to: whole)
        return whole.hasLostResult ? .refused : answers.map(\.code).max { $0.rawValue < $1.rawValue } ?? .success
    }

    private func write(_ answers: [DirectoryAnswer], to output: Output) {
        switch common.outputFormat {
        case "json":
            for answer in answers { output.writeResult(answer.json.text(.compact) + "\n") }
        case "sarif":
            // One log with a run for each directory.
            guard case .object(let members) = answers.first?.values.first else { return }
            let runs = answers.flatMap(\.values).flatMap { value -> [JSONValue] in
                guard case .array(let runs) = value["runs"] else { return [] }
                return runs
            }
            output.writeResult(.object(members.map { $0.key == "runs" ? JSONValue.Member("runs", .array(runs)) : $0 }))
        case "markdown":
            let rows = answers.map { "| `\($0.directory)` | \($0.summary) |\n" }.joined()
            output.writeResult("### heroproc: \(answers.count) directories\n\n|  | result |\n|---|---|\n" + rows)
        default:
            let width = answers.map(\.directory.count).max() ?? 0
            output.writeResult("\n")
            for answer in answers {
                let padding = String(repeating: " ", count: width - answer.directory.count)
                output.writeResult("\(answer.directory)\(padding)  \(answer.summary)\n")
            }
        }
    }
}

/// The result of a command for one services directory.
private struct DirectoryAnswer {
    let directory: String
    let code: ExitCode
    /// The result in one sentence.
    let summary: String
    /// The JSON documents that the command has written.
    let values: [JSONValue]

    init(_ directory: String, _ code: ExitCode, _ summary: String, _ values: [JSONValue]) {
        self.directory = directory
        self.code = code
        self.summary = summary
        self.values = values
    }

    /// One line of `-o json`.
    var json: JSONValue {
        ["directory": .string(directory), "exit_code": .integer(Int64(code.rawValue)), "result": values.first ?? .null]
    }
}
