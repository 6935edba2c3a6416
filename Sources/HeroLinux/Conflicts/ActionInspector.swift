import CHeroLinux
import Glibc
public import HeroKernel
import HeroModel

/// Inspects the machine for all actions of a plan at once.
///
/// Each kernel table is read once, and the descriptors of all processes at most once, whatever the number of actions.
public enum ActionInspector {
    /// Inspects the machine for every request; changes nothing.
    ///
    /// - Parameters:
    ///   - requests: The actions.
    ///   - looksUpUsers: Whether the users of starts are looked up, which may take a few seconds.
    /// - Returns: One result for each request, in the same order.
    public static func inspect(
        _ requests: [ActionInspectionRequest],
        looksUpUsers: Bool
    ) -> [ActionInspectionResult] {
        var inspection = ActionInspection(requests)
        inspection.findHolders()
        inspection.readPIDFiles()
        inspection.findChangedFiles()
        inspection.checkStarts(looksUpUsers: looksUpUsers)
        return inspection.results
    }
}

/// One inspection in progress.
private struct ActionInspection {
    /// A claimed resource that is in use, with the sockets that use it.
    private struct HeldResource {
        var requestIndex: Int
        var resource: ClaimedResource
        var inodes: Set<UInt>
        /// The uid to which one of the sockets belongs.
        var user: UInt32?
        /// Whether the sockets can no longer be reached by this name, because the socket file was removed or replaced.
        var isUnreachable = false
        /// Whether another socket can be bound in addition.
        var isShared = false
    }

    let requests: [ActionInspectionRequest]
    var results: [ActionInspectionResult]
    private let inspector = ProcessInspector()
    /// The index of the request of each running job, by the PID above its whole process tree: the shim, else the main
    /// process.
    private var requestIndexByPID: [Int32: Int] = [:]

    init(_ requests: [ActionInspectionRequest]) {
        self.requests = requests
        results = requests.map { request in
            ActionInspectionResult(isAlive: request.order.recorded.map(ProcessTable.isAlive) ?? false)
        }
        for (index, request) in requests.enumerated() where results[index].isAlive {
            guard let pid = request.order.recorded?.pid else { continue }
            let parent = ProcStat(of: pid)?.parent ?? 0
            requestIndexByPID[parent > 0 && ProcessInspector.hasShimName(parent) ? parent : pid] = index
        }
    }

    // MARK: Sockets and ports

    mutating func findHolders() {
        let resources = heldPorts() + heldSockets()
        guard !resources.isEmpty else { return }
        let owners = BlockerScanner.socketOwners(of: resources.reduce(into: Set<UInt>()) { $0.formUnion($1.inodes) })
        let facts = BlockerScanner.programFacts(
            of: owners.values.joined().filter { owningRequest(of: $0) == nil }
        )
        let users = BlockerScanner.socketUsers(of: Set(owners.keys))
        for held in resources {
            let pids = Set(held.inodes.flatMap { owners[$0] ?? [] }).sorted()
            let isOwn = pids.contains { owningRequest(of: $0) == held.requestIndex }
            guard !held.isUnreachable else {
                if isOwn, case .socket(let path) = held.resource {
                    results[held.requestIndex].lostSockets.append(path)
                }
                continue
            }
            let others = pids.filter { owningRequest(of: $0) != held.requestIndex }.compactMap(inspector.inspect)
            for process in others {
                addClaim(held, process, facts, BlockerScanner.socketUser(process, held.inodes, owners, users))
            }
            // A running action uses the resource itself; its own sockets may be hidden from this process.
            guard others.isEmpty, !isOwn, !results[held.requestIndex].isAlive else { continue }
            results[held.requestIndex].claims.append(
                .init(ResourceHolder(held.resource, by: nil, socketUser: held.user, isShared: held.isShared))
            )
        }
    }

    private func heldPorts() -> [HeldResource] {
        guard requests.contains(where: { !$0.order.ports.isEmpty }) else { return [] }
        let table = Dictionary(grouping: ListenerTable.readTable(4) + ListenerTable.readTable(6), by: \.port)
        return requests.enumerated().flatMap { index, request in
            request.order.ports.compactMap { port in
                let endpoint = port.endpoint
                let found = (table[UInt32(endpoint.port)] ?? []).filter { ListenerTable.blocks($0, endpoint) }
                guard !found.isEmpty else { return nil }
                return HeldResource(
                    requestIndex: index,
                    resource: .tcp(endpoint),
                    inodes: Set(found.map(\.inode)),
                    user: found.first?.user,
                    isShared: PortBindCheck.canBindAnotherSocket(port, request.order)
                )
            }
        }
    }

    private func heldSockets() -> [HeldResource] {
        guard requests.contains(where: { !$0.order.sockets.isEmpty }) else { return [] }
        let table = UnixSocketTable(ListenerTable.readTable(1))
        return requests.enumerated().flatMap { index, request in
            request.order.sockets.flatMap { path -> [HeldResource] in
                let bound = table.socketsBehind(path)
                let lost = results[index].isAlive ? table.socketsNamed(path).subtracting(bound) : []
                return [
                    HeldResource(requestIndex: index, resource: .socket(path), inodes: bound),
                    HeldResource(requestIndex: index, resource: .socket(path), inodes: lost, isUnreachable: true),
                ].filter { !$0.inodes.isEmpty }
            }
        }
    }

