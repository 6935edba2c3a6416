import CHeroLinux
import Glibc
import HeroKernel
import HeroModel
import HeroPattern

extension StartError {
    /// Whether the machine lacked room for a command, and not its own user, who may be out of processes because of the very
    /// program that is asked about.
    fileprivate var isLocalShortage: Bool {
        failure.isTransient && !(failure.stage == .execute && failure.errno == EAGAIN)
    }
}

/// Asks questions of running programs; each answer becomes one event.
///
/// Connections are made and commands are run on the reactor; only names that need a resolver leave the thread.
final class ProbeRunner {
    private let reactor: Reactor
    private let starts: ShimTracker
    private let logDirectory: String
    private let mailbox: Mailbox
    private var connections: [UInt64: ProbeConnection] = [:]
    private var commands: [UInt64: CommandProbe] = [:]
    /// Commands that nobody asks about any more, until they are reaped.
    private var endingCommands: [UInt64: CommandProbe] = [:]
    private var outputSearches: [JobID: OutputSearch] = [:]
    private var nameLookups: [UInt64: ProbeRequest] = [:]
    /// Commands that wait for the account they run as.
    private var pendingAccounts: [UInt64: (order: ProbeRequest, lookup: AccountLookups.LookupID)] = [:]
    private let accountLookups: AccountLookups
    private let oomScore: OOMScore
    /// Whether a resolver ever ran on a thread of its own.
    private(set) var hasStartedResolver = false
    private var probeIDsByJob: [JobID: Set<UInt64>] = [:]
    private var lastID: UInt64 = 0
    private var listenerTable = ListenerTable()

    /// Begins without questions; `logs` is the log directory, and `oomScore` what commands begin with.
    init(_ reactor: Reactor, starts: ShimTracker, accounts: AccountLookups, logs: String, oomScore: OOMScore)
        throws(LinuxError)
    {
        self.reactor = reactor
        self.starts = starts
        self.accountLookups = accounts
        self.logDirectory = logs
        self.oomScore = oomScore
        mailbox = try Mailbox()
        guard reactor.watch(mailbox.descriptor.number, EventSource(.resolverResults)) else {
            throw LinuxError(cannot: "watch for probe results", errno)
        }
    }

    /// Whether this is a command that is reaped with its own event.
    func isCommandProcess(_ pid: Int32) -> Bool {
        commands.values.contains { $0.pid == pid } || endingCommands.values.contains { $0.pid == pid }
    }

    /// Asks one question.
    func startProbe(_ order: ProbeRequest) {
        lastID += 1
        let number = lastID
        if let lack = FileDescriptorBudget.openError {
            let reason = "cannot open anything: \(errorText(lack))"
            return reactor.emit(.probeFinished(order.start, serial: order.serial, .skipped(reason)))
        }
        switch order.question {
        case .listening(let sockets, let ports):
            let answer = listenerTable.checkListening(
                shim: starts.shimPID(of: order.start),
                sockets: sockets,
                ports: ports,
                now: reactor.now
            )
            reactor.emit(.probeFinished(order.start, serial: order.serial, answer))
        case .probe(.tcp(let endpoint)): connect(number, order, host: endpoint.host, port: endpoint.port)
        case .probe(.unix(let path)): openConnection(number, order, [.unix(path)])
        case .probe(.http(let target)):
            switch target.server {
            case .tcp(let host, let port): connect(number, order, host: host, port: port)
            case .unix(let path): openConnection(number, order, [.unix(path)])
            }
        case .probe(.exec(let arguments)): runCommand(number, order, arguments)
        case .probe(.log(let pattern)):
            reactor.emit(.probeFinished(order.start, serial: order.serial, searchOutput(order, pattern)))
        case .probe(.notify):
            let isReady = starts.refreshNotifyState(order.start)?.isReady ?? false
            reactor.emit(
                .probeFinished(
                    order.start,
                    serial: order.serial,
                    isReady ? .succeeded : .failed("it has not said READY=1 yet")
                )
            )
        case .probe(.watchdog):
            // What it said is the answer, and comes before it.
            let isHeard = starts.refreshNotifyState(order.start) != nil
            reactor.emit(
                .probeFinished(
                    order.start,
                    serial: order.serial,
                    isHeard ? .succeeded : .failed("what it said cannot be read")
                )
            )
        }
    }

