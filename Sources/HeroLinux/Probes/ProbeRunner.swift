import CHeroLinux
import Glibc
import HeroKernel
import HeroModel
import HeroPattern

extension StartError {
    /// Whether the reconciler or the machine was short of resources.
    ///
    /// EAGAIN of the execution is excluded: the user of the command may have too many processes because of the probed
    /// program.
    fileprivate var isLocalShortage: Bool {
        failure.isTransient && !(failure.stage == .execute && failure.errno == EAGAIN)
    }
}

/// Runs probes of running programs; each result becomes one event.
///
/// Connections and commands run in the event loop. Only host names that need a resolver use another thread.
final class ProbeRunner {
    let reactor: Reactor
    let shimTracker: ShimTracker
    let helperTasks: HelperTasks
    /// Probes that wait until the memory of a process tree is read.
    var memoryReads: [UInt64: (request: ProbeRequest, task: HelperTasks.TaskID)] = [:]
    private let logDirectory: String
    private let mailbox: Mailbox
    private var connections: [UInt64: ProbeConnection] = [:]
    private var commands: [UInt64: CommandProbe] = [:]
    /// Commands of stopped probes, until they are reaped.
    private var endingCommands: [UInt64: CommandProbe] = [:]
    private var outputSearches: [JobID: OutputSearch] = [:]
    private var nameLookups: [UInt64: ProbeRequest] = [:]
    /// Commands that wait for their account.
    private var pendingAccounts: [UInt64: (request: ProbeRequest, lookup: AccountLookups.LookupID)] = [:]
    private let accountLookups: AccountLookups
    private let oomScore: OOMScore
    /// Whether a resolver thread was ever started.
    private(set) var hasStartedResolver = false
    private var probeIDsByJob: [JobID: Set<UInt64>] = [:]
    private var lastID: UInt64 = 0
    private var listenerTable = ListenerTable()

    /// Creates a runner without probes.
    ///
    /// `oomScore` is the out-of-memory score of commands.
    init(
        _ reactor: Reactor,
        shimTracker: ShimTracker,
        accountLookups: AccountLookups,
        helperTasks: HelperTasks,
        logDirectory: String,
        oomScore: OOMScore
    ) throws(LinuxError) {
        self.reactor = reactor
        self.shimTracker = shimTracker
        self.accountLookups = accountLookups
        self.helperTasks = helperTasks
        self.logDirectory = logDirectory
        self.oomScore = oomScore
        mailbox = try Mailbox()
        guard reactor.watch(mailbox.descriptor.number, EventSource(.resolverResults)) else {
            throw LinuxError(cannot: "watch for probe results", errno)
        }
    }

    /// Whether a PID belongs to a command, which is reaped by `handleCommandExit`.
    func isCommandProcess(_ pid: Int32) -> Bool {
        commands.values.contains { $0.pid == pid } || endingCommands.values.contains { $0.pid == pid }
    }

    /// Starts one probe.
    func startProbe(_ request: ProbeRequest) {
        if let error = FileDescriptors.openError {
            let reason = "cannot open files: \(errorText(error))"
            return reactor.emit(.start(request.start, .probeFinished(serial: request.serial, .skipped(reason))))
        }
        if let limit = request.memoryBelow { checkMemory(request, below: limit) } else { startCheck(request) }
    }

    /// The ID of a new probe.
    func takeID() -> UInt64 {
        lastID += 1
        return lastID
    }

    /// Starts the check of a probe.
    func startCheck(_ request: ProbeRequest) {
        let id = takeID()
        switch request.question {
        case .listening(let sockets, let ports):
            let result = listenerTable.checkListening(
                shim: shimTracker.shimPID(of: request.start),
                sockets: sockets,
                ports: ports,
                now: reactor.now
            )
            reactor.emit(.start(request.start, .probeFinished(serial: request.serial, result)))
        case .probe(.tcp(let endpoint)): connect(id, request, host: endpoint.host, port: endpoint.port)
        case .probe(.unix(let path)): openConnection(id, request, [.unix(path)])
        case .probe(.http(let target)):
            switch target.server {
            case .tcp(let host, let port): connect(id, request, host: host, port: port)
            case .unix(let path): openConnection(id, request, [.unix(path)])
            }
        case .probe(.exec(let arguments)):
            // Each job has at most one command, even if a killed command does not end (RS-5).
            guard !endingCommands.values.contains(where: { $0.request.start.job == request.start.job }) else {
                return finishProbe(id, request, .failed("an earlier command was killed and has not ended yet"))
            }
            runCommand(id, request, arguments)
        case .command(let arguments): runCommand(id, request, arguments)
        case .probe(.log(let pattern)):
            reactor.emit(.start(request.start, .probeFinished(serial: request.serial, searchOutput(request, pattern))))
        case .probe(.notify):
            let isReady = shimTracker.refreshNotifyState(request.start)?.isReady ?? false
            reactor.emit(
                .start(
                    request.start,
                    .probeFinished(
                        serial: request.serial,
                        isReady ? .succeeded : .failed("it has not sent READY=1 yet")
                    )
                )
            )
        case .probe(.descriptor(let number)):
            let isReady = shimTracker.refreshNotifyState(request.start)?.isReady ?? false
            let result = isReady ? ProbeResult.succeeded : .failed("it has not written to descriptor \(number) yet")
            reactor.emit(.start(request.start, .probeFinished(serial: request.serial, result)))
        case .probe(.memory):
            reactor.emit(.start(request.start, .probeFinished(serial: request.serial, .succeeded)))
        case .probe(.aliveFor):
            // Only the clock decides, so the lifecycle requests no such probe.
            reactor.emit(.start(request.start, .probeFinished(serial: request.serial, .succeeded)))
        case .probe(.watchdog):
            // The notify state is the result, and its event comes first.
            let isReadable = shimTracker.refreshNotifyState(request.start) != nil
            reactor.emit(
                .start(
                    request.start,
                    .probeFinished(
                        serial: request.serial,
                        isReadable ? .succeeded : .failed("its notify state cannot be read")
                    )
                )
            )
        }
    }

