import CHeroLinux
import Glibc
import HeroKernel
import HeroModel

/// A running probe command.
///
/// It runs once in a session of its own, as the user of its job, and is killed together with all processes it has
/// started (RS-5).
///
/// The reconciler runs the command itself and waits for its pidfd and its output in the event loop.
final class CommandProbe {
    let request: ProbeRequest
    /// The read end of its standard error.
    let errors: Descriptor
    /// Its pidfd: becomes readable when the command ends.
    let pidfd: Descriptor
    /// Its PID, which no other process can get before the command is reaped.
    let pid: Int32
    private let name: String
    /// Whether a child of this process is a shim and does not belong to a command.
    private let isTrackedShim: (Int32) -> Bool
    /// An environment variable that all processes of the command inherit.
    private let environmentTag: String
    /// Values that the command has from files, longest first; they are removed from its reported output (SE-1).
    private let secrets: [String]
    private var errorTail: [UInt8] = []
    private var isWatchingErrors = true
    private var isReaped = false

    private static let tagVariable = "HEROPROC_PROBE"
    private static let reportedErrorSize = 4096
    /// How often the processes of a command are searched, because a process may fork during a search.
    private static let maximumKillRounds = 16

    /// Starts a command.
    ///
    /// - Parameters:
    ///   - request: The probe request.
    ///   - arguments: argv.
    ///   - account: The account to run as; nil for the user of the reconciler.
    ///   - oomScore: The out-of-memory score of the command.
    ///   - isTrackedShim: Whether a child of this process is a shim and does not belong to a command.
    /// - Throws: A `StartError` that describes the failure.
    init(
        _ request: ProbeRequest,
        _ arguments: [String],
        as account: Account?,
        _ oomScore: OOMScore,
        isTrackedShim: @escaping (Int32) -> Bool
    ) throws(StartError) {
        self.request = request
        self.isTrackedShim = isTrackedShim
        name = arguments.first ?? ""
        environmentTag = "\(Self.tagVariable)=\(String(hl_random(), radix: 16))"
        let weakest = account?.variables ?? [:]
        let environment = try ResolvedLaunch.resolveEnvironment(request.environment, weakest: weakest, as: account)
        secrets = ResolvedLaunch.secrets(in: environment, of: request.environment, weakest: weakest)
        var candidates = ResolvedLaunch.candidatePaths(name, path: environment["PATH"] ?? "")
        if request.rights.isStrict {
            candidates = try TrustedProgram.trustedCandidates(candidates, in: request.workingDirectory)
        }
        var ends: (read: Int32, write: Int32) = (-1, -1)
        let made = hl_pipe(&ends.read, &ends.write, 65_536)
        guard made >= 0 else { throw StartError(.pipe, 0 &- made, errorText(0 &- made)) }
        errors = Descriptor(ends.read)
        let writeEnd = Descriptor(ends.write)
        // The command gets a blocking descriptor, as programs expect.
        _ = fcntl(ends.write, F_SETFL, fcntl(ends.write, F_GETFL) & ~O_NONBLOCK)
        let null = Descriptor(open("/dev/null", O_RDWR | O_CLOEXEC))
        guard null.number >= 0 else { throw StartError(.stdio, errno, "/dev/null: \(errorText(errno))") }

        var command = hl_command()
        command.null_device = null.number
        command.output = null.number
        oomScore.put(into: &command)
        command.errors = writeEnd.number
        if let account, !account.isCurrentUser {
            command.changes_user = 1
            command.uid = account.uid
            command.gid = account.gid
        }
        command.no_new_privileges = request.rights.noNewPrivileges ?? ((account?.uid ?? geteuid()) != 0) ? 1 : 0
        if let capabilities = request.rights.capabilities {
            command.limits_capabilities = 1
            command.capabilities = UInt(Capability.bits(capabilities))
        }
        let sandbox = try Self.openSandbox(of: request)
        if let sandbox {
            command.enters_sandbox = 1
            command.sandbox = sandbox.number
        }
        let variables = environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" } + [environmentTag]
        var step: Int32 = 0
        let pid = (account?.groups ?? []).withUnsafeBufferPointer { groups in
            command.groups = groups.baseAddress
            command.group_count = Int32(clamping: groups.count)
            return command.spawn(candidates, arguments, variables, in: request.workingDirectory, &step)
        }
        guard pid > 0 else { throw Self.refusal(name, request, step, 0 &- pid) }
        // Only this process reaps its children, so the PID still means this child, dead or alive.
        let pidfd = hl_pidfd_open(pid)
        guard pidfd >= 0 else { throw StartError(.fork, 0 &- pidfd, errorText(0 &- pidfd)) }
        self.pid = pid
        self.pidfd = Descriptor(pidfd)
    }

