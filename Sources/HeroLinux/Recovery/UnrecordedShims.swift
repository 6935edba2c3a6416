import CHeroLinux
import Glibc
import HeroModel

/// Shims that hold the lock of a job and have not said for which start (reliability.md FP-ST-6).
///
/// Between the two lies an instant, but a machine can hold a process up there for seconds. Such a shim has started nothing. Nobody
/// knows it, so nobody would follow what it starts when it goes on; it is ended instead, and its start is retired like others
/// that left no trace.
enum UnrecordedShims {
    /// Ends whoever began a start of which this record says nothing.
    ///
    /// - Returns: Whether there was somebody: then the record must be read again, for it may have got further before it died.
    static func kill(_ path: String, job: JobID) -> Bool {
        guard !namesLockHolder(RecordFile.read(path, job: job)), isRecordLocked(path) else { return false }
        let shims = lockHolders(of: path).filter { ProcessInspector.isShim($0.identity.pid) }
        // It may be going on this very moment: only of one that stands still can it be said that it has started nothing.
        for shim in shims { _ = hl_pidfd_send_signal(shim.pidfd.number, SIGSTOP) }
        wait(for: shims) { $0?.state != UInt8(ascii: "T") }
        let isBeginner = !namesLockHolder(RecordFile.read(path, job: job))
        for shim in shims { _ = hl_pidfd_send_signal(shim.pidfd.number, isBeginner ? SIGKILL : SIGCONT) }
        if isBeginner { wait(for: shims) { $0?.isDead == false } }
        return !shims.isEmpty
    }

    /// Waits, for a second at most, while this is so of one of them.
    private static func wait(
        for shims: [(identity: ProcessIdentity, pidfd: Descriptor)],
        while holds: (ProcStat?) -> Bool
    ) {
        for _ in 0..<200
        where shims.contains(where: { ProcessTable.isAlive($0.identity) && holds(ProcStat(of: $0.identity.pid)) }) {
            hl_sleep(5_000_000)
        }
    }

    /// Whether the lock is held by somebody that the record names.
    private static func namesLockHolder(_ reading: RecordFile.ReadResult) -> Bool {
        guard case .found(let record) = reading else { return false }
        guard record.isFromThisMachine else { return true }
        return record.shim.map(ProcessTable.isAlive) ?? false || record.main.map(ProcessTable.isAlive) ?? false
    }
}

/// Who has the record of a job open: only shims and their trees do, beside ourselves.
func lockHolders(of path: String) -> [(identity: ProcessIdentity, pidfd: Descriptor)] {
    var inode: UInt = 0
    var device: UInt = 0
    var mode: UInt32 = 0
    guard hl_file_inode(path, &inode, &device, &mode) == 0 else { return [] }
    let own = getpid()
    return ProcessTable.allPIDs().filter { $0 != own && $0 > 1 }.compactMap { pid in
        guard let found = ProcessTable.identify(pid), !found.stat.isDead else { return nil }
        let holds = ProcessTable.anyDescriptor(of: pid) { path in
            var file = stat()
            return stat(path, &file) == 0 && UInt(file.st_ino) == inode && UInt(file.st_dev) == device
        }
        return holds ? (found.identity, found.pidfd) : nil
    }
}
