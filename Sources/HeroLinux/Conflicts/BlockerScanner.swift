import CHeroFailpoints
import CHeroLinux
import Glibc
public import HeroKernel
public import HeroModel

/// Finding what stands between an action and its start (contract section 7); looks, and touches nothing.
public struct BlockerScanner {
    /// When a socket file that refused was first seen to: one that only another network namespace knows is believed to be
    /// stale after it has refused twice (reliability.md SK-3).
    private var firstRefusals: [SocketFile: Moment] = [:]

    /// A resource that is taken, by the sockets behind it.
    private struct ContestedResource {
        var resource: ClaimedResource
        var inodes: Set<UInt>
        /// Whether there is room beside them.
        var isShared = false
    }

    /// Begins without memory.
    public init() {}

    /// Time between two refusals that count as two.
    private static let refusalInterval = Duration.milliseconds(500)

    /// Looks at everything an order names.
    ///
    /// - Parameters:
    ///   - order: What must be free.
    ///   - now: The boot clock.
    /// - Returns: All that is in the way.
    public mutating func scan(_ order: BlockerScanRequest, now: Moment) -> StartBlockers {
        var found = StartBlockers()
        if let lack = FileDescriptorBudget.openError {
            // Whoever cannot look sees nobody (reliability.md SK-2).
            found.unresolved.append("cannot look who stands in the way: \(errorText(lack))")
            return found
        }
        var wanted: [ContestedResource] = []
        if !order.ports.isEmpty {
            let table = ListenerTable.readTable(4) + ListenerTable.readTable(6)
            for port in order.ports {
                let endpoint = port.endpoint
                let inodes = Set(table.filter { Self.conflicts($0, endpoint) }.map(\.inode))
                if !inodes.isEmpty {
                    let hasRoom = PortBindCheck.canBindAnotherSocket(port, order)
                    wanted.append(ContestedResource(resource: .tcp(endpoint), inodes: inodes, isShared: hasRoom))
                } else if PortBindCheck.isInUse(port, order) {
                    found.unresolved.append(
                        "tcp \(endpoint) is in use by a socket that does not listen; it is asked again until it is free"
                    )
                }
            }
        }
        if !order.sockets.isEmpty { scanSockets(order.sockets, now, &found, &wanted) }
        let foreigners = ProcessInspector()
        guard !wanted.isEmpty || order.pidFile != nil else { return found }
        let programs = Self.programCandidates(of: order)
        found.holders = Self.findHolders(of: wanted, programs: programs, foreigners)
        if let path = order.pidFile {
            found.pidFile = Self.readPIDFile(path, order, programs, holders: found.holders, foreigners)
        }
        if !found.holders.isEmpty { hero_failpoint(FP_RC_1) }
        return found
    }

    // MARK: - Sockets

    private mutating func scanSockets(
        _ paths: [String],
        _ now: Moment,
        _ found: inout StartBlockers,
        _ wanted: inout [ContestedResource]
    ) {
        let table = ListenerTable.readTable(1)
        for path in paths {
            let holders =
                path.hasPrefix("@")
                ? ListenerTable.abstractSockets(path, in: table) : ListenerTable.boundSockets(path, in: table)
            if !holders.isEmpty {
                wanted.append(ContestedResource(resource: .socket(path), inodes: holders))
                continue
            }
            guard !path.hasPrefix("@") else { continue }
            switch checkSocketFile(path, now) {
            case .free: break
            case .stale(let file): found.staleSockets.append(file)
            case .blocked(let why): found.unresolved.append(why)
            }
        }
        firstRefusals = firstRefusals.filter { now - $0.value < .seconds(60) }
    }

    private enum SocketFileState {
        case free
        case stale(SocketFile)
        case blocked(String)
    }

    /// Judges what lies at a path that no listener of this network namespace is bound to (reliability.md SK-2).
    private mutating func checkSocketFile(_ path: String, _ now: Moment) -> SocketFileState {
        var entry = hl_file_identity()
        let result = hl_identify_file(AT_FDCWD, path, &entry)
        if result == -ENOENT || result == -ENOTDIR { return .free }
        guard result == 0 else {
            return .blocked("cannot look at \(path): \(String(cString: strerror(0 &- result)))")
        }
        guard mode_t(entry.mode) & S_IFMT == S_IFSOCK else {
            return .blocked("\(path) is no socket; move it away, or declare another path")
        }
        let file = SocketFile(
            path: path,
            device: UInt64(entry.device),
            inode: UInt64(entry.inode),
            bornAt: entry.created_at
        )
        var pending: Int32 = 0
        let connection = hl_connect_unix(path, &pending)
        if connection >= 0 { close(connection) }
        switch connection {
        case -ENOENT: return .free
        case -ECONNREFUSED: break
        default:
            firstRefusals[file] = nil
            return .blocked("socket \(path) is in use by a program that cannot be seen from here")
        }
        guard let first = firstRefusals[file] else {
            firstRefusals[file] = now
            return Self.sharesNetworkNamespace
                ? .stale(file) : .blocked("socket \(path) refuses connections; it is asked once more")
        }
        let isYoung = entry.created_at != 0 && hl_wall_clock() &- entry.created_at < 2_000_000_000
        guard Self.sharesNetworkNamespace || (now - first >= Self.refusalInterval && !isYoung) else {
            return .blocked("socket \(path) refuses connections; it is asked once more")
        }
        return .stale(file)
    }

    /// Whether every process we can see shares our network namespace: then the kernel's table is all there is.
    private static var sharesNetworkNamespace: Bool {
        var own = stat()
        guard stat("/proc/self/ns/net", &own) == 0 else { return false }
        return ProcessTable.allPIDs().allSatisfy { pid in
            var other = stat()
            // One that ended meanwhile holds nothing; one that may not be looked at may hold anything.
            guard stat("/proc/\(pid)/ns/net", &other) == 0 else { return errno == ENOENT || errno == ESRCH }
            return other.st_ino == own.st_ino
        }
    }

