import CHeroLinux
import Glibc
public import HeroKernel
import HeroModel

/// What a plan must know of the machine about all actions at once: each table of the kernel is read once, and the
/// descriptors of all processes at most once, however many actions there are.
public enum ActionInspector {
    /// Answers every question; looks, and touches nothing.
    ///
    /// - Returns: as many answers, in the same order.
    public static func inspect(_ questions: [ActionInspectionRequest]) -> [ActionInspectionResult] {
        var survey = ActionInspection(questions)
        survey.findHolders()
        survey.readPIDFiles()
        survey.findChangedFiles()
        return survey.results
    }
}

/// One survey under way.
private struct ActionInspection {
    /// A resource that is held, by the sockets behind it.
    private struct HeldResource {
        var requestIndex: Int
        var resource: ClaimedResource
        var inodes: Set<UInt>
        /// Whether they are not reached by this name any more.
        var isUnreachable = false
        /// Whether there is room beside them.
        var isShared = false
    }

    let requests: [ActionInspectionRequest]
    var results: [ActionInspectionResult]
    private let inspector = ProcessInspector()
    /// The question of each recorded process that lives, by the pid that its whole tree is below of.
    private var requestIndexByPID: [Int32: Int] = [:]

    init(_ questions: [ActionInspectionRequest]) {
        self.requests = questions
        results = questions.map { question in
            ActionInspectionResult(isAlive: question.order.recorded.map(ProcessTable.isAlive) ?? false)
        }
        for (number, question) in questions.enumerated() where results[number].isAlive {
            guard let pid = question.order.recorded?.pid else { continue }
            let parent = ProcStat(of: pid)?.parent ?? 0
            requestIndexByPID[parent > 0 && ProcessInspector.isShim(parent) ? parent : pid] = number
        }
    }

    // MARK: Sockets and ports

    mutating func findHolders() {
        let held = heldPorts() + heldSockets()
        guard !held.isEmpty else { return }
        let owners = BlockerScanner.socketOwners(of: held.reduce(into: Set<UInt>()) { $0.formUnion($1.inodes) })
        for one in held {
            let pids = Set(one.inodes.flatMap { owners[$0] ?? [] }).sorted()
            let isOwn = pids.contains { owningRequest(of: $0) == one.requestIndex }
            guard !one.isUnreachable else {
                if isOwn, case .socket(let path) = one.resource { results[one.requestIndex].lostSockets.append(path) }
                continue
            }
            let others = pids.filter { owningRequest(of: $0) != one.requestIndex }.compactMap(inspector.inspect)
            for process in others { addClaim(one, process) }
            // Where it runs itself, what cannot be seen is its own: it would not run without it.
            guard others.isEmpty, !isOwn, !results[one.requestIndex].isAlive else { continue }
            results[one.requestIndex].claims.append(
                .init(ResourceHolder(one.resource, by: nil, isShared: one.isShared))
            )
        }
    }

    private func heldPorts() -> [HeldResource] {
        guard requests.contains(where: { !$0.order.ports.isEmpty }) else { return [] }
        let table = Dictionary(grouping: ListenerTable.readTable(4) + ListenerTable.readTable(6), by: \.port)
        return requests.enumerated().flatMap { number, question in
            question.order.ports.compactMap { port in
                let endpoint = port.endpoint
                let found = (table[UInt32(endpoint.port)] ?? []).filter { BlockerScanner.conflicts($0, endpoint) }
                guard !found.isEmpty else { return nil }
                return HeldResource(
                    requestIndex: number,
                    resource: .tcp(endpoint),
                    inodes: Set(found.map(\.inode)),
                    isShared: PortBindCheck.canBindAnotherSocket(port, question.order)
                )
            }
        }
    }

    private func heldSockets() -> [HeldResource] {
        guard requests.contains(where: { !$0.order.sockets.isEmpty }) else { return [] }
        let table = UnixSocketTable(ListenerTable.readTable(1))
        return requests.enumerated().flatMap { number, question in
            question.order.sockets.flatMap { path -> [HeldResource] in
                let bound = table.socketsBehind(path)
                let lost = results[number].isAlive ? table.socketsNamed(path).subtracting(bound) : []
                return [
                    HeldResource(requestIndex: number, resource: .socket(path), inodes: bound),
                    HeldResource(requestIndex: number, resource: .socket(path), inodes: lost, isUnreachable: true),
                ].filter { !$0.inodes.isEmpty }
            }
        }
    }

