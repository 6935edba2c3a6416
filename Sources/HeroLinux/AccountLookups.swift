import Glibc
import HeroKernel
import HeroModel

/// Finds accounts for starts and probes while the reconciler goes on: a directory of users that does not answer holds up
/// nobody but whoever asks for one of its users (reliability.md SP-4).
///
/// Who asks for the same at the same time shares one lookup, and nothing is remembered beyond the start it was found for.
final class AccountLookups {
    /// Who is told, and can be told no longer.
    typealias Number = UInt64
    typealias Result = Swift.Result<Account?, StartRefusal>

    /// How long a lookup may take.
    static let limit = Duration.seconds(5)
    /// How long one that is killed may take to end.
    private static let grace = Duration.seconds(1)

    private struct Lookup {
        var question: Account.Question
        var running: AccountProgram.Running
        var bytes: [UInt8] = []
        var waiting: [(number: Number, tell: (Result) -> Void)]
    }

    private let reactor: Reactor
    private let program: AccountProgram
    private var lookups: [Number: Lookup] = [:]
    /// Those that nobody waits for any more, until they are reaped; with the moment when their time was over, if it was.
    private var leavers: [Number: (lookup: Lookup, overdueSince: Moment?)] = [:]
    /// What was found for starts that go on.
    private var known: [JobID: (start: StartID, question: Account.Question, account: Account)] = [:]
    private var lastNumber: Number = 0

    init(_ reactor: Reactor, _ program: AccountProgram) {
        self.reactor = reactor
        self.program = program
    }

    /// Whether this is a lookup that is reaped with its own event.
    func isLookup(_ pid: Int32) -> Bool {
        lookups.values.contains { $0.running.pid == pid } || leavers.values.contains { $0.lookup.running.pid == pid }
    }

    /// Finds the account of a start.
    ///
    /// - Parameters:
    ///   - rights: Who is meant.
    ///   - start: For whom. What was found for it stays known to it, until `forget`.
    ///   - tell: Called once, at once where nobody needs to be asked.
    /// - Returns: the number to `cancel` with; nil when it was told already.
    func find(_ rights: Rights, for start: StartID, tell: @escaping (Result) -> Void) -> Number? {
        guard let question = Account.Question(rights) else {
            tell(.success(nil))
            return nil
        }
        if let found = known[start.job], found.start == start, found.question == question {
            tell(.success(found.account))
            return nil
        }
        guard !question.isLocal else {
            tell(Swift.Result { () throws(StartRefusal) in try Account.of(question) })
            return nil
        }
        let keep: (Result) -> Void = { [weak self] result in
            if case .success(let account?) = result { self?.known[start.job] = (start, question, account) }
            tell(result)
        }
        lastNumber += 1
        let number = lastNumber
        if let same = lookups.first(where: { $0.value.question == question })?.key {
            lookups[same]?.waiting.append((number, keep))
            return number
        }
        do {
            try begin(question, number, keep)
            return number
        } catch {
            tell(.failure(error))
            return nil
        }
    }

    /// Tells somebody no longer; a lookup that nobody waits for is ended.
    func cancel(_ number: Number) {
        for (key, lookup) in lookups where lookup.waiting.contains(where: { $0.number == number }) {
            lookups[key]?.waiting.removeAll { $0.number == number }
            if lookups[key]?.waiting.isEmpty == true { _ = end(key) }
        }
    }

    /// A start is over: its account is asked for anew by the next one.
    func forget(_ start: StartID) {
        if known[start.job]?.start == start { known[start.job] = nil }
    }

    // MARK: One lookup

    private func begin(_ question: Account.Question, _ number: Number, _ tell: @escaping (Result) -> Void)
        throws(StartRefusal)
    {
        // One that cannot even be killed (a directory of users on a dead disk) is not joined by more and more of them.
        let isStuck = leavers.values.contains { leaver in
            leaver.lookup.question == question && leaver.overdueSince.map { reactor.now - $0 > Self.grace } ?? false
        }
        guard !isStuck else {
            throw StartRefusal(
                .user,
                ETIMEDOUT,
                "\(question.words): an earlier lookup has not ended yet, although it was killed"
            )
        }
        let running = try program.start(question)
        lookups[number] = Lookup(question: question, running: running, waiting: [(number, tell)])
        guard reactor.watch(running.answer.number, Subject(.lookup, number)),
            reactor.watch(running.pidfd.number, Subject(.lookupEnd, number))
        else {
            let error = errno
            _ = end(number)
            // Nobody would be told of its end: it is reaped like any other stray.
            leavers[number] = nil
            throw StartRefusal(.user, error, "\(question.words): its lookup cannot be watched: \(errorText(error))")
        }
        reactor.setAlarm(Subject(.lookup, number), at: reactor.now + Self.limit)
    }

    /// It has written, or has nothing more to say.
    func spoke(_ number: Number) {
        guard var lookup = lookups[number] else { return }
        let goesOn = lookup.running.read(into: &lookup.bytes)
        lookups[number] = lookup
        if let answer = AccountAnswer.decode(lookup.bytes) {
            tell(number, answer.map { $0 })
        } else if !goesOn {
            // A module of the machine's that crashed, or a program that is none of ours: it may do better the next time.
            let words = "\(lookup.question.words): its lookup ended without an answer"
            tell(number, .failure(StartRefusal(.user, EAGAIN, words)))
        }
    }

    /// Its time is over.
    func ring(_ number: Number) {
        // We may have been held up ourselves: what is answered by now was answered in time.
        spoke(number)
        guard let lookup = lookups[number] else { return }
        let limit = Canonical.duration(Self.limit)
        let words = "\(lookup.question.words): the lookup of its name did not answer within \(limit)"
        let waiting = end(number)
        leavers[number]?.overdueSince = reactor.now
        for one in waiting { one.tell(.failure(StartRefusal(.user, ETIMEDOUT, words))) }
    }

    /// It has ended.
    func ended(_ number: Number) {
        spoke(number)
        guard let running = leavers[number]?.lookup.running, running.reap() else { return }
        reactor.unwatch(running.pidfd.number)
        leavers[number] = nil
    }

    private func tell(_ number: Number, _ result: Result) {
        for one in end(number) { one.tell(result) }
    }

    /// Ends one; those who waited for it.
    private func end(_ number: Number) -> [(number: Number, tell: (Result) -> Void)] {
        guard let lookup = lookups.removeValue(forKey: number) else { return [] }
        reactor.cancelAlarm(Subject(.lookup, number))
        reactor.unwatch(lookup.running.answer.number)
        lookup.running.end()
        leavers[number] = (lookup, nil)
        return lookup.waiting
    }
}
