import Glibc
import HeroKernel
import HeroModel

/// The processes that belong to a start, found through its main process, its tag, its cgroup and its lock.
extension OrphanTracker {
    /// Adds the descendants and the session members of the main process, while that is running.
    func addDescendants(_ id: UInt64) {
        guard let orphan = orphans[id], let main = orphan.mainProcess, ProcessTable.isAlive(main) else { return }
        var candidates = Set(ProcessTable.descendants(of: main.pid))
        for pid in ProcessTable.allPIDs() where ProcStat(of: pid)?.session == main.pid { candidates.insert(pid) }
        candidates.remove(main.pid)
        let found = candidates.compactMap { pid in
            ProcessTable.identify(pid).flatMap { $0.stat.startTicks >= main.startTicks ? $0 : nil }
        }
        // If the main process has ended in between, its PID may belong to another process.
        guard ProcessTable.isAlive(main) else { return }
        for process in found { orphans[id]?.members[process.identity] = process.pidfd }
    }

    /// Adds the processes that have the tag of the start.
    func addTaggedProcesses(_ id: UInt64) {
        guard let orphan = orphans[id] else { return }
        let search = { [paths] in
            orphan.isUnreadable
                ? InstanceTag.processes(ofAnyStartOf: orphan.start.job, paths)
                : InstanceTag.processes(of: orphan.start, paths)
        }
        let found = search().compactMap { ProcessTable.identify($0) }
        let still = Set(found.isEmpty ? [] : search())
        for process in found where still.contains(process.identity.pid) {
            orphans[id]?.members[process.identity] = process.pidfd
        }
    }

    /// Adds the processes in its cgroup: only the shim puts processes there, and their descendants stay there.
    func addCgroupMembers(_ id: UInt64) {
        guard let cgroup = orphans[id]?.cgroup else { return }
        let own = getpid()
        let found = StartCgroups.members(of: cgroup).filter { $0 > 1 && $0 != own }.compactMap {
            ProcessTable.identify($0)
        }
        // A PID that was reused in between is no longer in the list.
        let still = Set(StartCgroups.members(of: cgroup))
        for process in found where still.contains(process.identity.pid) && process.stat.pid == process.identity.pid {
            orphans[id]?.members[process.identity] = process.pidfd
        }
    }

    /// Adds the processes of the start that have the record open.
    ///
    /// - Returns: false if only processes that do not belong to the start have it open.
    func addLockHolders(_ id: UInt64) -> Bool {
        guard let orphan = orphans[id] else { return false }
        var recorded = orphan.recorded
        if orphan.isUnreadable {
            // The record names no shim. A shim of this user that has the record open is the shim of this start.
            let shims = lockHolders(of: orphan.recordPath).map(\.identity).filter { Self.isOwnShim($0.pid) }
            recorded = shims
            for pid in shims.flatMap({ ProcessTable.descendants(of: $0.pid) }) {
                if let found = ProcessTable.identify(pid) { orphans[id]?.members[found.identity] = found.pidfd }
            }
        }
        let processes = JobProcesses(
            start: orphan.start,
            paths: paths,
            recorded: recorded,
            main: orphan.recordedMain,
            cgroup: orphan.cgroup
        )
        let holders = processes.lockHolders()
        for holder in holders.own { orphans[id]?.members[holder.identity] = holder.pidfd }
        orphans[id]?.foreignHolders = holders.foreign.map(\.identity.pid)
        return !holders.own.isEmpty || holders.foreign.isEmpty || orphan.isUnreadable
    }

    private static func isOwnShim(_ pid: Int32) -> Bool {
        var folder = stat()
        return ProcessInspector.isShim(pid) && stat("/proc/\(pid)", &folder) == 0 && folder.st_uid == geteuid()
    }
}
