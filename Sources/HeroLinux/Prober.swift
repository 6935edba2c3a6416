import CHeroLinux
import Dispatch
import Glibc
import HeroKernel
import HeroModel
import Synchronization

/// Asks questions of running programs; each answer becomes one event.
///
/// Connections are made on the reactor; only names that need a resolver, and commands, leave the thread.
final class Prober {
    private let reactor: Reactor
    private let starts: Starts
    private let mailbox: Mailbox
    private var conversations: [UInt64: Conversation] = [:]
    private var commands: [UInt64: CommandProbe] = [:]
    private var lookups: [UInt64: ProbeOrder] = [:]
    private var running = 0
    /// Whether a command was ever run.
    private(set) var hasRunCommands = false
    private var byJob: [JobID: Set<UInt64>] = [:]
    private var lastNumber: UInt64 = 0
    private var listeners = Listeners()

    init(_ reactor: Reactor, starts: Starts) throws(LinuxError) {
        self.reactor = reactor
        self.starts = starts
        mailbox = try Mailbox()
        guard reactor.watch(mailbox.descriptor.number, Subject(.results)) else {
            throw LinuxError(cannot: "watch for probe results", errno)
        }
    }

    /// Whether a command, also one nobody asks about any more, has not been reaped yet.
    var hasRunningCommands: Bool { running > 0 }

    /// Asks one question.
    func ask(_ order: ProbeOrder) {
        lastNumber += 1
        let number = lastNumber
        switch order.question {
        case .listening(let sockets, let ports):
            let answer = listeners.answer(
                shim: starts.shimPID(of: order.start),
                sockets: sockets,
                ports: ports,
                now: reactor.now
            )
            reactor.emit(.answered(order.start, serial: order.serial, answer))
        case .probe(.tcp(let endpoint)): connect(number, order, host: endpoint.host, port: endpoint.port)
        case .probe(.unix(let path)): converse(number, order, [.unix(path)])
        case .probe(.http(let target)):
            switch target.server {
            case .tcp(let host, let port): connect(number, order, host: host, port: port)
            case .unix(let path): converse(number, order, [.unix(path)])
            }
        case .probe(.exec(let arguments)): run(number, order, arguments)
        case .probe(.log), .probe(.notify):
            reactor.emit(.answered(order.start, serial: order.serial, .no("this question is not answered yet")))
        }
    }

    /// Drops all questions about a job; its commands are ended.
    func stopAsking(_ job: JobID) {
        for number in byJob[job] ?? [] {
            if let conversation = conversations[number] { reactor.unwatch(conversation.descriptor.number) }
            commands[number]?.cancel()
            forget(number, of: job)
        }
    }

    /// A deadline passed.
    func ring(_ number: UInt64) {
        if let conversation = conversations[number] {
            answer(number, conversation.order, .no("\(conversation.place) did not answer in time"))
        } else if let command = commands[number] {
            command.cancel()
            answer(number, command.order, .no("the command did not end in time\(command.lastWords)"))
        } else if let order = lookups[number] {
            answer(number, order, .no("the name could not be resolved in time"))
        }
    }

    private func answer(_ number: UInt64, _ order: ProbeOrder, _ answer: ProbeAnswer) {
        if let conversation = conversations[number] { reactor.unwatch(conversation.descriptor.number) }
        forget(number, of: order.start.job)
        reactor.emit(.answered(order.start, serial: order.serial, answer))
    }

    private func forget(_ number: UInt64, of job: JobID) {
        reactor.cancelAlarm(Subject(.conversation, number))
        conversations[number] = nil
        lookups[number] = nil
        if let command = commands.removeValue(forKey: number) { command.unwatch(reactor) }
        byJob[job]?.remove(number)
        if byJob[job]?.isEmpty == true { byJob[job] = nil }
    }

    private func remember(_ number: UInt64, _ order: ProbeOrder) {
        byJob[order.start.job, default: []].insert(number)
        reactor.setAlarm(Subject(.conversation, number), at: reactor.now + order.timeout)
    }