    /// Stops all probes of a job and kills their commands.
    func stopProbes(_ job: JobID) {
        for id in probeIDsByJob[job] ?? [] {
            if let connection = connections[id] { reactor.unwatch(connection.descriptor.number) }
            removeProbe(id, of: job)
        }
        outputSearches[job] = nil
    }

    /// A probe has reached its time limit.
    func handleTimeout(_ id: UInt64) {
        // The event loop itself may have been delayed. A reply that is available now counts as in time, and a server
        // that had to wait for the next request has not had its time yet.
        let hasAdvanced = advanceConnection(id)
        handleCommandExit(id)
        if let connection = connections[id] {
            if hasAdvanced { return startTimeout(id, connection.request) }
            finishProbe(id, connection.request, .failed("\(connection.targetText) did not respond in time"))
        } else if let command = commands[id] {
            _ = command.readErrors()
            finishProbe(id, command.request, .failed("the command did not end in time\(command.errorSuffix)"))
        } else if let request = memoryReads[id]?.request {
            finishMemoryRead(id, request, nil, "it could not be read in time")
        } else if let request = nameLookups[id] {
            finishProbe(id, request, .failed("the name could not be resolved in time"))
        } else if let request = pendingAccounts[id]?.request {
            finishProbe(
                id,
                request,
                .failed("the lookup of user `\(request.rights.user ?? "")` did not finish in time")
            )
        }
    }

    func finishProbe(_ id: UInt64, _ request: ProbeRequest, _ result: ProbeResult) {
        if let connection = connections[id] { reactor.unwatch(connection.descriptor.number) }
        removeProbe(id, of: request.start.job)
        reactor.emit(.start(request.start, .probeFinished(serial: request.serial, result)))
    }

    func removeProbe(_ id: UInt64, of job: JobID) {
        reactor.cancelTimer(EventSource(.probeConnection, id))
        connections[id] = nil
        nameLookups[id] = nil
        if let read = memoryReads.removeValue(forKey: id) { helperTasks.cancel(read.task) }
        if let user = pendingAccounts.removeValue(forKey: id) { accountLookups.cancel(user.lookup) }
        if let command = commands.removeValue(forKey: id) {
            command.stopWatchingErrors(reactor)
            command.killTree()
            endingCommands[id] = command
        }
        probeIDsByJob[job]?.remove(id)
        if probeIDsByJob[job]?.isEmpty == true { probeIDsByJob[job] = nil }
    }

    func addProbe(_ id: UInt64, _ request: ProbeRequest) {
        probeIDsByJob[request.start.job, default: []].insert(id)
        startTimeout(id, request)
    }

    private func startTimeout(_ id: UInt64, _ request: ProbeRequest) {
        reactor.setTimer(EventSource(.probeConnection, id), at: reactor.now + request.timeout)
    }

    // MARK: - Connections

    private func connect(_ id: UInt64, _ request: ProbeRequest, host: String?, port: UInt16) {
        if let addresses = ProbeAddress.numeric(host: host, port: port) {
            return openConnection(id, request, addresses)
        }
        // A resolver may block for a long time, so it runs on a thread of its own.
        let mailbox = mailbox
        let name = host ?? "localhost"
        let error = startThread { mailbox.post(.resolved(id, ProbeAddress.resolve(name, port: port))) }
        guard error == 0 else {
            let reason = "cannot resolve the address of \(name): \(errorText(error))"
            return finishProbe(id, request, .skipped(reason))
        }
        addProbe(id, request)
        nameLookups[id] = request
        hasStartedResolver = true
    }