    /// Opens the process in whose sandbox the command runs; nil if it runs in none.
    private static func openSandbox(of request: ProbeRequest) throws(StartError) -> Descriptor? {
        guard let process = request.sandboxed else { return nil }
        guard let found = ProcessTable.open(process) else {
            throw StartError(.sandbox, ESRCH, "the program has ended")
        }
        return found.pidfd
    }

    private static func refusal(_ name: String, _ request: ProbeRequest, _ step: Int32, _ number: Int32) -> StartError {
        switch Int(step) {
        case Int(HL_STEP_USER):
            StartError(.user, number, "user `\(request.rights.user ?? "")`: \(errorText(number))")
        case Int(HL_STEP_SANDBOX):
            StartError(.sandbox, number, "the namespaces of the program: \(errorText(number))")
        case Int(HL_STEP_DIRECTORY):
            StartError(.directory, number, "\(request.workingDirectory): \(errorText(number))")
        case Int(HL_STEP_EXECUTE): StartError(.execute, number, "\(name): \(errorText(number))")
        default: StartError(.fork, number, errorText(number))
        }
    }

    // MARK: Output

    /// Reads the standard error and keeps its end; returns false when no more can come.
    func readErrors() -> Bool {
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(errors.number, &chunk, chunk.count)
            if count < 0 { return errno == EAGAIN || errno == EINTR }
            guard count > 0 else { return false }
            errorTail += chunk[..<count]
            // More is kept than is reported, so that no secret is cut at the beginning of the reported text.
            if errorTail.count > 64 * Self.reportedErrorSize {
                errorTail.removeFirst(errorTail.count - 32 * Self.reportedErrorSize)
            }
        }
    }

    /// The end of the standard error for an error text, after a colon; empty if there was no output.
    var errorSuffix: String {
        var whole = String(decoding: errorTail, as: UTF8.self)
        for secret in secrets { whole = whole.replacing(secret, with: "***") }
        let text = String(decoding: whole.utf8.suffix(Self.reportedErrorSize), as: UTF8.self).trimmed
        return text.isEmpty ? "" : ": \(text)"
    }

    /// Stops watching the standard error.
    func stopWatchingErrors(_ reactor: Reactor) {
        if isWatchingErrors { reactor.unwatch(errors.number) }
        isWatchingErrors = false
    }

    // MARK: End of the command

    /// Reaps the command and kills the processes it has left; returns nil while it runs.
    func reap() -> ProbeResult? {
        var status: Int32 = 0
        guard hl_pidfd_reap(pidfd.number, &status) != 0 else { return nil }
        isReaped = true
        _ = readErrors()
        killTree()
        if hl_status_exited(status) == 1 {
            let code = hl_status_code(status)
            return code == 0 ? .succeeded : .failed("`\(name)` ended with exit code \(code)\(errorSuffix)")
        }
        let signal = HeroModel.Signal(number: hl_status_signal(status))
        return .failed("`\(name)` was killed by signal \(signal)\(errorSuffix)")
    }

    /// Kills the command and all processes it has started: its descendants, its process group, and processes whose
    /// parent has ended so that they are children of this process now.
    func killTree() {
        for _ in 0..<Self.maximumKillRounds {
            // Children come before their parents, because the children of a killed parent get another parent. After the
            // command is reaped its PID may be reused, and its children are children of this process.
            let below = isReaped ? [] : Array(ProcessTable.descendants(of: pid).reversed())
            let (strays, undecided) = findStrays()
            let living = (below + strays).filter(Self.killProcess)
            _ = hl_pidfd_send_group_signal(pidfd.number, SIGKILL)
            _ = hl_pidfd_send_signal(pidfd.number, SIGKILL)
            guard living.isEmpty else { continue }
            if !undecided { return }
            hl_sleep(1_000_000)
        }
    }

    /// Returns the children of this process that have the tag of the command, with their descendants; and whether a
    /// child has no readable environment.
    ///
    /// During execve(2) the environment of a process is empty for a moment.
    private func findStrays() -> (found: [Int32], undecided: Bool) {
        var found: [Int32] = []
        var undecided = false
        let children = ProcessTable.children(of: getpid()).filter { $0 != pid && !isTrackedShim($0) }
        // The environment of a child without a response is unknown, and it is not killed.
        for (fact, state) in ProcessReader.read(children.map { .entry($0, environmentTag) }) {
            switch state.first.flatMap(ProcessFact.EntryState.init) {
            case .present: found += ProcessTable.descendants(of: fact.pid).reversed() + [fact.pid]
            case .empty: undecided = undecided || ProcStat(of: fact.pid).map { !$0.isDead } ?? false
            case .absent, nil: continue
            }
        }
        return (found, undecided)
    }

    /// Kills a process; returns false if it has ended already.
    private static func killProcess(_ pid: Int32) -> Bool {
        guard let found = ProcessTable.identify(pid), !found.stat.isDead else { return false }
        return hl_pidfd_send_signal(found.pidfd.number, SIGKILL) == 0
    }
}
