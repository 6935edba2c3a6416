import CHeroLinux
import Glibc
public import HeroKernel
import HeroModel

/// What a plan must know of the machine about all actions at once: each table of the kernel is read once, and the
/// descriptors of all processes at most once, however many actions there are.
public enum Survey {
    /// Answers every question; looks, and touches nothing.
    ///
    /// - Returns: as many answers, in the same order.
    public static func take(_ questions: [ActionInspectionRequest]) -> [ActionInspectionResult] {
        var survey = Surveying(questions)
        survey.findHolders()
        survey.readPIDFiles()
        survey.lookAtWhatRuns()
        return survey.answers
    }
}

/// One survey under way.
private struct Surveying {
    /// A resource that is held, by the sockets behind it.
    private struct Held {
        var question: Int
        var resource: ClaimedResource
        var inodes: Set<UInt>
        /// Whether they are not reached by this name any more.
        var isLost = false
        /// Whether there is room beside them.
        var isShared = false
    }

    let questions: [ActionInspectionRequest]
    var answers: [ActionInspectionResult]
    private let foreigners = Foreigners()
    /// The question of each recorded process that lives, by the pid that its whole tree is below of.
    private var jobs: [Int32: Int] = [:]

    init(_ questions: [ActionInspectionRequest]) {
        self.questions = questions
        answers = questions.map { question in
            ActionInspectionResult(isAlive: question.order.recorded.map(Census.isAlive) ?? false)
        }
        for (number, question) in questions.enumerated() where answers[number].isAlive {
            guard let pid = question.order.recorded?.pid else { continue }
            let parent = ProcStat(of: pid)?.parent ?? 0
            jobs[parent > 0 && Foreigners.isShim(parent) ? parent : pid] = number
        }
    }

    // MARK: Sockets and ports

    mutating func findHolders() {
        let held = heldPorts() + heldSockets()
        guard !held.isEmpty else { return }
        let owners = Obstruction.owners(of: held.reduce(into: Set<UInt>()) { $0.formUnion($1.inodes) })
        for one in held {
            let pids = Set(one.inodes.flatMap { owners[$0] ?? [] }).sorted()
            let isOwn = pids.contains { job(of: $0) == one.question }
            guard !one.isLost else {
                if isOwn, case .socket(let path) = one.resource { answers[one.question].lostSockets.append(path) }
                continue
            }
            let others = pids.filter { job(of: $0) != one.question }.compactMap(foreigners.describe)
            for process in others { claim(one, process) }
            // Where it runs itself, what cannot be seen is its own: it would not run without it.
            guard others.isEmpty, !isOwn, !answers[one.question].isAlive else { continue }
            answers[one.question].claims.append(
                .init(ResourceHolder(one.resource, by: nil, isShared: one.isShared))
            )
        }
    }

    private func heldPorts() -> [Held] {
        guard questions.contains(where: { !$0.order.ports.isEmpty }) else { return [] }
        let table = Dictionary(grouping: Listeners.table(4) + Listeners.table(6), by: \.port)
        return questions.enumerated().flatMap { number, question in
            question.order.ports.compactMap { port in
                let endpoint = port.endpoint
                let found = (table[UInt32(endpoint.port)] ?? []).filter { Obstruction.conflicts($0, endpoint) }
                guard !found.isEmpty else { return nil }
                return Held(
                    question: number,
                    resource: .tcp(endpoint),
                    inodes: Set(found.map(\.inode)),
                    isShared: BindTrial.hasRoom(port, question.order)
                )
            }
        }
    }

    private func heldSockets() -> [Held] {
        guard questions.contains(where: { !$0.order.sockets.isEmpty }) else { return [] }
        let table = UnixTable(Listeners.table(1))
        return questions.enumerated().flatMap { number, question in
            question.order.sockets.flatMap { path -> [Held] in
                let bound = table.bound(path)
                let lost = answers[number].isAlive ? table.named(path).subtracting(bound) : []
                return [
                    Held(question: number, resource: .socket(path), inodes: bound),
                    Held(question: number, resource: .socket(path), inodes: lost, isLost: true),
                ].filter { !$0.inodes.isEmpty }
            }
        }
    }

