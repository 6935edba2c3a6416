import CHeroLinux
import Glibc
import HeroKernel
import HeroModel

/// A probe command: run once in a session of its own, as the user of its job, and ended with all that came of it
/// (reliability.md RS-5).
///
/// The reconciler runs it itself and waits on its pidfd: it wakes when the command speaks or ends, and at no other time.
final class CommandProbe {
    let request: ProbeRequest
    /// Where its standard error can be read.
    let errors: Descriptor
    /// Becomes readable when it ends.
    let pidfd: Descriptor
    /// Its pid: nobody else's until it is reaped.
    let pid: Int32
    private let name: String
    /// Whether one of our children is a shim, and no command.
    private let isTrackedShim: (Int32) -> Bool
    /// What everything that comes of it has in its environment.
    private let environmentTag: String
    /// Values that it got from files, longest first: what it says of them is not passed on (reliability.md SE-1).
    private let secrets: [String]
    private var errorTail: [UInt8] = []
    private var isWatchingErrors = true
    private var isReaped = false

    private static let tagVariable = "HEROPROC_PROBE"
    private static let reportedErrorSize = 4096
    /// How often the processes of a command are looked for: one that forks may do so between two looks.
    private static let maximumKillRounds = 16

    /// Runs it.
    ///
    /// - Parameters:
    ///   - order: What is asked.
    ///   - arguments: argv.
    ///   - account: As whom it runs; nil where nobody is named.
    ///   - oomScore: What it begins with.
    ///   - isShim: Whether one of our children is a shim, and no command.
    /// - Throws: A refusal whose detail says what is not possible.
    init(
        _ order: ProbeRequest,
        _ arguments: [String],
        as account: Account?,
        _ oomScore: OOMScore,
        isShim: @escaping (Int32) -> Bool
    ) throws(StartError) {
        self.request = order
        self.isTrackedShim = isShim
        name = arguments.first ?? ""
        environmentTag = "\(Self.tagVariable)=\(String(hl_random(), radix: 16))"
        var environment = try ResolvedLaunch.resolveEnvironment(order.environment)
        secrets = ResolvedLaunch.secrets(in: environment, of: order.environment)
        if let account { environment.merge(account.variables) { given, _ in given } }
        var candidates = ResolvedLaunch.candidatePaths(name, path: environment["PATH"] ?? "")
        if order.rights.isStrict {
            candidates = try TrustedProgram.trustedCandidates(candidates, in: order.workingDirectory)
        }
        var ends: (read: Int32, write: Int32) = (-1, -1)
        let made = hl_pipe(&ends.read, &ends.write, 65_536)
        guard made >= 0 else { throw StartError(.pipe, 0 &- made, errorText(0 &- made)) }
        errors = Descriptor(ends.read)
        let writeEnd = Descriptor(ends.write)
        // The command's own end waits when it is full, as programs expect it.
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
        command.no_new_privileges = order.rights.noNewPrivileges ?? ((account?.uid ?? geteuid()) != 0) ? 1 : 0
        let variables = environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" } + [environmentTag]
        var step: Int32 = 0
        let pid = (account?.groups ?? []).withUnsafeBufferPointer { groups in
            command.groups = groups.baseAddress
            command.group_count = Int32(clamping: groups.count)
            return command.spawn(candidates, arguments, variables, in: order.workingDirectory, &step)
        }
        guard pid > 0 else { throw Self.refusal(name, order, step, 0 &- pid) }
        // Nobody else reaps our children, so the pid is still this one, dead or alive.
        let pidfd = hl_pidfd_open(pid)
        guard pidfd >= 0 else { throw StartError(.fork, 0 &- pidfd, errorText(0 &- pidfd)) }
        self.pid = pid
        self.pidfd = Descriptor(pidfd)
    }

    private static func refusal(_ name: String, _ order: ProbeRequest, _ step: Int32, _ number: Int32) -> StartError {
        switch Int(step) {
        case Int(HL_STEP_USER):
            StartError(.user, number, "user `\(order.rights.user ?? "")`: \(errorText(number))")
        case Int(HL_STEP_DIRECTORY):
            StartError(.directory, number, "\(order.workingDirectory): \(errorText(number))")
        case Int(HL_STEP_EXECUTE): StartError(.execute, number, "\(name): \(errorText(number))")
        default: StartError(.fork, number, errorText(number))
        }
    }

    // MARK: What it says

    /// Keeps the end of what it says; false when it has no more to say.
    func readErrors() -> Bool {
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(errors.number, &chunk, chunk.count)
            if count < 0 { return errno == EAGAIN || errno == EINTR }
            guard count > 0 else { return false }
            errorTail += chunk[..<count]
            // More than is told, so that no secret is cut in two where the telling begins.
            if errorTail.count > 64 * Self.reportedErrorSize {
                errorTail.removeFirst(errorTail.count - 32 * Self.reportedErrorSize)
            }
        }
    }

    /// The end of its standard error, for a reason; empty when it said nothing.
    var errorSuffix: String {
        var whole = String(decoding: errorTail, as: UTF8.self)
        for secret in secrets { whole = whole.replacing(secret, with: "***") }
        let text = String(decoding: whole.utf8.suffix(Self.reportedErrorSize), as: UTF8.self).trimmed
        return text.isEmpty ? "" : ": \(text)"
    }

    /// No longer wants to know what it says.
    func stopWatchingErrors(_ reactor: Reactor) {
        if isWatchingErrors { reactor.unwatch(errors.number) }
        isWatchingErrors = false
    }

    // MARK: How it ends

    /// Takes in its end, and ends what it left behind; nil while it runs.
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
        return .failed("`\(name)` was ended by signal \(signal)\(errorSuffix)")
    }

    /// Ends it with SIGKILL, and all that came of it: what is below it, what is in its process group, and what lost its
    /// parent and came to us.
    func killTree() {
        for _ in 0..<Self.maximumKillRounds {
            // From below: a parent that goes first gives its children away.
            // Once it is reaped its number may be another's, and what was below it has come to us.
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

    /// Our children that carry its mark, with all below them; and whether there is one that shows nothing.
    ///
    /// In the middle of execve(2) a process has no environment to show, and shows it a moment later.
    private func findStrays() -> (found: [Int32], undecided: Bool) {
        var found: [Int32] = []
        var undecided = false
        for child in ProcessTable.children(of: getpid()) where child != pid && !isTrackedShim(child) {
            let variables = readFile("/proc/\(child)/environ", limit: 1 << 20) ?? []
            if variables.isEmpty {
                undecided = undecided || ProcStat(of: child).map { !$0.isDead } ?? false
            } else if variables.split(separator: 0).contains(where: { $0.elementsEqual(environmentTag.utf8) }) {
                found += ProcessTable.descendants(of: child).reversed() + [child]
            }
        }
        return (found, undecided)
    }

    /// Kills one; false when it had ended already.
    private static func killProcess(_ pid: Int32) -> Bool {
        guard let found = ProcessTable.identify(pid), !found.stat.isDead else { return false }
        return hl_pidfd_send_signal(found.pidfd.number, SIGKILL) == 0
    }
}
