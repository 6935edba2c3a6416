import ArgumentParser
import Glibc
import HeroLinux
import HeroStore

/// A command of heroproc: what it does, given where things are and where words go.
protocol HeroCommand: ParsableCommand {
    /// How it can write results.
    associatedtype Format: ResultFormat = OutputFormat

    /// What all commands take.
    var common: CommonOptions { get }

    /// Does it.
    ///
    /// - Returns: the code to leave with.
    /// - Throws: why it cannot be done; the code is 2 then.
    func perform(_ composition: Workspace, _ output: Output) throws -> ExitCode
}

extension HeroCommand {
    /// How results are to be written.
    ///
    /// - Throws: that the command knows no such format; the code is 64 then.
    func resultFormat() throws -> Format {
        if let format = Format(rawValue: common.outputFormat) { return format }
        let known = Format.allCases.map { "'\($0.rawValue)'" }
        throw ValidationError(
            "The value '\(common.outputFormat)' is invalid for '-o <format>'. Please provide one of "
                + known.dropLast().joined(separator: ", ") + " and \(known.last ?? "")."
        )
    }

    /// Composes, performs, and leaves with the code.
    func run() throws {
        _ = try resultFormat()
        // Who reads us may go; that is for `Output` to find out, and no reason for another exit code.
        signal(SIGPIPE, SIG_IGN)
        // A standard descriptor that was closed would be given to the next file that is opened, and our words with it.
        while case let descriptor = open("/dev/null", O_RDWR), descriptor >= 0 {
            guard descriptor <= 2 else {
                close(descriptor)
                break
            }
        }
        let environment = Workspace.processEnvironment
        let output = Output(common, environment: environment)
        let code: ExitCode
        do {
            code = try perform(Workspace(common, environment: environment), output)
        } catch let error as CommandError {
            output.writeError(error.message, help: error.help)
            code = .refused
        } catch let error as StoreError {
            output.writeError(error.message)
            code = .refused
        } catch let error as LinuxError {
            output.writeError(error.description)
            code = .refused
        }
        if code != .success { throw ArgumentParser.ExitCode(code.rawValue) }
    }
}
