import Foundation
public import Glibc
public import HeroLinux
import HeroModel
public import Testing

/// The exit code and the output of a command.
public struct CommandResult: Sendable {
    /// The exit code, or 128 plus the signal.
    public let exitCode: Int32
    /// The standard output.
    public let output: String
    /// The standard error.
    public let errorOutput: String

    /// The standard output parsed as JSON; empty if it is not an object.
    public var json: [String: Any] {
        (try? JSONSerialization.jsonObject(with: Data(output.utf8))) as? [String: Any] ?? [:]
    }
}

/// A command that runs in the background.
public struct RunningCommand: Sendable {
    /// The process ID.
    public let pid: pid_t
    /// The file with its standard output.
    public let outputPath: String
    /// The file with its standard error.
    public let errorPath: String
}

/// A directory in which a test runs heroproc, with its own services, state and environment.
public protocol HeroprocSandbox: Sendable {
    /// The directory of the test, and the working directory of all commands.
    var root: String { get }
    /// The environment of all commands.
    var environment: [String: String] { get }
}

extension HeroprocSandbox {
    /// The services directory.
    public var servicesDirectory: String { root + "/services.d" }
    /// The state directory.
    public var stateDirectory: String { root + "/state" }
    /// The paths below the state and run directories.
    public var paths: RuntimePaths { RuntimePaths.resolve(state: stateDirectory, environment: environment) }

    // MARK: Files

    /// Writes a manifest.
    ///
    /// A new text replaces the old one atomically.
    public func writeManifest(_ file: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(servicesDirectory)/\(file)"), options: .atomic)
    }

    /// Removes the manifest `NAME.yaml`.
    public func removeManifest(_ name: String) { unlink("\(servicesDirectory)/\(name).yaml") }

    /// The text of a file; empty if it cannot be read.
    public func readText(_ path: String) -> String { String(decoding: fileContents(path), as: UTF8.self) }

    // MARK: Commands

    /// Starts `heroproc`, or another program, in the background.
    ///
    /// - Parameters:
    ///   - arguments: The arguments of the program.
    ///   - environment: Variables in addition to those of the sandbox.
    ///   - program: The path of the program.
    ///   - entryCommand: A command that executes the program, such as `nsenter` with its options.
    /// - Returns: the running command.
    /// - Throws: an issue when the program cannot be started.
    public func start(
        _ arguments: [String],
        environment: [String: String] = [:],
        program: String = builtProgram("heroproc"),
        through entryCommand: [String] = []
    ) throws -> RunningCommand {
        let number = UUID().uuidString
        let (output, errors) = ("\(root)/\(number).out", "\(root)/\(number).err")
        let command = ["/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", root] + entryCommand + [program] + arguments
        let variables = self.environment.merging(environment) { $1 }.map { "\($0.key)=\($0.value)" }
        let pid = try #require(spawn(command, environment: variables, output: output, errors: errors))
        return RunningCommand(pid: pid, outputPath: output, errorPath: errors)
    }

    /// Waits for the exit of a command; returns the exit code, or 128 plus the signal.
    public func exitCode(
        of running: RunningCommand,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Int32 {
        var status: Int32 = 0
        try await eventually("process \(running.pid) exits", within: 90, sourceLocation: sourceLocation) {
            waitpid(running.pid, &status, WNOHANG) == running.pid
        }
        return decodeExitStatus(status)
    }

    /// Waits for the exit of a command and reads its output.
    public func result(
        of running: RunningCommand,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> CommandResult {
        let code = try await exitCode(of: running, sourceLocation: sourceLocation)
        defer {
            unlink(running.outputPath)
            unlink(running.errorPath)
        }
        return CommandResult(
            exitCode: code,
            output: readText(running.outputPath),
            errorOutput: readText(running.errorPath)
        )
    }

    // MARK: The reconciler

    /// The PID of the running reconciler; nil without one, or if it is in another PID namespace.
    public var reconcilerPID: pid_t? {
        ReconcilerLock.holder(paths).flatMap { readText("/proc/\($0.pid)/comm") == "heroproc\n" ? $0.pid : nil }
    }

    /// The PID of the monitor of the running reconciler; nil without one.
    public var monitorPID: pid_t? {
        guard let parent = reconcilerPID.map(parent) else { return nil }
        return readText("/proc/\(parent)/cmdline").hasPrefix("hpshim\0keep\0") ? parent : nil
    }

    /// Kills the running reconciler and its monitor, and waits until both are gone.
    public func killReconciler(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let pid = try #require(reconcilerPID, sourceLocation: sourceLocation)
        if let monitorPID {
            try #require(kill(monitorPID, SIGKILL) == 0, sourceLocation: sourceLocation)
            try await eventually("the monitor is gone", sourceLocation: sourceLocation) {
                waitpid(monitorPID, nil, WNOHANG)
                return !isAlive(monitorPID)
            }
        }
        try #require(kill(pid, SIGKILL) == 0, sourceLocation: sourceLocation)
        try await eventually("the reconciler is gone", sourceLocation: sourceLocation) {
            waitpid(pid, nil, WNOHANG)
            return reconcilerPID != pid && !isAlive(pid)
        }
    }
}
