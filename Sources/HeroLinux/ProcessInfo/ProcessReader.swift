import CHeroLinux
import Glibc
import HeroModel
import Synchronization

/// Reads facts about other processes in a helper process, so that no foreign process can block this one.
///
/// A call takes at most `limit`, and returns without the facts that were not read by then. A process that did not
/// respond is not read again for a minute, and only a limited number of calls per minute wait for such processes. A
/// missing fact is unknown: callers must not take it as "no".
final class ProcessReader: Sendable {
    /// How long a call waits for the helper process.
    private let limit: Duration
    /// How long a process that did not respond is not read again.
    private static let retryInterval: Int64 = 60_000_000_000
    /// How many calls with a missing response are allowed in that time.
    private static let maximumStalls = 10

    private struct ProcessKey: Hashable {
        var pid: Int32
        var startTicks: UInt64
    }

    private struct State {
        var helper: HelperProgram?
        /// The processes that did not respond, with the time on the boot clock.
        var unresponsive: [ProcessKey: Int64] = [:]
        /// The times of the calls with a missing response.
        var stalls: [Int64] = []
    }

    private let state: Mutex<State>

    /// The reader of this process.
    private static let shared = ProcessReader()

    /// Creates a reader; the default helper program is heroproc itself, or the heroproc next to this program.
    init(_ helper: HelperProgram? = nil, limit: Duration = .seconds(2)) {
        self.limit = limit
        state = Mutex(State(helper: helper))
    }

    /// Sets the helper program of this process.
    static func configure(_ helper: HelperProgram) {
        shared.state.withLock { $0.helper = helper }
    }

    /// The helper program of this process.
    static var helperProgram: HelperProgram { shared.state.withLock { $0.helper } ?? defaultHelper() }

    /// Reads facts about processes with the reader of this process.
    static func read(_ facts: [ProcessFact]) -> [ProcessFact: [UInt8]] { shared.read(facts) }

    /// Reads facts about processes.
    ///
    /// - Returns: The facts that could be read in time.
    func read(_ facts: [ProcessFact]) -> [ProcessFact: [UInt8]] {
        let now = hl_boot_clock()
        let (wanted, helper): ([ProcessFact], HelperProgram) = state.withLock { state in
            state.unresponsive = state.unresponsive.filter { now &- $0.value < Self.retryInterval }
            state.stalls.removeAll { now &- $0 >= Self.retryInterval }
            let helper = state.helper ?? Self.defaultHelper()
            state.helper = helper
            guard state.stalls.count < Self.maximumStalls else { return ([], helper) }
            guard !state.unresponsive.isEmpty else { return (facts, helper) }
            return (facts.filter { state.unresponsive[Self.key(of: $0.pid)] == nil }, helper)
        }
        guard !wanted.isEmpty else { return [:] }
        let (results, missing) = Self.run(wanted, with: helper, until: now &+ limit.wholeNanoseconds)
        guard !missing.isEmpty else { return results }
        // A process that has ended meanwhile has not refused a response.
        let keys = Set(missing.map { Self.key(of: $0.pid) }).filter { $0.startTicks != 0 }
        state.withLock { state in
            for key in keys { state.unresponsive[key] = now }
            if !keys.isEmpty { state.stalls.append(now) }
        }
        return results
    }

    /// Reads the first arguments of a process; nil if they are unknown.
    static func arguments(of pid: Int32) -> [ArraySlice<UInt8>]? {
        read([.arguments(pid)])[.arguments(pid)]?.split(separator: 0)
    }

    private static func key(of pid: Int32) -> ProcessKey {
        ProcessKey(pid: pid, startTicks: ProcStat(of: pid)?.startTicks ?? 0)
    }

    private static func defaultHelper() -> HelperProgram {
        let folder = realPath("/proc/self/exe").flatMap { path in path.lastIndex(of: "/").map { path[..<$0] } }
        return HelperProgram.find(environment: [:], shim: folder.map { "\($0)/hpshim" })
    }

    /// Runs the helper process.
    ///
    /// - Returns: The facts that were read, and the facts without any response.
    private static func run(_ facts: [ProcessFact], with helper: HelperProgram, until deadline: Int64)
        -> (results: [ProcessFact: [UInt8]], missing: Set<ProcessFact>)
    {
        var error: Int32 = 0
        guard let process = helper.start([ProcessFactServer.subcommand] + facts.map(\.text), &error) else {
            // Without a helper process every fact is unknown, but no process has refused a response.
            return ([:], [])
        }
        var (results, missing): ([ProcessFact: [UInt8]], Set<ProcessFact>) = ([:], Set(facts))
        var (bytes, chunk): ([UInt8], [UInt8]) = ([], .init(repeating: 0, count: 65_536))
        var (isOpen, hasStalled) = (true, false)
        while !missing.isEmpty, isOpen, !hasStalled {
            let remaining = (deadline &- hl_boot_clock()) / 1_000_000
            guard remaining > 0 else {
                hasStalled = true
                break
            }
            var entry = pollfd(fd: process.replyPipe.number, events: Int16(POLLIN), revents: 0)
            guard poll(&entry, 1, Int32(clamping: remaining)) > 0 else { continue }
            let count = Glibc.read(process.replyPipe.number, &chunk, chunk.count)
            if count < 0, errno == EAGAIN || errno == EINTR { continue }
            isOpen = count > 0
            bytes += chunk[..<max(0, count)]
            for (index, payload) in ProcessFactFrame.takeFrames(from: &bytes) {
                guard facts.indices.contains(index) else {
                    hasStalled = true
                    continue
                }
                missing.remove(facts[index])
                results[facts[index]] = payload
            }
        }
        process.end(tries: 2)
        // A helper process that was killed or could not start says nothing about the other processes.
        return (results, hasStalled ? missing : [])
    }
}
