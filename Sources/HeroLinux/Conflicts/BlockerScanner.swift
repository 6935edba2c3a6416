import CHeroFailpoints
import CHeroLinux
import Glibc
public import HeroKernel
public import HeroModel

/// Finds what prevents an action from starting (contract, section 7).
///
/// It changes nothing.
public struct BlockerScanner {
    private var staleSocketRule = StaleSocketRule()

    /// A claimed resource that is in use, with the sockets that use it.
    private struct ContestedResource {
        var resource: ClaimedResource
        var inodes: Set<UInt>
        /// The uid to which one of the sockets belongs.
        var user: UInt32?
        /// Whether another socket can be bound in addition.
        var isShared = false
    }

    /// Creates a scanner without recorded refusals.
    public init() {}

    /// Scans for everything that a request names.
    ///
    /// - Parameters:
    ///   - request: The resources that must be free.
    ///   - now: The boot clock.
    /// - Returns: All blockers that were found.
    public mutating func scan(_ request: BlockerScanRequest, now: Moment) -> StartBlockers {
        var found = StartBlockers()
        if let error = FileDescriptors.openError {
            // A failed check never counts as "no blockers" (SK-2).
            found.unresolved.append("cannot check for blockers: \(errorText(error))")
            return found
        }
        var contested: [ContestedResource] = []
        if !request.ports.isEmpty {
            let table = ListenerTable.readTable(4) + ListenerTable.readTable(6)
            for port in request.ports {
                let endpoint = port.endpoint
                let listeners = table.filter { ListenerTable.blocks($0, endpoint) }
                if !listeners.isEmpty {
                    contested.append(
                        ContestedResource(
                            resource: .tcp(endpoint),
                            inodes: Set(listeners.map(\.inode)),
                            user: listeners.first?.user,
                            isShared: PortBindCheck.canBindAnotherSocket(port, request)
                        )
                    )
                } else if PortBindCheck.isInUse(port, request) {
                    found.unresolved.append(
                        "tcp \(endpoint) is in use by a socket that does not listen; "
                            + "heroproc checks it again until it is free"
                    )
                }
            }
        }
        if !request.sockets.isEmpty { scanSockets(request.sockets, now, &found, &contested) }
        if request.ownPIDFile == nil, let path = request.pidFile { found.leftPIDFile = LeftPIDFile.read(path) }
        let inspector = ProcessInspector()
        guard !contested.isEmpty || request.pidFile != nil else { return found }
        let programs = Self.programCandidates(of: request)
        found.holders = Self.findHolders(of: contested, programs: programs, inspector)
        if let path = request.pidFile {
            found.pidFile = Self.readPIDFile(path, request, programs, holders: found.holders, inspector)
        }
        if !found.holders.isEmpty { hero_failpoint(FP_RC_1) }
        return found
    }

    // MARK: - Sockets

    private mutating func scanSockets(
        _ paths: [String],
        _ now: Moment,
        _ found: inout StartBlockers,
        _ contested: inout [ContestedResource]
    ) {
        let table = ListenerTable.readTable(1)
        for path in paths {
            let holders =
                path.hasPrefix("@")
                ? ListenerTable.abstractSockets(path, in: table) : ListenerTable.boundSockets(path, in: table)
            if !holders.isEmpty {
                contested.append(ContestedResource(resource: .socket(path), inodes: holders))
                continue
            }
            guard !path.hasPrefix("@") else { continue }
            switch checkSocketFile(path, now) {
            case .free: break
            case .stale(let file): found.staleSockets.append(file)
            case .blocked(let why): found.unresolved.append(why)
            }
        }
        staleSocketRule.removeExpired(now)
    }

    /// Checks a socket file to which no listener of this network namespace is bound (SK-2).
    private mutating func checkSocketFile(_ path: String, _ now: Moment) -> StaleSocketRule.State {
        var entry = hl_file_identity()
        let error = 0 &- hl_identify_file(AT_FDCWD, path, &entry)
        if error == ENOENT || error == ENOTDIR { return .free }
        guard error == 0 else {
            return .blocked("cannot inspect \(path): \(errorText(error))")
        }
        guard mode_t(entry.mode) & S_IFMT == S_IFSOCK else {
            return .blocked("\(path) is not a socket; move it, or declare another path")
        }
        let file = SocketFile(
            path: path,
            device: UInt64(entry.device),
            inode: UInt64(entry.inode),
            bornAt: entry.created_at
        )
        var pending: Int32 = 0
        let result = hl_connect_unix(path, &pending)
        if result >= 0 { close(result) }
        let connection: StaleSocketRule.Connection =
            switch result {
            case -ENOENT: .missing
            case -ECONNREFUSED: .refused
            default: .other
            }
        let age = entry.created_at == 0 ? nil : Duration.nanoseconds(hl_wall_clock() &- entry.created_at)
        return staleSocketRule.check(file, connection, age: age, now: now) { Self.sharesNetworkNamespace }
    }

    /// Whether all visible processes are in the network namespace of this process, so that the kernel's socket table is
    /// complete.
    private static var sharesNetworkNamespace: Bool {
        var own = stat()
        guard stat("/proc/self/ns/net", &own) == 0 else { return false }
        return ProcessTable.allPIDs().allSatisfy { pid in
            var other = stat()
            // A process that has ended uses nothing; a process that cannot be inspected may use the socket.
            guard stat("/proc/\(pid)/ns/net", &other) == 0 else { return errno == ENOENT || errno == ESRCH }
            return other.st_ino == own.st_ino
        }
    }