    /// Drops all questions about a job; its commands are ended.
    func stopProbes(_ job: JobID) {
        for number in probeIDsByJob[job] ?? [] {
            if let conversation = connections[number] { reactor.unwatch(conversation.descriptor.number) }
            removeProbe(number, of: job)
        }
        outputSearches[job] = nil
    }

    /// A deadline passed.
    func handleTimeout(_ number: UInt64) {
        // We may have been held up ourselves: what is answered by now was answered in time, as far as anybody can tell, and
        // who had to wait for our next word has not been asked yet.
        let goesOn = advanceConnection(number)
        handleCommandExit(number)
        if let conversation = connections[number] {
            if goesOn { return startTimeout(number, conversation.request) }
            finishProbe(number, conversation.request, .failed("\(conversation.targetText) did not answer in time"))
        } else if let command = commands[number] {
            _ = command.readErrors()
            finishProbe(number, command.request, .failed("the command did not end in time\(command.errorSuffix)"))
        } else if let order = nameLookups[number] {
            finishProbe(number, order, .failed("the name could not be resolved in time"))
        } else if let order = pendingAccounts[number]?.order {
            finishProbe(
                number,
                order,
                .failed("the lookup of user `\(order.rights.user ?? "")` did not answer in time")
            )
        }
    }

    private func finishProbe(_ number: UInt64, _ order: ProbeRequest, _ answer: ProbeResult) {
        if let conversation = connections[number] { reactor.unwatch(conversation.descriptor.number) }
        removeProbe(number, of: order.start.job)
        reactor.emit(.probeFinished(order.start, serial: order.serial, answer))
    }

    private func removeProbe(_ number: UInt64, of job: JobID) {
        reactor.cancelTimer(EventSource(.probeConnection, number))
        connections[number] = nil
        nameLookups[number] = nil
        if let user = pendingAccounts.removeValue(forKey: number) { accountLookups.cancel(user.lookup) }
        if let command = commands.removeValue(forKey: number) {
            command.stopWatchingErrors(reactor)
            command.killTree()
            endingCommands[number] = command
        }
        probeIDsByJob[job]?.remove(number)
        if probeIDsByJob[job]?.isEmpty == true { probeIDsByJob[job] = nil }
    }

    private func addProbe(_ number: UInt64, _ order: ProbeRequest) {
        probeIDsByJob[order.start.job, default: []].insert(number)
        startTimeout(number, order)
    }

    private func startTimeout(_ number: UInt64, _ order: ProbeRequest) {
        reactor.setTimer(EventSource(.probeConnection, number), at: reactor.now + order.timeout)
    }

    // MARK: - Connections

    private func connect(_ number: UInt64, _ order: ProbeRequest, host: String?, port: UInt16) {
        if let places = ProbeAddress.numeric(host: host, port: port) { return openConnection(number, order, places) }
        // A resolver may take its time: it gets a thread of its own, and its answer a number.
        let mailbox = mailbox
        let name = host ?? "localhost"
        let error = startThread { mailbox.post(.resolved(number, ProbeAddress.resolve(name, port: port))) }
        guard error == 0 else {
            let reason = "cannot ask for the address of \(name): \(errorText(error))"
            return finishProbe(number, order, .skipped(reason))
        }
        addProbe(number, order)
        nameLookups[number] = order
        hasStartedResolver = true
    }

    private func openConnection(_ number: UInt64, _ order: ProbeRequest, _ places: [ProbeAddress]) {
        guard let conversation = ProbeConnection.open(order, places) else {
            return finishProbe(number, order, .failed("there is nothing to connect to"))
        }
        switch conversation {
        case .failed(let result): finishProbe(number, order, result)
        case .opened(let conversation):
            connections[number] = conversation
            if probeIDsByJob[order.start.job]?.contains(number) != true { addProbe(number, order) }
            let subject = EventSource(.probeConnection, number)
            guard reactor.watch(conversation.descriptor.number, subject, for: hl_epoll_out()) else {
                return finishProbe(number, order, .skipped("cannot watch the connection: \(errorText(errno))"))
            }
        }
    }