    // MARK: - Ports

    /// Whether a listener keeps an endpoint from being bound (reliability.md TP-1 and the matrix of 0.3).
    static func conflicts(_ listener: hl_listener, _ endpoint: TCPEndpoint) -> Bool {
        guard listener.port == UInt32(endpoint.port) else { return false }
        // Without an address a program may bind any of both families.
        guard let host = endpoint.host, host != "::" else { return true }
        var wanted = [UInt8](repeating: 0, count: 16)
        let family = hl_parse_address(host == "localhost" ? "127.0.0.1" : host, &wanted)
        guard family != 0 else { return true }
        let size = family == 4 ? 4 : 16
        let bytes = withUnsafeBytes(of: listener.address) { Array($0) }
        let isWildcard = bytes.prefix(listener.family == 4 ? 4 : 16).allSatisfy { $0 == 0 }
        if listener.family == UInt32(family) {
            return isWildcard || wanted.prefix(size).allSatisfy { $0 == 0 } || bytes.prefix(size) == wanted.prefix(size)
        }
        return family == 4 && isWildcard && listener.is_v6_only == 0
    }

    // MARK: - Who

    /// The absolute paths the action's program may have.
    static func programCandidates(of order: BlockerScanRequest) -> [String] {
        let variables =
            order.program.contains("/") ? [:] : (try? ResolvedLaunch.resolveEnvironment(order.environment)) ?? [:]
        return ResolvedLaunch.candidatePaths(order.program, path: variables["PATH"] ?? "")
    }

    /// The processes that have each of these sockets open, in one pass over all descriptors.
    static func socketOwners(of inodes: Set<UInt>) -> [UInt: [Int32]] {
        var owners: [UInt: [Int32]] = [:]
        guard !inodes.isEmpty else { return owners }
        for pid in ProcessTable.allPIDs() {
            var seen: Set<UInt> = []
            _ = ProcessTable.anyDescriptor(of: pid) { path in
                if let inode = socketInode(path), inodes.contains(inode) { seen.insert(inode) }
                return false
            }
            for inode in seen { owners[inode, default: []].append(pid) }
        }
        return owners
    }

    /// The processes that have one of these sockets open.
    private static func findHolders(
        of wanted: [ContestedResource],
        programs: [String],
        _ foreigners: ProcessInspector
    ) -> [ResourceHolder] {
        guard !wanted.isEmpty else { return [] }
        let all = wanted.reduce(into: Set<UInt>()) { $0.formUnion($1.inodes) }
        let owners = socketOwners(of: all)
        return wanted.flatMap { one -> [ResourceHolder] in
            let pids = Set(one.inodes.flatMap { owners[$0] ?? [] }).sorted()
            let known = pids.compactMap(foreigners.inspect)
            guard !known.isEmpty else { return [ResourceHolder(one.resource, by: nil, isShared: one.isShared)] }
            return known.map {
                ResourceHolder(
                    one.resource,
                    by: $0,
                    runsProgram: runsProgram(programs, $0.identity.pid),
                    isShared: one.isShared
                )
            }
        }
    }

    // MARK: - The PID file

    static func readPIDFile(
        _ path: String,
        _ order: BlockerScanRequest,
        _ programs: [String],
        holders: [ResourceHolder],
        _ foreigners: ProcessInspector
    ) -> PIDFileState {
        switch PIDFile.read(path, owners: [getuid(), geteuid()], userOf: { foreigners.inspect($0)?.user }) {
        case .absent: return .absent
        case .invalid(let why): return .stale("\(path) \(why)")
        case .found(let file):
            guard let process = foreigners.inspect(file.pid) else {
                return .stale("\(path) names process \(file.pid), which does not live")
            }
            var evidence = PIDFileState.Evidence()
            evidence.isOwnerTrusted = [0, getuid(), geteuid(), process.user].contains(file.owner)
            evidence.isRecorded = order.recorded?.isSameProcess(as: process.identity) ?? false
            evidence.holdsLock = file.isLocked(by: file.pid)
            evidence.runsProgram =
                runsProgram(programs, file.pid) && startTime(process.identity) <= file.writtenAt &+ 2_000_000_000
            evidence.holdsResource = holders.contains { $0.process?.identity == process.identity }
            return .namesProcess(process, path: path, evidence)
        }
    }

    /// Whether a process executes one of these programs, or interprets one.
    static func runsProgram(_ programs: [String], _ pid: Int32) -> Bool {
        var executed = stat()
        let isReadable = stat("/proc/\(pid)/exe", &executed) == 0
        let arguments = (readFile("/proc/\(pid)/cmdline", limit: 65_536) ?? []).split(separator: 0).prefix(8)
        return programs.contains { program in
            var file = stat()
            if isReadable, stat(program, &file) == 0, file.st_ino == executed.st_ino, file.st_dev == executed.st_dev {
                return true
            }
            return arguments.dropFirst().contains { String(decoding: $0, as: UTF8.self) == program }
        }
    }

    /// When a process started, in nanoseconds of the calendar, as exact as its clock ticks are.
    private static func startTime(_ process: ProcessIdentity) -> Int64 {
        let ticks = Int64(clamping: sysconf(Int32(_SC_CLK_TCK)))
        guard ticks > 0 else { return .max }
        let (sinceBoot, overflow) = Int64(clamping: process.startTicks).multipliedReportingOverflow(
            by: 1_000_000_000 / ticks
        )
        return overflow ? .max : hl_wall_clock() &- hl_boot_clock() &+ sinceBoot
    }
}
