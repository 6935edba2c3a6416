import CHeroLinux
import Glibc
import HeroKernel
import HeroModel

extension StartRefusal {
    /// Whether the machine lacked room for a command, and not its own user, who may be out of processes because of the very
    /// program that is asked about.
    fileprivate var isOurs: Bool { failure.isTransient && !(failure.stage == .execute && failure.errno == EAGAIN) }
}

/// Asks questions of running programs; each answer becomes one event.
///
/// Connections are made and commands are run on the reactor; only names that need a resolver leave the thread.
final class Prober {
    private let reactor: Reactor
    private let starts: Starts
    private let logs: String
    private let mailbox: Mailbox
    private var conversations: [UInt64: Conversation] = [:]
    private var commands: [UInt64: CommandProbe] = [:]
    /// Commands that nobody asks about any more, until they are reaped.
    private var leavers: [UInt64: CommandProbe] = [:]
    private var searches: [JobID: OutputSearch] = [:]
    private var lookups: [UInt64: ProbeRequest] = [:]
    /// Commands that wait for the account they run as.
    private var users: [UInt64: (order: ProbeRequest, lookup: AccountLookups.Number)] = [:]
    private let accounts: AccountLookups
    private let oomScore: OOMScore
    /// Whether a resolver ever ran on a thread of its own.
    private(set) var hasLeftThread = false
    private var byJob: [JobID: Set<UInt64>] = [:]
    private var lastNumber: UInt64 = 0
    private var listeners = Listeners()

    /// Begins without questions; `logs` is the log directory, and `oomScore` what commands begin with.
    init(_ reactor: Reactor, starts: Starts, accounts: AccountLookups, logs: String, oomScore: OOMScore)
        throws(LinuxError)
    {
        self.reactor = reactor
        self.starts = starts
        self.accounts = accounts
        self.logs = logs
        self.oomScore = oomScore
        mailbox = try Mailbox()
        guard reactor.watch(mailbox.descriptor.number, Subject(.results)) else {
            throw LinuxError(cannot: "watch for probe results", errno)
        }
    }

    /// Whether this is a command that is reaped with its own event.
    func isCommand(_ pid: Int32) -> Bool {
        commands.values.contains { $0.pid == pid } || leavers.values.contains { $0.pid == pid }
    }

    /// Asks one question.
    func ask(_ order: ProbeRequest) {
        lastNumber += 1
        let number = lastNumber
        if let lack = Room.lack {
            let reason = "cannot open anything: \(errorText(lack))"
            return reactor.emit(.probeFinished(order.start, serial: order.serial, .skipped(reason)))
        }
        switch order.question {
        case .listening(let sockets, let ports):
            let answer = listeners.answer(
                shim: starts.shimPID(of: order.start),
                sockets: sockets,
                ports: ports,
                now: reactor.now
            )
            reactor.emit(.probeFinished(order.start, serial: order.serial, answer))
        case .probe(.tcp(let endpoint)): connect(number, order, host: endpoint.host, port: endpoint.port)
        case .probe(.unix(let path)): converse(number, order, [.unix(path)])
        case .probe(.http(let target)):
            switch target.server {
            case .tcp(let host, let port): connect(number, order, host: host, port: port)
            case .unix(let path): converse(number, order, [.unix(path)])
            }
        case .probe(.exec(let arguments)): run(number, order, arguments)
        case .probe(.log(let pattern)):
            reactor.emit(.probeFinished(order.start, serial: order.serial, search(order, pattern)))
        case .probe(.notify):
            let isReady = starts.hear(order.start)?.isReady ?? false
            reactor.emit(
                .probeFinished(order.start, serial: order.serial, isReady ? .succeeded : .failed("it has not said READY=1 yet"))
            )
        case .probe(.watchdog):
            // What it said is the answer, and comes before it.
            let isHeard = starts.hear(order.start) != nil
            reactor.emit(
                .probeFinished(order.start, serial: order.serial, isHeard ? .succeeded : .failed("what it said cannot be read"))
            )
        }
    }

    /// Drops all questions about a job; its commands are ended.
    func stopAsking(_ job: JobID) {
        for number in byJob[job] ?? [] {
            if let conversation = conversations[number] { reactor.unwatch(conversation.descriptor.number) }
            forget(number, of: job)
        }
        searches[job] = nil
    }

    /// A deadline passed.
    func ring(_ number: UInt64) {
        // We may have been held up ourselves: what is answered by now was answered in time, as far as anybody can tell, and
        // who had to wait for our next word has not been asked yet.
        let goesOn = converseFurther(number)
        commandEnded(number)
        if let conversation = conversations[number] {
            if goesOn { return setAlarm(number, conversation.order) }
            answer(number, conversation.order, .failed("\(conversation.place) did not answer in time"))
        } else if let command = commands[number] {
            _ = command.readErrors()
            answer(number, command.order, .failed("the command did not end in time\(command.lastWords)"))
        } else if let order = lookups[number] {
            answer(number, order, .failed("the name could not be resolved in time"))
        } else if let order = users[number]?.order {
            answer(number, order, .failed("the lookup of user `\(order.rights.user ?? "")` did not answer in time"))
        }
    }

    private func answer(_ number: UInt64, _ order: ProbeRequest, _ answer: ProbeResult) {
        if let conversation = conversations[number] { reactor.unwatch(conversation.descriptor.number) }
        forget(number, of: order.start.job)
        reactor.emit(.probeFinished(order.start, serial: order.serial, answer))
    }

    private func forget(_ number: UInt64, of job: JobID) {
        reactor.cancelAlarm(Subject(.conversation, number))
        conversations[number] = nil
        lookups[number] = nil
        if let user = users.removeValue(forKey: number) { accounts.cancel(user.lookup) }
        if let command = commands.removeValue(forKey: number) {
            command.stopHearing(reactor)
            command.endTree()
            leavers[number] = command
        }
        byJob[job]?.remove(number)
        if byJob[job]?.isEmpty == true { byJob[job] = nil }
    }