    private mutating func claim(_ held: Held, _ process: ForeignProcess) {
        let programs = Obstruction.programs(of: questions[held.question].order)
        let holder = ResourceHolder(
            held.resource,
            by: process,
            runsProgram: Obstruction.runs(programs, process.identity.pid),
            isShared: held.isShared
        )
        answers[held.question].claims.append(.init(holder, job: job(of: process.identity.pid)))
    }

    /// The question whose job a process is part of.
    private func job(of pid: Int32) -> Int? {
        guard !jobs.isEmpty else { return nil }
        if let job = jobs[pid] { return job }
        return Foreigners.ancestors(of: pid).lazy.compactMap { jobs[$0] }.first
    }

    // MARK: PID files

    mutating func readPIDFiles() {
        for (number, question) in questions.enumerated() {
            let order = question.order
            guard let path = order.pidFile, access(path, F_OK) == 0 else { continue }
            let reading = Obstruction.readPIDFile(
                path,
                order,
                Obstruction.programs(of: order),
                holders: answers[number].claims.map(\.holder),
                foreigners
            )
            guard case .namesProcess(let process, _, let evidence) = reading, evidence.isConclusive,
                job(of: process.identity.pid) != number
            else { continue }
            for place in answers[number].claims.indices
            where answers[number].claims[place].holder.process?.identity == process.identity {
                answers[number].claims[place].holder.runsProgram = true
            }
            let holder = ResourceHolder(.pidFile(path), by: process, runsProgram: true)
            answers[number].claims.append(.init(holder, job: job(of: process.identity.pid)))
        }
    }

    // MARK: What runs

    mutating func lookAtWhatRuns() {
        for (number, question) in questions.enumerated() where answers[number].isAlive {
            guard let start = question.startedAt, let pid = question.order.recorded?.pid else { continue }
            answers[number].changedFiles = EnvironmentDrift.changed(question.environmentFiles, since: start)
            answers[number].replacedProgram = Self.replacedProgram(of: pid, question.order.program, since: start)
        }
    }

    /// The program of a process, when another file or none has taken its place on disk.
    ///
    /// Of a script that an interpreter runs, the file's time has to do.
    private static func replacedProgram(of pid: Int32, _ declared: String, since start: WallTime) -> String? {
        var executed = stat()
        guard let path = Foreigners.program(of: pid), stat("/proc/\(pid)/exe", &executed) == 0 else { return nil }
        var file = stat()
        let isThere = stat(path, &file) == 0
        if !isThere || file.st_ino != executed.st_ino || file.st_dev != executed.st_dev { return path }
        guard declared.contains("/"), declared != path else { return nil }
        let words = (readFile("/proc/\(pid)/cmdline", limit: 65_536) ?? []).split(separator: 0).prefix(8).dropFirst()
        guard words.contains(where: { String(decoding: $0, as: UTF8.self) == declared }) else { return nil }
        return EnvironmentDrift.changed([declared], since: start).first
    }
}

/// The kernel's table of Unix sockets, found by what a path leads to and by the name they were bound with.
private struct UnixTable {
    private var byFile: [UInt32: [hl_listener]] = [:]
    private var byName: [String: Set<UInt>] = [:]

    init(_ table: [hl_listener]) {
        for listener in table {
            byFile[listener.file_inode, default: []].append(listener)
            byName[Listeners.writtenName(of: listener), default: []].insert(listener.inode)
        }
    }

    /// The sockets behind a path.
    func bound(_ path: String) -> Set<UInt> {
        guard !path.hasPrefix("@") else { return named(path) }
        var inode: UInt = 0
        var device: UInt = 0
        var mode: UInt32 = 0
        guard hl_file_inode(path, &inode, &device, &mode) == 0 else { return [] }
        return Listeners.bound(path, in: byFile[UInt32(truncatingIfNeeded: inode)] ?? [])
    }

    /// The sockets that were bound to this very name, whatever lies there now.
    func named(_ path: String) -> Set<UInt> { byName[path] ?? [] }
}
