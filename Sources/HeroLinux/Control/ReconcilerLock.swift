import CHeroLinux
import Glibc
public import HeroModel
import Synchronization

/// The lock that makes one reconciler the only one of its state directory and its run directory.
///
/// The lock is a kernel lock (flock) and needs no cleanup after a crash. The text in the lock file is for users (LK-1).
/// The lock is held as long as the object exists.
public final class ReconcilerLock: Sendable {
    /// The result of an attempt to acquire the lock.
    public enum Attempt: Sendable {
        /// This process holds the lock as long as the object exists.
        case acquired(ReconcilerLock)
        /// Another process holds the lock.
        case held(by: ReconcilerLockHolder)
    }

    private let stateLock: Mutex<Descriptor>
    private let runLock: Mutex<Descriptor>
    private let paths: RuntimePaths
    private let holder: ReconcilerLockHolder

    private init(state: Descriptor, run: Descriptor, _ paths: RuntimePaths, _ holder: ReconcilerLockHolder) {
        self.stateLock = Mutex(state)
        self.runLock = Mutex(run)
        self.paths = paths
        self.holder = holder
    }

    /// Acquires the lock of the state directory again if its file is no longer the locked one, because the directory
    /// was removed or replaced.
    ///
    /// Missing directories are created. No other process can have become the reconciler in between, because this
    /// process still holds the lock of the run directory.
    /// - Returns: Whether this process holds the lock.
    public func renew() -> Bool {
        stateLock.withLock { state in
            if hl_same_file(paths.reconcilerLock, state.number) == 1 { return true }
            do throws(LinuxError) {
                try paths.makeStateDirectories()
                guard let file = try Self.openLock(paths.reconcilerLock) else { return false }
                try Self.write(holder, to: file, at: paths.reconcilerLock)
                state = file
                return true
            } catch {
                return false
            }
        }
    }

    /// Acquires the lock of the run directory again if its file is no longer the locked one, because the directory was
    /// removed.
    ///
    /// The directory must exist. No other process can have become the reconciler in between, because this process still
    /// holds the lock of the state directory.
    /// - Returns: Whether this process holds the lock.
    public func renewRunLock() -> Bool {
        runLock.withLock { run in
            if hl_same_file(paths.runLock, run.number) == 1 { return true }
            do throws(LinuxError) {
                guard let file = try Self.openLock(paths.runLock) else { return false }
                try Self.write(holder, to: file, at: paths.runLock)
                run = file
                return true
            } catch {
                return false
            }
        }
    }

    /// Tries to become the reconciler.
    ///
    /// Creates the directories it needs and changes nothing else.
    public static func acquire(_ paths: RuntimePaths, mode: String, directory: String) throws(LinuxError) -> Attempt {
        try paths.makeStateDirectories()
        guard let state = try openLock(paths.reconcilerLock) else {
            return .held(by: readHolder(of: paths.reconcilerLock))
        }
        try paths.makeRunDirectories()
        guard let run = try openLock(paths.runLock) else { return .held(by: readHolder(of: paths.runLock)) }
        // Deleting both lock files must not allow a second reconciler while the first one is listening.
        guard !isReconcilerListening(paths) else { return .held(by: readHolder(of: paths.reconcilerLock)) }
        let holder = ReconcilerLockHolder(pid: getpid(), mode: mode, directory: directory)
        try write(holder, to: state, at: paths.reconcilerLock)
        try write(holder, to: run, at: paths.runLock)
        return .acquired(ReconcilerLock(state: state, run: run, paths, holder))
    }

    /// Returns the reconciler of a state directory; nil if there is none.
    ///
    /// Changes nothing.
    public static func holder(_ paths: RuntimePaths) -> ReconcilerLockHolder? {
        // A replaced file is not the locked one. The reconciler also holds the lock of the run directory.
        guard let path = [paths.reconcilerLock, paths.runLock].first(where: isLocked) else { return nil }
        var holder = readHolder(of: path)
        holder.safeMode = ReconcilerStatusFile.read(paths.safeModeFile)
        return holder
    }

    private static func isLocked(_ path: String) -> Bool {
        guard let file = TrustedFile.openForReading(path) else { return false }
        return hl_lock(file.number, 0) == 0
    }

    private static func openLock(_ path: String) throws(LinuxError) -> Descriptor? {
        let deadline = hl_boot_clock() &+ waitLimit
        var attempt = 0
        // A process that only checks the lock holds it for microseconds; a few attempts tell it from a reconciler.
        while attempt < 5 || (isHolderDead(path) && hl_boot_clock() < deadline) {
            if attempt > 0 { hl_sleep(4_000_000) }
            attempt += 1
            let file = try TrustedFile.open(path, O_RDWR | O_CREAT, task: "use the lock \(path)")
            guard try check(hl_lock(file.number, 1), "lock \(path)") == 1 else { continue }
            // If the lock file was deleted while it was held, this file is not the current one and its lock does not
            // count.
            if hl_same_file(path, file.number) == 1 { return file }
        }
        return nil
    }

    /// How long to wait for a lock or a socket that only a child of a dead reconciler can still hold, in nanoseconds.
    private static let waitLimit: Int64 = 5_000_000_000

    /// Whether the holder named in the lock file is dead.
    ///
    /// The lock is then held by a child of that process which has not executed its program yet; on a busy machine that
    /// takes a while.
    private static func isHolderDead(_ path: String) -> Bool {
        guard let pid = (readText(path) ?? "").split(separator: "\n").first.flatMap({ Int32($0) }), pid > 0 else {
            return false
        }
        return ProcStat(of: pid)?.isDead ?? true
    }

    /// Whether a process that may be a reconciler listens on the control socket.
    private static func isReconcilerListening(_ paths: RuntimePaths) -> Bool {
        let deadline = hl_boot_clock() &+ waitLimit
        while isSocketListening(paths.controlSocket) {
            // A process that executes a program closes the locks before the socket, and may be delayed in between.
            guard isHolderDead(paths.reconcilerLock), hl_boot_clock() < deadline else { return true }
            hl_sleep(4_000_000)
        }
        return false
    }

    private static func isSocketListening(_ socket: String) -> Bool {
        var pending: Int32 = 0
        let number = hl_connect_unix(socket, &pending)
        if number >= 0 { close(number) }
        // A full queue belongs to a listening process too.
        return number >= 0 || number == -EAGAIN
    }

    private static func write(_ holder: ReconcilerLockHolder, to file: Descriptor, at path: String) throws(LinuxError) {
        let text = "\(holder.pid)\n\(holder.mode)\n\(holder.directory)\n"
        let bytes = Array(text.utf8)
        guard ftruncate(file.number, 0) == 0, pwrite(file.number, bytes, bytes.count, 0) == bytes.count else {
            throw LinuxError(cannot: "write the lock \(path)", errno)
        }
    }

    private static func readHolder(of path: String) -> ReconcilerLockHolder {
        // The holder writes its PID right after it has acquired the lock.
        for attempt in 0..<5 {
            if attempt > 0 { hl_sleep(4_000_000) }
            let lines = (readText(path) ?? "").split(separator: "\n", omittingEmptySubsequences: false)
            guard lines.count >= 4, let pid = Int32(lines[0]) else { continue }
            let directory = lines[2..<(lines.count - 1)].joined(separator: "\n")
            return ReconcilerLockHolder(pid: pid, mode: String(lines[1]), directory: directory)
        }
        return ReconcilerLockHolder(pid: 0, mode: "", directory: "")
    }
}