    private mutating func addClaim(_ held: HeldResource, _ process: ForeignProcess) {
        let programs = BlockerScanner.programCandidates(of: requests[held.requestIndex].order)
        let holder = ResourceHolder(
            held.resource,
            by: process,
            runsProgram: BlockerScanner.runsProgram(programs, process.identity.pid),
            isShared: held.isShared
        )
        results[held.requestIndex].claims.append(.init(holder, job: owningRequest(of: process.identity.pid)))
    }

    /// The question whose job a process is part of.
    private func owningRequest(of pid: Int32) -> Int? {
        guard !requestIndexByPID.isEmpty else { return nil }
        if let job = requestIndexByPID[pid] { return job }
        return ProcessInspector.ancestors(of: pid).lazy.compactMap { requestIndexByPID[$0] }.first
    }

    // MARK: PID files

    mutating func readPIDFiles() {
        for (number, question) in requests.enumerated() {
            let order = question.order
            guard let path = order.pidFile, access(path, F_OK) == 0 else { continue }
            let reading = BlockerScanner.readPIDFile(
                path,
                order,
                BlockerScanner.programCandidates(of: order),
                holders: results[number].claims.map(\.holder),
                inspector
            )
            guard case .namesProcess(let process, _, let evidence) = reading, evidence.isConclusive,
                owningRequest(of: process.identity.pid) != number
            else { continue }
            for place in results[number].claims.indices
            where results[number].claims[place].holder.process?.identity == process.identity {
                results[number].claims[place].holder.runsProgram = true
            }
            let holder = ResourceHolder(.pidFile(path), by: process, runsProgram: true)
            results[number].claims.append(.init(holder, job: owningRequest(of: process.identity.pid)))
        }
    }

    // MARK: What runs

    mutating func findChangedFiles() {
        for (number, question) in requests.enumerated() where results[number].isAlive {
            guard let start = question.startedAt, let pid = question.order.recorded?.pid else { continue }
            results[number].changedFiles = EnvironmentDrift.changedFiles(question.environmentFiles, since: start)
            results[number].replacedProgram = Self.replacedProgram(of: pid, question.order.program, since: start)
        }
    }

    /// The program of a process, when another file or none has taken its place on disk.
    ///
    /// Of a script that an interpreter runs, the file's time has to do.
    private static func replacedProgram(of pid: Int32, _ declared: String, since start: WallTime) -> String? {
        var executed = stat()
        guard let path = ProcessInspector.programPath(of: pid), stat("/proc/\(pid)/exe", &executed) == 0 else {
            return nil
        }
        var file = stat()
        let isThere = stat(path, &file) == 0
        if !isThere || file.st_ino != executed.st_ino || file.st_dev != executed.st_dev { return path }
        guard declared.contains("/"), declared != path else { return nil }
        let words = (readFile("/proc/\(pid)/cmdline", limit: 65_536) ?? []).split(separator: 0).prefix(8).dropFirst()
        guard words.contains(where: { String(decoding: $0, as: UTF8.self) == declared }) else { return nil }
        return EnvironmentDrift.changedFiles([declared], since: start).first
    }
}

/// The kernel's table of Unix sockets, found by what a path leads to and by the name they were bound with.
private struct UnixSocketTable {
    private var byFile: [UInt32: [hl_listener]] = [:]
    private var byName: [String: Set<UInt>] = [:]

    init(_ table: [hl_listener]) {
        for listener in table {
            byFile[listener.file_inode, default: []].append(listener)
            byName[ListenerTable.displayName(of: listener), default: []].insert(listener.inode)
        }
    }

    /// The sockets behind a path.
    func socketsBehind(_ path: String) -> Set<UInt> {
        guard !path.hasPrefix("@") else { return socketsNamed(path) }
        var inode: UInt = 0
        var device: UInt = 0
        var mode: UInt32 = 0
        guard hl_file_inode(path, &inode, &device, &mode) == 0 else { return [] }
        return ListenerTable.boundSockets(path, in: byFile[UInt32(truncatingIfNeeded: inode)] ?? [])
    }

    /// The sockets that were bound to this very name, whatever lies there now.
    func socketsNamed(_ path: String) -> Set<UInt> { byName[path] ?? [] }
}
