import Glibc
import HeroKernel
import HeroModel

/// Finds accounts for starts and probes while the reconciler goes on: a directory of users that does not answer holds up
/// nobody but whoever asks for one of its users (reliability.md SP-4).
///
/// Who asks for the same at the same time shares one lookup, and nothing is remembered beyond the start it was found for.
final class AccountLookups {
    /// Who is told, and can be told no longer.
    typealias LookupID = UInt64
    typealias Result = Swift.Result<Account?, StartError>

    /// How long a lookup may take.
    static let timeout = Duration.seconds(5)
    /// How long one that is killed may take to end.
    private static let killGracePeriod = Duration.seconds(1)

    private struct Lookup {
        var query: Account.Query
        var process: AccountLookupProgram.RunningLookup
        var replyBytes: [UInt8] = []
        var waiters: [(number: LookupID, tell: (Result) -> Void)]
    }

    private let reactor: Reactor
    private let program: AccountLookupProgram
    private var lookups: [LookupID: Lookup] = [:]
    /// Those that nobody waits for any more, until they are reaped; with the moment when their time was over, if it was.
    private var endingLookups: [LookupID: (lookup: Lookup, overdueSince: Moment?)] = [:]
    /// What was found for starts that go on.
    private var foundAccounts: [JobID: (start: StartID, question: Account.Query, account: Account)] = [:]
    private var lastID: LookupID = 0

    init(_ reactor: Reactor, _ program: AccountLookupProgram) {
        self.reactor = reactor
        self.program = program
    }

    /// Whether this is a lookup that is reaped with its own event.
    func isLookupProcess(_ pid: Int32) -> Bool {
        lookups.values.contains { $0.process.pid == pid }
            || endingLookups.values.contains { $0.lookup.process.pid == pid }
    }

    /// Finds the account of a start.
    ///
    /// - Parameters:
    ///   - rights: Who is meant.
    ///   - start: For whom. What was found for it stays known to it, until `forget`.
    ///   - tell: Called once, at once where nobody needs to be asked.
    /// - Returns: the number to `cancel` with; nil when it was told already.
    func find(_ rights: Rights, for start: StartID, tell: @escaping (Result) -> Void) -> LookupID? {
        guard let question = Account.Query(rights) else {
            tell(.success(nil))
            return nil
        }
        if let found = foundAccounts[start.job], found.start == start, found.question == question {
            tell(.success(found.account))
            return nil
        }
        guard !question.isNumeric else {
            tell(Swift.Result { () throws(StartError) in try Account.resolve(question) })
            return nil
        }
        let keep: (Result) -> Void = { [weak self] result in
            if case .success(let account?) = result { self?.foundAccounts[start.job] = (start, question, account) }
            tell(result)
        }
        lastID += 1
        let number = lastID
        if let same = lookups.first(where: { $0.value.query == question })?.key {
            lookups[same]?.waiters.append((number, keep))
            return number
        }
        do {
            try startLookup(question, number, keep)
            return number
        } catch {
            tell(.failure(error))
            return nil
        }
    }

    /// Tells somebody no longer; a lookup that nobody waits for is ended.
    func cancel(_ number: LookupID) {
        for (key, lookup) in lookups where lookup.waiters.contains(where: { $0.number == number }) {
            lookups[key]?.waiters.removeAll { $0.number == number }
            if lookups[key]?.waiters.isEmpty == true { _ = stopLookup(key) }
        }
    }

    /// A start is over: its account is asked for anew by the next one.
    func removeFoundAccount(_ start: StartID) {
        if foundAccounts[start.job]?.start == start { foundAccounts[start.job] = nil }
    }

    // MARK: One lookup

    private func startLookup(_ question: Account.Query, _ number: LookupID, _ tell: @escaping (Result) -> Void)
        throws(StartError)
    {
        // One that cannot even be killed (a directory of users on a dead disk) is not joined by more and more of them.
        let isStuck = endingLookups.values.contains { leaver in
            leaver.lookup.query == question
                && leaver.overdueSince.map { reactor.now - $0 > Self.killGracePeriod } ?? false
        }
        guard !isStuck else {
            throw StartError(
                .user,
                ETIMEDOUT,
                "\(question.displayName): an earlier lookup has not ended yet, although it was killed"
            )
        }
        let running = try program.start(question)
        lookups[number] = Lookup(query: question, process: running, waiters: [(number, tell)])
        guard reactor.watch(running.replyPipe.number, EventSource(.accountLookup, number)),
            reactor.watch(running.pidfd.number, EventSource(.accountLookupExit, number))
        else {
            let error = errno
            _ = stopLookup(number)
            // Nobody would be told of its end: it is reaped like any other stray.
            endingLookups[number] = nil
            throw StartError(.user, error, "\(question.displayName): its lookup cannot be watched: \(errorText(error))")
        }
        reactor.setTimer(EventSource(.accountLookup, number), at: reactor.now + Self.timeout)
    }

    /// It has written, or has nothing more to say.
    func readReply(_ number: LookupID) {
        guard var lookup = lookups[number] else { return }
        let goesOn = lookup.process.read(into: &lookup.replyBytes)
        lookups[number] = lookup
        if let answer = AccountLookupReply.decode(lookup.replyBytes) {
            complete(number, answer.map { $0 })
        } else if !goesOn {
            // A module of the machine's that crashed, or a program that is none of ours: it may do better the next time.
            let words = "\(lookup.query.displayName): its lookup ended without an answer"
            complete(number, .failure(StartError(.user, EAGAIN, words)))
        }
    }

    /// Its time is over.
    func handleTimeout(_ number: LookupID) {
        // We may have been held up ourselves: what is answered by now was answered in time.
        readReply(number)
        guard let lookup = lookups[number] else { return }
        let limit = Canonical.duration(Self.timeout)
        let words = "\(lookup.query.displayName): the lookup of its name did not answer within \(limit)"
        let waiting = stopLookup(number)
        endingLookups[number]?.overdueSince = reactor.now
        for one in waiting { one.tell(.failure(StartError(.user, ETIMEDOUT, words))) }
    }

    /// It has ended.
    func handleExit(_ number: LookupID) {
        readReply(number)
        guard let running = endingLookups[number]?.lookup.process, running.reap() else { return }
        reactor.unwatch(running.pidfd.number)
        endingLookups[number] = nil
    }

    private func complete(_ number: LookupID, _ result: Result) {
        for one in stopLookup(number) { one.tell(result) }
    }

    /// Ends one; those who waited for it.
    private func stopLookup(_ number: LookupID) -> [(number: LookupID, tell: (Result) -> Void)] {
        guard let lookup = lookups.removeValue(forKey: number) else { return [] }
        reactor.cancelTimer(EventSource(.accountLookup, number))
        reactor.unwatch(lookup.process.replyPipe.number)
        lookup.process.kill()
        endingLookups[number] = (lookup, nil)
        return lookup.waiters
    }
}
