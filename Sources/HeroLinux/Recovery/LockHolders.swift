import CHeroLinux
import Glibc
import HeroKernel
import HeroModel

/// What identifies the processes of one start.
struct JobProcesses {
    let start: StartID
    let paths: RuntimePaths
    /// The recorded shim and main process.
    var recorded: [ProcessIdentity] = []
    /// The recorded main process, which leads the session of the program.
    var main: ProcessIdentity?
    /// The directory of its cgroup.
    var cgroup: String?

    /// Separates the holders of the record into the processes of the start and others.
    func lockHolders() -> (
        own: [(identity: ProcessIdentity, pidfd: Descriptor)], foreign: [(identity: ProcessIdentity, pidfd: Descriptor)]
    ) {
        let holders = HeroLinux.lockHolders(of: paths.record(of: start.job))
        guard !holders.isEmpty else { return ([], []) }
        let entry = "\(InstanceTag.variable)=\(InstanceTag.value(start, paths))"
        let tags = ProcessReader.read(holders.map { .entry($0.identity.pid, entry) })
        let members = Set(cgroup.map(StartCgroups.members) ?? [])
        let running = Set(recorded.filter(ProcessTable.isAlive).map(\.pid))
        let isOwn = { (holder: (identity: ProcessIdentity, pidfd: Descriptor)) -> Bool in
            let pid = holder.identity.pid
            var facts = LockHolderRule.Facts()
            facts.isInJobCgroup = members.contains(pid)
            facts.isBelowJob = !running.isDisjoint(with: [pid] + ProcessInspector.ancestors(of: pid))
            facts.isInJobSession = isInSession(holder.identity)
            facts.hasInstanceTag = tags[.entry(pid, entry)].flatMap(\.first).flatMap(ProcessFact.EntryState.init).map {
                $0 == .present
            }
            return LockHolderRule.belongsToJob(facts)
        }
        return (holders.filter(isOwn), holders.filter { !isOwn($0) })
    }

    /// Whether a process is in the session of the main process.
    ///
    /// The kernel does not reuse the number of a session that has members. If its leader runs, it must be the recorded
    /// main process.
    private func isInSession(_ process: ProcessIdentity) -> Bool {
        guard let main, process.startTicks >= main.startTicks, ProcStat(of: process.pid)?.session == main.pid else {
            return false
        }
        guard let leader = ProcStat(of: main.pid) else { return true }
        return leader.startTicks == main.startTicks
    }
}

/// Returns the processes that have the record of a job open, except this one.
///
/// Shims and their process trees inherit the record. A program can also send it to any other process, so an open record
/// alone never proves that a process belongs to the job (`JobProcesses`).
func lockHolders(of path: String) -> [(identity: ProcessIdentity, pidfd: Descriptor)] {
    var inode: UInt = 0
    var device: UInt = 0
    var mode: UInt32 = 0
    guard hl_file_inode(path, &inode, &device, &mode) == 0 else { return [] }
    // A stat of a foreign descriptor asks the file system of that file, so only descriptors with the name of the record
    // are read, and only by the helper process.
    let name = path.split(separator: "/").last.map(String.init) ?? ""
    let own = getpid()
    var candidates: [ProcessFact] = []
    for pid in ProcessTable.allPIDs() where pid != own && pid > 1 {
        _ = ProcessTable.anyDescriptor(of: pid) { file in
            guard let target = linkTarget(file)?.split(separator: "/").last, let number = Int32(baseName(file)),
                target == name || target == "\(name) (deleted)"
            else { return false }
            candidates.append(.file(pid, descriptor: number))
            return false
        }
    }
    let wanted = Array("\(device):\(inode)".utf8)
    let identified = Dictionary(
        Set(candidates.map(\.pid)).map { ($0, ProcessTable.identify($0)) },
        uniquingKeysWith: { first, _ in first }
    )
    let holders = Set(ProcessReader.read(candidates).filter { $0.value == wanted }.map(\.key.pid))
    return holders.sorted().compactMap { pid in
        guard let found = identified[pid] ?? nil, !found.stat.isDead else { return nil }
        return (found.identity, found.pidfd)
    }
}

private func baseName(_ path: String) -> Substring { path.split(separator: "/").last ?? "" }