    private func openConnection(_ id: UInt64, _ request: ProbeRequest, _ addresses: [ProbeAddress]) {
        guard let connection = ProbeConnection.open(request, addresses) else {
            return finishProbe(id, request, .failed("there is no address to connect to"))
        }
        switch connection {
        case .failed(let result): finishProbe(id, request, result)
        case .opened(let connection):
            connections[id] = connection
            if probeIDsByJob[request.start.job]?.contains(id) != true { addProbe(id, request) }
            let source = EventSource(.probeConnection, id)
            guard reactor.watch(connection.descriptor.number, source, for: hl_epoll_out()) else {
                return finishProbe(id, request, .skipped("cannot watch the connection: \(errorText(errno))"))
            }
        }
    }

    /// A connection can be written or read, or has failed.
    func handleConnection(_ id: UInt64) { _ = advanceConnection(id) }

    /// Advances a connection.
    ///
    /// - Returns: Whether a step was made after which the server has a full time limit again.
    private func advanceConnection(_ id: UInt64) -> Bool {
        guard var connection = connections[id] else { return false }
        let step = connection.advance()
        connections[id] = connection
        switch step {
        case .wait: return false
        case .read:
            reactor.changeWatch(
                connection.descriptor.number,
                EventSource(.probeConnection, id),
                for: hl_epoll_in()
            )
            return true
        case .finished(let result):
            finishProbe(id, connection.request, result)
            return false
        case .tryNext(let addresses):
            reactor.unwatch(connection.descriptor.number)
            connections[id] = nil
            openConnection(id, connection.request, addresses)
            return connections[id] != nil
        }
    }

    // MARK: - Commands

    private func runCommand(_ id: UInt64, _ request: ProbeRequest, _ arguments: [String]) {
        addProbe(id, request)
        let lookup = accountLookups.find(request.rights, for: request.start) { [weak self] account in
            self?.pendingAccounts[id] = nil
            self?.runCommand(id, request, arguments, as: account)
        }
        if let lookup { pendingAccounts[id] = (request, lookup) }
    }

    private func runCommand(
        _ id: UInt64,
        _ request: ProbeRequest,
        _ arguments: [String],
        as account: AccountLookups.Result
    ) {
        let command: CommandProbe
        do {
            command = try CommandProbe(request, arguments, as: account.get(), oomScore) { [shimTracker] in
                shimTracker.isTrackedShim($0)
            }
        } catch {
            let reason = "cannot run `\(arguments.first ?? "")`: \(error.failure)"
            return finishProbe(id, request, error.isLocalShortage ? .skipped(reason) : .failed(reason))
        }
        commands[id] = command
        guard reactor.watch(command.errors.number, EventSource(.probeCommandErrors, id)),
            reactor.watch(command.pidfd.number, EventSource(.probeCommandExit, id))
        else {
            return finishProbe(id, request, .skipped("cannot watch the command: \(errorText(errno))"))
        }
    }

    /// The standard error of a command is readable.
    func readCommandErrors(_ id: UInt64) {
        guard let command = commands[id] else { return }
        if !command.readErrors() { command.stopWatchingErrors(reactor) }
    }

    /// A command has ended.
    func handleCommandExit(_ id: UInt64) {
        guard let command = commands[id] ?? endingCommands[id], let result = command.reap() else { return }
        reactor.unwatch(command.pidfd.number)
        command.stopWatchingErrors(reactor)
        endingCommands[id] = nil
        guard commands.removeValue(forKey: id) != nil else { return }
        finishProbe(id, command.request, result)
    }

    // MARK: - Output

    private func searchOutput(_ request: ProbeRequest, _ pattern: String) -> ProbeResult {
        let job = request.start.job
        do throws(LinePattern.SyntaxError) {
            if outputSearches[job]?.matchesRequest(request, pattern) != true {
                let path = "\(logDirectory)/\(request.logFile)"
                outputSearches[job] = OutputSearch(request, path, pattern, try LinePattern(pattern))
            }
        } catch {
            return .failed("`\(pattern)` is not a valid pattern: \(error.reason)")
        }
        return outputSearches[job]?.continueSearch() ?? .failed("its output cannot be read")
    }

    // MARK: - Host names

    /// A resolver thread has finished.
    func readResolverResults() {
        for result in mailbox.takeAll() {
            switch result {
            case .resolved(let id, let addresses):
                guard let request = nameLookups.removeValue(forKey: id) else { continue }
                guard !addresses.isEmpty else {
                    finishProbe(id, request, .failed("the name cannot be resolved"))
                    continue
                }
                openConnection(id, request, addresses)
            }
        }
    }
}