    private func remember(_ number: UInt64, _ order: ProbeRequest) {
        byJob[order.start.job, default: []].insert(number)
        setAlarm(number, order)
    }

    private func setAlarm(_ number: UInt64, _ order: ProbeRequest) {
        reactor.setAlarm(Subject(.conversation, number), at: reactor.now + order.timeout)
    }

    // MARK: - Connections

    private func connect(_ number: UInt64, _ order: ProbeRequest, host: String?, port: UInt16) {
        if let places = Place.numeric(host: host, port: port) { return converse(number, order, places) }
        // A resolver may take its time: it gets a thread of its own, and its answer a number.
        let mailbox = mailbox
        let name = host ?? "localhost"
        let error = beside { mailbox.put(.resolved(number, Place.resolve(name, port: port))) }
        guard error == 0 else {
            let reason = "cannot ask for the address of \(name): \(errorText(error))"
            return answer(number, order, .skipped(reason))
        }
        remember(number, order)
        lookups[number] = order
        hasLeftThread = true
    }

    private func converse(_ number: UInt64, _ order: ProbeRequest, _ places: [Place]) {
        guard let conversation = Conversation.begin(order, places) else {
            return answer(number, order, .failed("there is nothing to connect to"))
        }
        switch conversation {
        case .failed(let result): answer(number, order, result)
        case .begun(let conversation):
            conversations[number] = conversation
            if byJob[order.start.job]?.contains(number) != true { remember(number, order) }
            let subject = Subject(.conversation, number)
            guard reactor.watch(conversation.descriptor.number, subject, for: hl_epoll_out()) else {
                return answer(number, order, .skipped("cannot watch the connection: \(errorText(errno))"))
            }
        }
    }

    /// A connection can be written or read, or failed.
    func conversationIsReady(_ number: UInt64) { _ = converseFurther(number) }

    /// Takes the next step of a conversation, if it can be taken.
    ///
    /// - Returns: Whether it was taken, and the other side has not been waited for since.
    private func converseFurther(_ number: UInt64) -> Bool {
        guard var conversation = conversations[number] else { return false }
        let step = conversation.advance()
        conversations[number] = conversation
        switch step {
        case .wait: return false
        case .read:
            reactor.change(conversation.descriptor.number, Subject(.conversation, number), for: hl_epoll_in())
            return true
        case .answer(let result):
            answer(number, conversation.order, result)
            return false
        case .next(let places):
            reactor.unwatch(conversation.descriptor.number)
            conversations[number] = nil
            converse(number, conversation.order, places)
            return conversations[number] != nil
        }
    }

    // MARK: - Commands

    private func run(_ number: UInt64, _ order: ProbeRequest, _ arguments: [String]) {
        let job = order.start.job
        // At most one for each job, also where a killed one does not go (reliability.md RS-5).
        guard !leavers.values.contains(where: { $0.order.start.job == job }) else {
            return answer(number, order, .failed("an earlier command has not ended yet, although it was killed"))
        }
        remember(number, order)
        let lookup = accounts.find(order.rights, for: order.start) { [weak self] account in
            self?.users[number] = nil
            self?.run(number, order, arguments, as: account)
        }
        if let lookup { users[number] = (order, lookup) }
    }

    private func run(_ number: UInt64, _ order: ProbeRequest, _ arguments: [String], as account: AccountLookups.Result) {
        let command: CommandProbe
        do {
            command = try CommandProbe(order, arguments, as: account.get(), oomScore) { [starts] in starts.isShim($0) }
        } catch {
            let reason = "cannot run `\(arguments.first ?? "")`: \(error.failure)"
            return answer(number, order, error.isOurs ? .skipped(reason) : .failed(reason))
        }
        commands[number] = command
        guard reactor.watch(command.errors.number, Subject(.command, number)),
            reactor.watch(command.pidfd.number, Subject(.commandEnd, number))
        else {
            return answer(number, order, .skipped("cannot watch the command: \(errorText(errno))"))
        }
    }

    /// A command wrote to its standard error.
    func commandSpoke(_ number: UInt64) {
        guard let command = commands[number] else { return }
        if !command.readErrors() { command.stopHearing(reactor) }
    }

    /// A command has ended.
    func commandEnded(_ number: UInt64) {
        guard let command = commands[number] ?? leavers[number], let result = command.reap() else { return }
        reactor.unwatch(command.pidfd.number)
        command.stopHearing(reactor)
        leavers[number] = nil
        guard commands.removeValue(forKey: number) != nil else { return }
        answer(number, command.order, result)
    }

    // MARK: - Output

    private func search(_ order: ProbeRequest, _ pattern: String) -> ProbeResult {
        let job = order.start.job
        do throws(LinePattern.InvalidReference) {
            if searches[job]?.isAbout(order, pattern) != true {
                let path = "\(logs)/\(order.logFile)"
                searches[job] = OutputSearch(order, path, pattern, try LinePattern(pattern))
            }
        } catch {
            return .failed("`\(pattern)` is no pattern: \(error.reason)")
        }
        return searches[job]?.answer() ?? .failed("its output cannot be read")
    }

    // MARK: - Names

    /// Something that ran beside the reactor is done.
    func readResults() {
        for result in mailbox.take() {
            switch result {
            case .resolved(let number, let places):
                guard let order = lookups.removeValue(forKey: number) else { continue }
                guard !places.isEmpty else {
                    answer(number, order, .failed("the name cannot be resolved"))
                    continue
                }
                converse(number, order, places)
            }
        }
    }
}
