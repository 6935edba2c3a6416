import Glibc
import HeroKernel
import HeroModel

/// Looks up accounts for starts and probes in separate processes, so that a blocked user directory delays only the
/// actions that use one of its users (SP-4).
///
/// Concurrent requests for the same account share one lookup. A result is kept only for the start it was found for.
final class AccountLookups {
    /// Identifies a pending request, for `cancel`.
    typealias LookupID = UInt64
    typealias Result = Swift.Result<Account?, StartError>

    /// The time limit of a lookup.
    static let timeout = Duration.seconds(5)
    /// The time in which a killed lookup process has to end.
    private static let killGracePeriod = Duration.seconds(1)

    private struct Lookup {
        var query: Account.Query
        var process: HelperProgram.Running
        var replyBytes: [UInt8] = []
        var waiters: [(id: LookupID, completion: (Result) -> Void)]
    }

    private let reactor: Reactor
    private let program: HelperProgram
    private var lookups: [LookupID: Lookup] = [:]
    /// Lookups without waiting requests, until their process is reaped; `overdueSince` is set when the lookup has timed
    /// out.
    private var endingLookups: [LookupID: (lookup: Lookup, overdueSince: Moment?)] = [:]
    /// The accounts found for starts that still run.
    private var foundAccounts: [JobID: (start: StartID, query: Account.Query, account: Account)] = [:]
    private var lastID: LookupID = 0

    init(_ reactor: Reactor, _ program: HelperProgram) {
        self.reactor = reactor
        self.program = program
    }

    /// Whether a PID belongs to a lookup process, which is reaped by `handleExit`.
    func isLookupProcess(_ pid: Int32) -> Bool {
        lookups.values.contains { $0.process.pid == pid }
            || endingLookups.values.contains { $0.lookup.process.pid == pid }
    }

    /// Looks up the account of a start.
    ///
    /// - Parameters:
    ///   - rights: The user and group to look up.
    ///   - start: The start that needs the account. The result is kept until `removeFoundAccount`.
    ///   - completion: Called exactly once; before this function returns if no lookup process is needed.
    /// - Returns: The ID for `cancel`; nil if `completion` was called already.
    func find(_ rights: Rights, for start: StartID, completion: @escaping (Result) -> Void) -> LookupID? {
        guard let query = Account.Query(rights) else {
            completion(.success(nil))
            return nil
        }
        if let found = foundAccounts[start.job], found.start == start, found.query == query {
            completion(.success(found.account))
            return nil
        }
        guard !query.isNumeric else {
            completion(Swift.Result { () throws(StartError) in try Account.resolve(query) })
            return nil
        }
        let store: (Result) -> Void = { [weak self] result in
            if case .success(let account?) = result { self?.foundAccounts[start.job] = (start, query, account) }
            completion(result)
        }
        lastID += 1
        let id = lastID
        if let same = lookups.first(where: { $0.value.query == query })?.key {
            lookups[same]?.waiters.append((id, store))
            return id
        }
        do {
            try startLookup(query, id, store)
            return id
        } catch {
            completion(.failure(error))
            return nil
        }
    }

    /// Drops a request without calling its completion; a lookup without requests is stopped.
    func cancel(_ id: LookupID) {
        for (key, lookup) in lookups where lookup.waiters.contains(where: { $0.id == id }) {
            lookups[key]?.waiters.removeAll { $0.id == id }
            if lookups[key]?.waiters.isEmpty == true { _ = stopLookup(key) }
        }
    }

    /// Drops the account of a start that has ended; the next start looks it up again.
    func removeFoundAccount(_ start: StartID) {
        if foundAccounts[start.job]?.start == start { foundAccounts[start.job] = nil }
    }

    // MARK: Lookups

    private func startLookup(_ query: Account.Query, _ id: LookupID, _ completion: @escaping (Result) -> Void)
        throws(StartError)
    {
        // A lookup process that cannot be killed (its user directory is on a disk that does not respond) blocks further
        // ones.
        let isStuck = endingLookups.values.contains { ending in
            ending.lookup.query == query
                && ending.overdueSince.map { reactor.now - $0 > Self.killGracePeriod } ?? false
        }
        guard !isStuck else {
            throw StartError(
                .user,
                ETIMEDOUT,
                "\(query.displayName): an earlier lookup was killed and has not ended yet"
            )
        }
        let running = try program.start(query)
        lookups[id] = Lookup(query: query, process: running, waiters: [(id, completion)])
        guard reactor.watch(running.replyPipe.number, EventSource(.accountLookup, id)),
            reactor.watch(running.pidfd.number, EventSource(.accountLookupExit, id))
        else {
            let error = errno
            _ = stopLookup(id)
            // The exit of this process cannot be watched, so it is reaped like an orphan.
            endingLookups[id] = nil
            throw StartError(.user, error, "\(query.displayName): the lookup cannot be watched: \(errorText(error))")
        }
        reactor.setTimer(EventSource(.accountLookup, id), at: reactor.now + Self.timeout)
    }

    /// The reply pipe is readable or closed.
    func readReply(_ id: LookupID) {
        guard var lookup = lookups[id] else { return }
        let isOpen = lookup.process.read(into: &lookup.replyBytes)
        lookups[id] = lookup
        if let reply = AccountLookupReply.decode(lookup.replyBytes) {
            complete(id, reply.map { $0 })
        } else if !isOpen {
            // A name service module of the machine has crashed, or the program is not heroproc: a later lookup may
            // succeed.
            let detail = "\(lookup.query.displayName): the lookup ended without a result"
            complete(id, .failure(StartError(.user, EAGAIN, detail)))
        }
    }

    /// The lookup has reached its time limit.
    func handleTimeout(_ id: LookupID) {
        // The event loop itself may have been delayed: a reply that is available now counts as in time.
        readReply(id)
        guard let lookup = lookups[id] else { return }
        let limit = Canonical.duration(Self.timeout)
        let detail = "\(lookup.query.displayName): the lookup did not finish within \(limit)"
        let waiting = stopLookup(id)
        endingLookups[id]?.overdueSince = reactor.now
        for waiter in waiting { waiter.completion(.failure(StartError(.user, ETIMEDOUT, detail))) }
    }

    /// The lookup process has ended.
    func handleExit(_ id: LookupID) {
        readReply(id)
        guard let running = endingLookups[id]?.lookup.process, running.reap() else { return }
        reactor.unwatch(running.pidfd.number)
        endingLookups[id] = nil
    }

    private func complete(_ id: LookupID, _ result: Result) {
        for waiter in stopLookup(id) { waiter.completion(result) }
    }

    /// Stops a lookup and returns the requests that waited for it.
    private func stopLookup(_ id: LookupID) -> [(id: LookupID, completion: (Result) -> Void)] {
        guard let lookup = lookups.removeValue(forKey: id) else { return [] }
        reactor.cancelTimer(EventSource(.accountLookup, id))
        reactor.unwatch(lookup.process.replyPipe.number)
        lookup.process.kill()
        endingLookups[id] = (lookup, nil)
        return lookup.waiters
    }
}
