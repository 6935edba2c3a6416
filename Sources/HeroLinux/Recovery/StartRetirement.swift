import CHeroFailpoints
import CHeroLinux
import CHeroRecord
import Glibc
import HeroKernel
import HeroModel

/// Retires starts that were requested and must never happen: the record gets their generation, so that a late shim is
/// refused.
///
/// A marker file next to the record keeps the record for longer than a shim can be late, even if its job is removed.
struct StartRetirement {
    let paths: RuntimePaths

    /// How long the record of a retired start is kept, in seconds.
    private static let retentionSeconds = 600

    /// Takes the generation of a start.
    ///
    /// - Returns: false if a shim has taken it or holds the lock; the record must be read again then.
    func retire(_ start: StartID) -> Bool {
        if hero_is_disabled(HERO_RETIREMENT) != 0 { return true }
        let path = paths.record(of: start.job)
        guard let file = try? TrustedFile.open(path, O_RDWR | O_CREAT, task: "retire a start in \(path)") else {
            return false
        }
        guard hl_lock(file.number, 1) == 1, hl_same_file(path, file.number) == 1 else { return false }
        if case .found(let record) = RecordReader.read(path, job: start.job), record.generation >= start.generation {
            return record.isRetired
        }
        // The marker comes first: without it the record might be removed with its job.
        close(open(markerPath(of: start.job), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600))
        hero_failpoint(FP_ST_16)
        return RecordReader.writeRetired(start, to: file.number)
    }

    /// Removes the files of a job; keeps the record if a start of the job was retired.
    func removeFiles(_ job: JobID) {
        unlink(paths.script(of: job))
        // A killed shim leaves its socket file.
        unlink(paths.notifySocketFile(of: job))
        JobRecoveryFile.remove(paths.recoveryFile(of: job))
        // A locked record shows that a process still has it open, so it stays.
        guard access(markerPath(of: job), F_OK) != 0, !isRecordLocked(paths.record(of: job)) else { return }
        unlink(paths.record(of: job))
    }

    /// Removes the markers, and the records they kept, that are older than any late shim.
    func removeExpired() {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        for name in listDirectory(paths.jobs) ?? [] where name.hasSuffix(Self.suffix) {
            guard let job = JobID(name.dropLast(Self.suffix.count)) else { continue }
            var status = stat()
            guard lstat(markerPath(of: job), &status) == 0,
                now.tv_sec - status.st_mtim.tv_sec > Self.retentionSeconds, !isRecordLocked(paths.record(of: job))
            else { continue }
            unlink(paths.record(of: job))
            unlink(markerPath(of: job))
        }
    }

    private static let suffix = ".retired"

    private func markerPath(of job: JobID) -> String { paths.record(of: job) + Self.suffix }
}

extension RecordReader {
    /// Writes a record in which the generation is taken and no process runs.
    static func writeRetired(_ start: StartID, to file: Int32) -> Bool {
        var proc = hero_proc()
        proc.phase = HERO_PROC_PREPARED.rawValue
        proc.generation = start.generation
        proc.job = start.job
        proc.pid_namespace = ProcessTable.currentMachine.pidNamespace
        withUnsafeMutableBytes(of: &proc.boot_id) {
            $0.copyBytes(from: ProcessTable.currentMachine.bootID.utf8.prefix(39))
        }
        hero_proc_seal(&proc)
        var exit = hero_exit()
        exit.generation = start.generation
        exit.job = start.job
        hero_exit_seal(&exit)
        var bytes = [UInt8](repeating: 0, count: 2 * Int(HERO_SECTOR))
        withUnsafeBytes(of: proc) { bytes.replaceSubrange(0..<$0.count, with: $0) }
        withUnsafeBytes(of: exit) { half in
            bytes.replaceSubrange(Int(HERO_SECTOR)..<(Int(HERO_SECTOR) + half.count), with: half)
        }
        return pwrite(file, bytes, bytes.count, 0) == bytes.count
    }
}
