import CHeroLinux
import CHeroServer
import Glibc
import HeroJSON
import HeroLinux

/// The program `heroproc`, which answers what needs the manifests or the kernel.
///
/// Its `-o json` output is passed on, so that a result of the server cannot differ from that of the command. A crash, a
/// long plan or much memory of a query affects only this query.
struct HeroprocProgram: Sendable {
    /// The result of a command.
    struct Output: Sendable {
        /// The exit code; 128 plus the signal if one killed it.
        var exitCode: Int32
        var bytes: [UInt8]
        /// The last text on standard error.
        var errors: String

        /// The error message without its label, and without colors because standard error is no terminal.
        var message: String {
            let lines = errors.split(separator: "\n").map { $0.trimmingSpaces }
            guard let line = lines.first(where: { $0.hasPrefix("error: ") }) else {
                return lines.last.map(String.init) ?? "heroproc exited with code \(exitCode)"
            }
            return String(line.dropFirst(7))
        }
    }

    /// The path of the program.
    let path: String
    /// The state directory, absolute.
    let state: String
    let environment: [String]
    private let limit = WorkLimit(max(2, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))))

    init(path: String, state: String, environment: [String]) {
        self.path = path
        self.state = state
        self.environment = environment
    }

    /// The longest time of a query, in milliseconds.
    static let timeLimit: Int64 = 30_000
    private static let maximumOutput = 256 << 20

    /// Runs a command with JSON output.
    ///
    /// - Parameters:
    ///   - arguments: The command and its arguments.
    ///   - timeLimit: The process is killed after this number of milliseconds.
    /// - Returns: The output.
    /// - Throws: `ServerError` when it cannot be run or does not end in time.
    func run(_ arguments: [String], timeLimit: Int64 = Self.timeLimit) throws(ServerError) -> Output {
        let complete = ["heroproc"] + arguments + ["-o", "json", "--state", state]
        return try limit.perform { () -> Result<Output, ServerError> in
            do throws(ServerError) {
                return .success(try start(complete, timeLimit))
            } catch {
                return .failure(error)
            }
        }.get()
    }

    /// Runs a command that must succeed, and reads its JSON output.
    ///
    /// The exit code 1 of `status`, `diff` and `apply` is a result too.
    func read(_ arguments: [String]) throws(RPCError) -> JSONValue { try Self.document(try output(arguments)) }

    /// Runs a command on behalf of a method.
    func output(_ arguments: [String], timeLimit: Int64 = Self.timeLimit) throws(RPCError) -> Output {
        do throws(ServerError) {
            return try run(arguments, timeLimit: timeLimit)
        } catch {
            throw RPCError(.internalError, error.message)
        }
    }

    /// The JSON document that a command has written.
    ///
    /// - Throws: `RPCError` with the error of the command if there is none.
    static func document(_ output: Output) throws(RPCError) -> JSONValue {
        if let value = try? JSONReader.read(output.bytes) { return value }
        if output.exitCode == 2, output.message.hasPrefix("there is no ") {
            throw RPCError.notFound(output.message)
        }
        throw RPCError(output.exitCode == 2 ? .refused : .internalError, output.message)
    }

    private func start(_ arguments: [String], _ timeLimit: Int64) throws(ServerError) -> Output {
        let null = open("/dev/null", O_RDONLY | O_CLOEXEC)
        let output = hl_memfd()
        let errors = hl_memfd()
        defer { for descriptor in [null, output, errors] where descriptor >= 0 { close(descriptor) } }
        guard null >= 0, output >= 0, errors >= 0 else { throw ServerError("cannot run heroproc: too few descriptors") }
        var command = hl_command()
        command.null_device = null
        command.output = output
        command.errors = errors
        // A query must not outlive its client's request when the server is killed.
        command.dies_with_parent = 1
        let pid = spawn(&command, arguments)
        guard pid > 0 else {
            throw ServerError("cannot run \(path): \(String(cString: strerror(0 - pid)))")
        }
        let code = try waitForEnd(of: pid, timeLimit)
        return Output(
            exitCode: code,
            bytes: Self.content(output, Self.maximumOutput),
            errors: String(decoding: Self.content(errors, 65_536), as: UTF8.self)
        )
    }

    private func spawn(_ command: inout hl_command, _ arguments: [String]) -> Int32 {
        var step: Int32 = 0
        var command = command
        return Self.withList([path]) { candidates in
            Self.withList(arguments) { arguments in
                Self.withList(environment) { environment in
                    "/".withCString { directory in
                        command.candidates = UnsafeRawPointer(candidates).assumingMemoryBound(
                            to: UnsafePointer<CChar>?.self
                        )
                        command.arguments = arguments
                        command.environment = environment
                        command.directory = directory
                        return hl_spawn_command(&command, &step)
                    }
                }
            }
        }
    }

    private func waitForEnd(of pid: Int32, _ timeLimit: Int64) throws(ServerError) -> Int32 {
        // The process is a child that nothing else reaps, so its PID cannot belong to another process.
        let pidfd = hl_pidfd_open(pid)
        guard pidfd >= 0 else {
            hl_reap(pid)
            throw ServerError("cannot wait for heroproc: \(String(cString: strerror(0 - pidfd)))")
        }
        defer { close(pidfd) }
        let deadline = Connection.now() + timeLimit
        var isLate = false
        var status: Int32 = 0
        while hl_pidfd_reap(pidfd, &status) == 0 {
            let rest = isLate ? 60_000 : deadline - Connection.now()
            if rest <= 0 {
                isLate = true
                _ = hl_pidfd_send_signal(pidfd, SIGKILL)
                continue
            }
            _ = hs_wait_readable(pidfd, Int32(clamping: rest))
        }
        if isLate { throw ServerError("heroproc did not finish within \(timeLimit / 1000) s") }
        return hl_status_exited(status) == 1 ? hl_status_code(status) : 128 + hl_status_signal(status)
    }

    private static func withList<Result>(
        _ texts: [String],
        _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        let list = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: texts.count + 1)
        for (index, text) in texts.enumerated() { list[index] = strdup(text) }
        list[texts.count] = nil
        defer {
            for index in texts.indices { free(list[index]) }
            list.deallocate()
        }
        return body(list)
    }

    private static func content(_ descriptor: Int32, _ limit: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while bytes.count < limit {
            let count = pread(descriptor, &chunk, chunk.count, off_t(bytes.count))
            guard count > 0 else { break }
            bytes += chunk[..<count]
        }
        return bytes
    }
}