    // MARK: - Holders

    /// Returns the absolute paths that the program of the action may have.
    static func programCandidates(of request: BlockerScanRequest) -> [String] {
        let variables =
            request.program.contains("/") ? [:] : (try? ResolvedLaunch.resolveEnvironment(request.environment)) ?? [:]
        return ResolvedLaunch.candidatePaths(request.program, path: variables["PATH"] ?? "")
    }

    /// Returns the PIDs of the processes that have each of these sockets open, in one pass over all descriptors.
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

    /// Returns the user that created each of these sockets, as far as the kernel reports it.
    static func socketUsers(of inodes: Set<UInt>) -> [UInt: UInt32] {
        guard !inodes.isEmpty else { return [:] }
        let listeners = [Int32(1), 4, 6].flatMap(ListenerTable.readTable)
        let found = listeners.filter { $0.has_user != 0 && inodes.contains($0.inode) }.map { ($0.inode, $0.user) }
        return Dictionary(found, uniquingKeysWith: { first, _ in first })
    }

    /// Returns the user that created a socket which a process holds; another user than that of the process if there is
    /// one.
    static func socketUser(
        _ process: ForeignProcess,
        _ inodes: Set<UInt>,
        _ owners: [UInt: [Int32]],
        _ users: [UInt: UInt32]
    ) -> UInt32? {
        let held = inodes.filter { owners[$0]?.contains(process.identity.pid) == true }.compactMap { users[$0] }
        return held.first { $0 != 0 && $0 != process.user } ?? held.first
    }

    /// Returns the holders of the contested resources.
    private static func findHolders(
        of contested: [ContestedResource],
        programs: [String],
        _ inspector: ProcessInspector
    ) -> [ResourceHolder] {
        guard !contested.isEmpty else { return [] }
        let all = contested.reduce(into: Set<UInt>()) { $0.formUnion($1.inodes) }
        let owners = socketOwners(of: all)
        let facts = programFacts(of: owners.values.joined())
        let users = socketUsers(of: all)
        return contested.flatMap { resource -> [ResourceHolder] in
            let pids = Set(resource.inodes.flatMap { owners[$0] ?? [] }).sorted()
            let processes = pids.compactMap(inspector.inspect)
            guard !processes.isEmpty else {
                return [
                    ResourceHolder(
                        resource.resource,
                        by: nil,
                        socketUser: resource.user,
                        isShared: resource.isShared
                    )
                ]
            }
            return processes.map {
                ResourceHolder(
                    resource.resource,
                    by: $0,
                    socketUser: socketUser($0, resource.inodes, owners, users),
                    runsProgram: runsProgram(programs, $0.identity.pid, facts),
                    isShared: resource.isShared
                )
            }
        }
    }

    // MARK: - PID file

    static func readPIDFile(
        _ path: String,
        _ request: BlockerScanRequest,
        _ programs: [String],
        holders: [ResourceHolder],
        _ inspector: ProcessInspector
    ) -> PIDFileState {
        switch PIDFile.read(path, owners: [getuid(), geteuid()], userOf: { inspector.inspect($0)?.user }) {
        case .absent: return .absent
        case .invalid(let why): return .stale("\(path) \(why)")
        case .found(let file):
            guard let process = inspector.inspect(file.pid) else {
                return .stale("\(path) names process \(file.pid), which is not running")
            }
            var evidence = PIDFileState.Evidence()
            evidence.isOwnerTrusted = [0, getuid(), geteuid(), process.user].contains(file.owner)
            evidence.isRecorded = request.recorded?.isSameProcess(as: process.identity) ?? false
            evidence.holdsLock = file.isLocked(by: file.pid)
            evidence.runsProgram =
                runsProgram(programs, file.pid, programFacts(of: [file.pid]))
                && startTime(process.identity) <= file.writtenAt &+ 2_000_000_000
            evidence.holdsResource = holders.contains {
                $0.process?.identity == process.identity && $0.passedSocketReason == nil
            }
            return .namesProcess(process, path: path, evidence)
        }
    }

    /// Reads what `runsProgram` needs to know about these processes.
    static func programFacts(of pids: some Sequence<Int32>) -> [ProcessFact: [UInt8]] {
        ProcessReader.read(Set(pids).sorted().flatMap { [ProcessFact.program($0), .arguments($0)] })
    }

    /// Whether a process executes one of these programs, or runs one of them with an interpreter; false if that is
    /// unknown.
    static func runsProgram(_ programs: [String], _ pid: Int32, _ facts: [ProcessFact: [UInt8]]) -> Bool {
        let executed = facts[.program(pid)]?.split(separator: UInt8(ascii: " ")).first
        let arguments = facts[.arguments(pid)]?.split(separator: 0).prefix(8) ?? []
        return programs.contains { program in
            if let executed, ProcessFact.fileID(program)?.utf8.elementsEqual(executed) == true { return true }
            return arguments.dropFirst().contains { String(decoding: $0, as: UTF8.self) == program }
        }
    }

    /// Returns the time at which a process started, in nanoseconds since 1970, with the precision of the clock ticks.
    private static func startTime(_ process: ProcessIdentity) -> Int64 {
        let ticks = Int64(clamping: sysconf(Int32(_SC_CLK_TCK)))
        guard ticks > 0 else { return .max }
        let (sinceBoot, overflow) = Int64(clamping: process.startTicks).multipliedReportingOverflow(
            by: 1_000_000_000 / ticks
        )
        return overflow ? .max : hl_wall_clock() &- hl_boot_clock() &+ sinceBoot
    }
}