    // MARK: - Connections

    private func connect(_ number: UInt64, _ order: ProbeOrder, host: String?, port: UInt16) {
        if let places = Place.numeric(host: host, port: port) { return converse(number, order, places) }
        // A resolver may take its time: it gets a thread of its own, and its answer a number.
        remember(number, order)
        lookups[number] = order
        let mailbox = mailbox
        let name = host ?? "localhost"
        DispatchQueue(label: "heroproc.resolve").async {
            mailbox.put(.resolved(number, Place.resolve(name, port: port)))
        }
    }

    private func converse(_ number: UInt64, _ order: ProbeOrder, _ places: [Place]) {
        guard let conversation = Conversation.begin(order, places) else {
            return answer(number, order, .no("there is nothing to connect to"))
        }
        switch conversation {
        case .failed(let reason): answer(number, order, .no(reason))
        case .begun(let conversation):
            conversations[number] = conversation
            if byJob[order.start.job]?.contains(number) != true { remember(number, order) }
            let subject = Subject(.conversation, number)
            guard reactor.watch(conversation.descriptor.number, subject, for: hl_epoll_out()) else {
                return answer(number, order, .no("cannot watch the connection: \(errorText(errno))"))
            }
        }
    }

    /// A connection can be written or read, or failed.
    func conversationIsReady(_ number: UInt64) {
        guard var conversation = conversations[number] else { return }
        let step = conversation.advance()
        conversations[number] = conversation
        switch step {
        case .wait: break
        case .read: reactor.change(conversation.descriptor.number, Subject(.conversation, number), for: hl_epoll_in())
        case .answer(let result): answer(number, conversation.order, result)
        case .next(let places):
            reactor.unwatch(conversation.descriptor.number)
            conversations[number] = nil
            converse(number, conversation.order, places)
        }
    }

    // MARK: - Commands

    private func run(_ number: UInt64, _ order: ProbeOrder, _ arguments: [String]) {
        do {
            let command = try CommandProbe(order, arguments)
            guard reactor.watch(command.errors.number, Subject(.command, number)) else {
                return answer(number, order, .no("cannot watch the command: \(errorText(errno))"))
            }
            commands[number] = command
            remember(number, order)
            running += 1
            hasRunCommands = true
            command.start(number, mailbox)
        } catch {
            answer(number, order, .no(error.description))
        }
    }

    /// A command wrote to its standard error.
    func commandSpoke(_ number: UInt64) {
        guard let command = commands[number] else { return }
        if !command.readErrors() { command.unwatch(reactor) }
    }

    /// Something that ran beside the reactor is done.
    func readResults() {
        for result in mailbox.take() {
            switch result {
            case .resolved(let number, let places):
                guard let order = lookups.removeValue(forKey: number) else { continue }
                guard !places.isEmpty else {
                    answer(number, order, .no("the name cannot be resolved"))
                    continue
                }
                converse(number, order, places)
            case .ended(let number, let problem):
                running -= 1
                guard let command = commands[number] else { continue }
                _ = command.readErrors()
                answer(number, command.order, problem.map { .no($0 + command.lastWords) } ?? .yes)
            }
        }
    }
}

/// Where other threads put what they found out; an eventfd tells the reactor.
final class Mailbox: Sendable {
    enum Result: Sendable {
        /// Addresses of a name.
        case resolved(UInt64, [Place])
        /// A command ended: nil is well.
        case ended(UInt64, problem: String?)
    }

    private let results = Mutex<[Result]>([])
    let descriptor: Descriptor

    init() throws(LinuxError) {
        descriptor = Descriptor(try check(hl_eventfd_create(), "make an eventfd"))
    }

    func put(_ result: Result) {
        results.withLock { $0.append(result) }
        var one: UInt64 = 1
        _ = write(descriptor.number, &one, 8)
    }

    func take() -> [Result] {
        var count: UInt64 = 0
        _ = read(descriptor.number, &count, 8)
        return results.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
    }
}
