import CHeroLinux
import Dispatch
import Glibc
import HeroKernel
import HeroModel
import Subprocess
import SystemPackage

/// A probe command, run once in a session of its own and ended with all that stayed in its process group.
final class CommandProbe {
    let order: ProbeOrder
    /// Where its standard error can be read.
    let errors: Descriptor
    private var writeEnd: Int32
    private let arguments: [String]
    private let environment: [String: String]
    private var isWatched = true
    private var tail: [UInt8] = []
    private var task: Task<Void, Never>?

    private static let keptErrors = 4096

    init(_ order: ProbeOrder, _ arguments: [String]) throws(LinuxError) {
        guard !arguments.isEmpty else { throw LinuxError(cannot: "run the probe", because: "it names no command") }
        do {
            environment = try Launch.environment(order.environment)
        } catch {
            throw LinuxError(cannot: "read the environment of the probe", because: error.failure.detail)
        }
        var ends: (read: Int32, write: Int32) = (-1, -1)
        try check(hl_pipe(&ends.read, &ends.write, 65_536), "make a pipe for the probe")
        // The command's own end waits when it is full, as programs expect it.
        let flags = fcntl(ends.write, F_GETFL)
        _ = fcntl(ends.write, F_SETFL, flags & ~O_NONBLOCK)
        errors = Descriptor(ends.read)
        writeEnd = ends.write
        self.order = order
        self.arguments = arguments
    }

    deinit {
        if writeEnd >= 0 { close(writeEnd) }
    }

    /// Runs it; its end is put into the mailbox.
    func start(_ number: UInt64, _ mailbox: Mailbox) {
        let command = Command(
            arguments: arguments,
            environment: environment,
            workingDirectory: order.workingDirectory,
            errors: writeEnd
        )
        writeEnd = -1
        task = Task(executorPreference: ProbeExecutor.shared) {
            mailbox.put(.ended(number, problem: await command.run()))
        }
    }

    /// Ends it and its process group.
    func cancel() { task?.cancel() }

    /// Keeps the end of what it says; false when it has no more to say.
    func readErrors() -> Bool {
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(errors.number, &chunk, chunk.count)
            if count < 0 { return errno == EAGAIN || errno == EINTR }
            guard count > 0 else { return false }
            tail += chunk[..<count]
            if tail.count > 2 * Self.keptErrors { tail.removeFirst(tail.count - Self.keptErrors) }
        }
    }

    /// The end of its standard error, for a reason; empty when it said nothing.
    var lastWords: String {
        let text = String(decoding: tail.suffix(Self.keptErrors), as: UTF8.self).trimmed
        return text.isEmpty ? "" : ": \(text)"
    }

    /// No longer wants to know what it says.
    func unwatch(_ reactor: Reactor) {
        if isWatched { reactor.unwatch(errors.number) }
        isWatched = false
    }
}

/// What the task of a command needs.
private struct Command: Sendable {
    var arguments: [String]
    var environment: [String: String]
    var workingDirectory: String
    var errors: Int32

    /// Runs to the end; nil is exit code 0, else what is wrong.
    func run() async -> String? {
        let name = arguments.first ?? ""
        var options = PlatformOptions()
        options.createSession = true
        options.teardownSequence = [
            .send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .zero)
        ]
        var variables: [Environment.Key: String] = [:]
        for (key, value) in environment { variables[Environment.Key(stringLiteral: key)] = value }
        do {
            let result = try await Subprocess.run(
                name.contains("/") ? .path(FilePath(name)) : .name(name),
                arguments: Arguments(executablePathOverride: name, remainingValues: Array(arguments.dropFirst())),
                environment: .custom(variables),
                workingDirectory: FilePath(workingDirectory),
                platformOptions: options,
                input: .none,
                output: .discarded,
                error: .fileDescriptor(FileDescriptor(rawValue: errors), closeAfterSpawningProcess: true)
            ) { execution in
                // Our own copy outlives the process, so that what it left in its group can still be ended.
                hl_duplicate(execution.processIdentifier.processDescriptor, 10)
            }
            if result.closureResult >= 0 {
                _ = hl_pidfd_send_group_signal(result.closureResult, SIGKILL)
                close(result.closureResult)
            }
            switch result.terminationStatus {
            case .exited(0): return nil
            case .exited(let code): return "`\(name)` ended with exit code \(code)"
            case .signaled(let signal): return "`\(name)` was ended by signal \(HeroModel.Signal(number: signal))"
            }
        } catch {
            return "cannot run `\(name)`: \(error)"
        }
    }
}

/// Runs the tasks of all probe commands on one serial queue.
///
/// The pool that Swift's tasks run on otherwise wakes once a second for ever, once it was used.
private final class ProbeExecutor: TaskExecutor {
    static let shared = ProbeExecutor()

    private let queue = DispatchQueue(label: "heroproc.probes")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