    private mutating func addClaim(
        _ held: HeldResource,
        _ process: ForeignProcess,
        _ facts: [ProcessFact: [UInt8]],
        _ socketUser: UInt32?
    ) {
        let programs = BlockerScanner.programCandidates(of: requests[held.requestIndex].order)
        let holder = ResourceHolder(
            held.resource,
            by: process,
            socketUser: socketUser,
            runsProgram: BlockerScanner.runsProgram(programs, process.identity.pid, facts),
            isShared: held.isShared
        )
        results[held.requestIndex].claims.append(.init(holder, job: owningRequest(of: process.identity.pid)))
    }

    /// Returns the index of the request whose job a process belongs to.
    private func owningRequest(of pid: Int32) -> Int? {
        guard !requestIndexByPID.isEmpty else { return nil }
        if let job = requestIndexByPID[pid] { return job }
        return ProcessInspector.ancestors(of: pid).lazy.compactMap { requestIndexByPID[$0] }.first
    }

    // MARK: PID files

    mutating func readPIDFiles() {
        for (index, request) in requests.enumerated() {
            let scan = request.order
            guard let path = scan.pidFile, access(path, F_OK) == 0 else { continue }
            let reading = BlockerScanner.readPIDFile(
                path,
                scan,
                BlockerScanner.programCandidates(of: scan),
                holders: results[index].claims.map(\.holder),
                inspector
            )
            guard case .namesProcess(let process, _, let evidence) = reading, evidence.isConclusive,
                owningRequest(of: process.identity.pid) != index
            else { continue }
            for claim in results[index].claims.indices
            where results[index].claims[claim].holder.process?.identity == process.identity {
                results[index].claims[claim].holder.runsProgram = true
            }
            let holder = ResourceHolder(.pidFile(path), by: process, runsProgram: true)
            results[index].claims.append(.init(holder, job: owningRequest(of: process.identity.pid)))
        }
    }

    // MARK: Starts

    mutating func checkStarts(looksUpUsers: Bool) {
        var check = StartCheck(looksUpUsers: looksUpUsers)
        for (index, request) in requests.enumerated() {
            results[index].startProblem = request.launch.flatMap { check.problem(of: $0) }
        }
    }

    // MARK: Changed files

    mutating func findChangedFiles() {
        let running = requests.enumerated().compactMap { index, request -> (Int, WallTime, Int32)? in
            guard results[index].isAlive, let start = request.startedAt, let pid = request.order.recorded?.pid else {
                return nil
            }
            return (index, start, pid)
        }
        guard !running.isEmpty else { return }
        let facts = BlockerScanner.programFacts(of: running.map(\.2))
        for (index, start, pid) in running {
            let request = requests[index]
            results[index].changedFiles = EnvironmentDrift.changedFiles(request.environmentFiles, since: start)
            results[index].replacedProgram = Self.replacedProgram(of: pid, request.order.program, since: start, facts)
        }
    }

    /// Returns the path of a process's program if the file on disk was replaced or removed since the process started.
    ///
    /// For a script that an interpreter runs, the modification time of the script decides.
    private static func replacedProgram(
        of pid: Int32,
        _ declared: String,
        since start: WallTime,
        _ facts: [ProcessFact: [UInt8]]
    ) -> String? {
        let files = facts[.program(pid)]?.split(separator: UInt8(ascii: " ")) ?? []
        guard files.count == 2, let path = ProcessInspector.programPath(of: pid) else { return nil }
        if !files[0].elementsEqual(files[1]) { return path }
        guard declared.contains("/"), declared != path else { return nil }
        let arguments = (facts[.arguments(pid)] ?? []).split(separator: 0).prefix(8).dropFirst()
        guard arguments.contains(where: { String(decoding: $0, as: UTF8.self) == declared }) else { return nil }
        return EnvironmentDrift.changedFiles([EnvironmentFileReference(declared)], since: start).first
    }
}

/// The kernel's table of Unix sockets, indexed by socket file and by bound name.
private struct UnixSocketTable {
    private var byFile: [UInt32: [hl_listener]] = [:]
    private var byName: [ByteText: Set<UInt>] = [:]

    init(_ table: [hl_listener]) {
        for listener in table {
            byFile[listener.file_inode, default: []].append(listener)
            byName[ByteText(ListenerTable.displayName(of: listener)), default: []].insert(listener.inode)
        }
    }

    /// Returns the inodes of the sockets that a path leads to.
    func socketsBehind(_ path: String) -> Set<UInt> {
        guard !path.hasPrefix("@") else { return socketsNamed(path) }
        var inode: UInt = 0
        var device: UInt = 0
        var mode: UInt32 = 0
        guard hl_file_inode(path, &inode, &device, &mode) == 0 else { return [] }
        return ListenerTable.boundSockets(path, in: byFile[UInt32(truncatingIfNeeded: inode)] ?? [])
    }

    /// Returns the inodes of the sockets that were bound to this name, whatever file has that name now.
    func socketsNamed(_ path: String) -> Set<UInt> { byName[ByteText(path)] ?? [] }
}
