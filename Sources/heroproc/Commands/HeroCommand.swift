import ArgumentParser
import Glibc
import HeroLinux
import HeroStore

/// A command of heroproc.
protocol HeroCommand: ParsableCommand {
    /// The formats in which the command can write results.
    associatedtype Format: ResultFormat = OutputFormat

    /// The options that all commands accept.
    var common: CommonOptions { get }

    /// Whether a program has added the last `--dir`, which then counts alone.
    var isDirectoryAdded: Bool { get }

    /// Runs the command.
    ///
    /// - Returns: the exit code.
    /// - Throws: the reason why the command is impossible; the exit code is then 2.
    func perform(_ workspace: Workspace, _ output: Output) throws -> ExitCode
}

extension HeroCommand {
    var isDirectoryAdded: Bool { false }

    /// The requested output format.
    ///
    /// - Throws: `ValidationError` when the command does not support the format; the exit code is then 64.
    func resultFormat() throws -> Format {
        if let format = Format(rawValue: common.outputFormat) { return format }
        let known = Format.allCases.map { "'\($0.rawValue)'" }
        throw ValidationError(
            "The value '\(common.outputFormat)' is invalid for '-o <format>'. Please provide one of "
                + known.dropLast().joined(separator: ", ") + " and \(known.last ?? "")."
        )
    }

    /// Creates the workspace and the output, runs the command, and exits with its code.
    func run() throws {
        // First of all: with a umask such as 777, directories of heroproc could not be entered by their owner.
        umask(umask(0o077) & 0o077)
        _ = try resultFormat()
        let environment = Workspace.processEnvironment
        let code: ExitCode
        if common.directories.count > 1, !isDirectoryAdded {
            guard let command = self as? any DirectoriesCommand else {
                throw ValidationError("Please give one --dir; only validate and diff accept several.")
            }
            code = try command.performEach(environment: environment)
        } else {
            let output = Output(common, environment: environment)
            code = try perform(Workspace(common, environment: environment), reportingTo: output)
        }
        if code != .success { throw ArgumentParser.ExitCode(code.rawValue) }
    }

    /// Runs the command and writes why it is impossible, if it is.
    ///
    /// - Throws: `ValidationError` for options that exclude each other; the exit code is then 64.
    func perform(_ workspace: Workspace, reportingTo output: Output) throws -> ExitCode {
        var code = ExitCode.refused
        do {
            code = try perform(workspace, output)
        } catch let error as CommandError {
            output.writeError(error.message, help: error.help)
        } catch let error as StoreError {
            output.writeError(error.message)
        } catch let error as LinuxError {
            output.writeError(error.description)
        }
        return output.hasLostResult ? .refused : code
    }
}