    /// A connection can be written or read, or failed.
    func handleConnection(_ number: UInt64) { _ = advanceConnection(number) }

    /// Takes the next step of a conversation, if it can be taken.
    ///
    /// - Returns: Whether it was taken, and the other side has not been waited for since.
    private func advanceConnection(_ number: UInt64) -> Bool {
        guard var conversation = connections[number] else { return false }
        let step = conversation.advance()
        connections[number] = conversation
        switch step {
        case .wait: return false
        case .read:
            reactor.changeWatch(
                conversation.descriptor.number,
                EventSource(.probeConnection, number),
                for: hl_epoll_in()
            )
            return true
        case .finished(let result):
            finishProbe(number, conversation.request, result)
            return false
        case .tryNext(let places):
            reactor.unwatch(conversation.descriptor.number)
            connections[number] = nil
            openConnection(number, conversation.request, places)
            return connections[number] != nil
        }
    }

    // MARK: - Commands

    private func runCommand(_ number: UInt64, _ order: ProbeRequest, _ arguments: [String]) {
        let job = order.start.job
        // At most one for each job, also where a killed one does not go (reliability.md RS-5).
        guard !endingCommands.values.contains(where: { $0.request.start.job == job }) else {
            return finishProbe(number, order, .failed("an earlier command has not ended yet, although it was killed"))
        }
        addProbe(number, order)
        let lookup = accountLookups.find(order.rights, for: order.start) { [weak self] account in
            self?.pendingAccounts[number] = nil
            self?.runCommand(number, order, arguments, as: account)
        }
        if let lookup { pendingAccounts[number] = (order, lookup) }
    }

    private func runCommand(
        _ number: UInt64,
        _ order: ProbeRequest,
        _ arguments: [String],
        as account: AccountLookups.Result
    ) {
        let command: CommandProbe
        do {
            command = try CommandProbe(order, arguments, as: account.get(), oomScore) { [starts] in
                starts.isTrackedShim($0)
            }
        } catch {
            let reason = "cannot run `\(arguments.first ?? "")`: \(error.failure)"
            return finishProbe(number, order, error.isLocalShortage ? .skipped(reason) : .failed(reason))
        }
        commands[number] = command
        guard reactor.watch(command.errors.number, EventSource(.probeCommandErrors, number)),
            reactor.watch(command.pidfd.number, EventSource(.probeCommandExit, number))
        else {
            return finishProbe(number, order, .skipped("cannot watch the command: \(errorText(errno))"))
        }
    }

    /// A command wrote to its standard error.
    func readCommandErrors(_ number: UInt64) {
        guard let command = commands[number] else { return }
        if !command.readErrors() { command.stopWatchingErrors(reactor) }
    }

    /// A command has ended.
    func handleCommandExit(_ number: UInt64) {
        guard let command = commands[number] ?? endingCommands[number], let result = command.reap() else { return }
        reactor.unwatch(command.pidfd.number)
        command.stopWatchingErrors(reactor)
        endingCommands[number] = nil
        guard commands.removeValue(forKey: number) != nil else { return }
        finishProbe(number, command.request, result)
    }

    // MARK: - Output

    private func searchOutput(_ order: ProbeRequest, _ pattern: String) -> ProbeResult {
        let job = order.start.job
        do throws(LinePattern.SyntaxError) {
            if outputSearches[job]?.matchesRequest(order, pattern) != true {
                let path = "\(logDirectory)/\(order.logFile)"
                outputSearches[job] = OutputSearch(order, path, pattern, try LinePattern(pattern))
            }
        } catch {
            return .failed("`\(pattern)` is no pattern: \(error.reason)")
        }
        return outputSearches[job]?.continueSearch() ?? .failed("its output cannot be read")
    }

    // MARK: - Names

    /// Something that ran beside the reactor is done.
    func readResolverResults() {
        for result in mailbox.takeAll() {
            switch result {
            case .resolved(let number, let places):
                guard let order = nameLookups.removeValue(forKey: number) else { continue }
                guard !places.isEmpty else {
                    finishProbe(number, order, .failed("the name cannot be resolved"))
                    continue
                }
                openConnection(number, order, places)
            }
        }
    }
}
