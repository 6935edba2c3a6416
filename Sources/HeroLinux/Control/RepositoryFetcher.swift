import Glibc
import HeroKernel
import HeroModel

/// Runs the helper process that fetches the followed git repository.
///
/// It has a process group of its own, in which git and its helpers run, and is killed together with them.
final class RepositoryFetcher {
    private let reactor: Reactor
    private let program: HelperProgram
    private let variables: [String]
    private var running: (id: UInt64, process: HelperProgram.Running, bytes: [UInt8], timeout: Duration)?
    /// Killed or finished helper processes, until they are reaped.
    private var ending: [UInt64: HelperProgram.Running] = [:]
    private var lastID: UInt64 = 0

    /// Variables of this process that the helper process receives.
    private static let inherited = [
        "PATH", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY",
    ]

    init(_ reactor: Reactor, _ program: HelperProgram, environment: [String: String]) {
        self.reactor = reactor
        self.program = program
        variables = Self.inherited.compactMap { name in environment[name].map { "\(name)=\($0)" } }
    }

    /// Whether a PID belongs to a helper process, which is reaped by `handleExit`.
    func isHelperProcess(_ pid: Int32) -> Bool {
        running?.process.pid == pid || ending.values.contains { $0.pid == pid }
    }

    /// Starts a fetch; one that is in progress is killed.
    func fetch(_ arguments: [String], timeout: Duration) {
        stop()
        lastID += 1
        let id = lastID
        var error: Int32 = 0
        guard let process = program.start(arguments, &error, variables: variables) else {
            return emit(.noReport("cannot start \(program.path): \(errorText(error))"))
        }
        running = (id, process, [], timeout)
        guard reactor.watch(process.replyPipe.number, EventSource(.repositoryReply, id)),
            reactor.watch(process.pidfd.number, EventSource(.repositoryExit, id))
        else {
            let error = errno
            stop()
            // Its exit cannot be watched, so it is reaped like an orphan.
            ending[id] = nil
            return emit(.noReport("cannot watch the helper process: \(errorText(error))"))
        }
        reactor.setTimer(EventSource(.repositoryReply, id), at: reactor.now + timeout)
    }

    /// The reply pipe is readable or closed.
    func readReply(_ id: UInt64) {
        guard running?.id == id, var current = running else { return }
        let isOpen = current.process.read(into: &current.bytes)
        running = current
        guard !isOpen else { return }
        stop()
        emit(current.bytes.isEmpty ? .noReport("the helper process ended without a report") : .report(current.bytes))
    }

    /// The time of the fetch is over.
    func handleTimeout(_ id: UInt64) {
        readReply(id)
        guard let current = running, current.id == id else { return }
        stop()
        emit(.noReport("no answer within \(current.timeout.components.seconds)s"))
    }

    /// A helper process has ended.
    func handleExit(_ id: UInt64) {
        readReply(id)
        // A process that has inherited the pipe keeps it open; the helper process itself has ended.
        if running?.id == id {
            let bytes = running?.bytes ?? []
            stop()
            emit(bytes.isEmpty ? .noReport("the helper process ended without a report") : .report(bytes))
        }
        guard let process = ending[id], process.reap() else { return }
        reactor.unwatch(process.pidfd.number)
        ending[id] = nil
    }

    private func stop() {
        guard let current = running else { return }
        running = nil
        reactor.cancelTimer(EventSource(.repositoryReply, current.id))
        reactor.unwatch(current.process.replyPipe.number)
        current.process.kill()
        ending[current.id] = current.process
    }

    private func emit(_ reply: RepositoryReply) { reactor.emit(.repositoryFetched(reply)) }
}
