import Glibc
public import HeroModel

/// Files in which a running reconciler reports what it does not store in the database: a store outage, the safe mode,
/// and the durations of its reconciliations.
///
/// The files are created when a reconciler starts and only overwritten later, so that a full disk does not prevent a
/// report.
public enum ReconcilerStatusFile {
    private static let fileSize = 1024

    static func write(_ text: String?, to path: String) {
        let number = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard number >= 0 else { return }
        let file = Descriptor(number)
        var bytes = Array((text ?? "").utf8.prefix(fileSize - 1))
        bytes.append(contentsOf: repeatElement(UInt8(ascii: "\n"), count: fileSize - bytes.count))
        _ = pwrite(file.number, bytes, bytes.count, 0)
    }

    /// Why the running reconciler cannot write its database; nil if it can.
    public static func storeOutage(_ paths: RuntimePaths) -> String? { read(paths.storeOutageFile) }

    /// The durations of the reconciliations since the start of the last reconciler; nil before the first one.
    public static func durations(_ paths: RuntimePaths) -> ReconcileDurations? {
        read(paths.durationsFile).flatMap { ReconcileDurations($0) }
    }

    /// Reports the reason and the duration of the safe mode.
    public static func writeSafeMode(_ text: String, _ paths: RuntimePaths) { write(text, to: paths.safeModeFile) }

    /// Reports that a change of the services directory was refused; nil: the directory is applied.
    ///
    /// A change that is refused again keeps the time of its first refusal.
    static func writeRefusedChange(_ text: String?, at now: WallTime, _ paths: RuntimePaths) {
        guard let text else {
            unlink(paths.refusedChangeFile)
            return
        }
        let since = refusedChange(paths)?.since ?? now
        let next = paths.refusedChangeFile + ".new"
        unlink(next)
        let number = open(next, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard number >= 0 else { return }
        let file = Descriptor(number)
        let bytes = Array("\(since)\n\(text)\n".utf8)
        guard pwrite(file.number, bytes, bytes.count, 0) == bytes.count else {
            unlink(next)
            return
        }
        rename(next, paths.refusedChangeFile)
    }

    /// Replaces the description of the followed git repository; nil removes it.
    static func writeRepositoryStatus(_ status: [UInt8]?, _ paths: RuntimePaths) {
        guard let status else {
            unlink(paths.repositoryStatusFile)
            return
        }
        let next = paths.repositoryStatusFile + ".new"
        unlink(next)
        let number = open(next, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard number >= 0 else { return }
        let file = Descriptor(number)
        guard pwrite(file.number, status, status.count, 0) == status.count else {
            unlink(next)
            return
        }
        rename(next, paths.repositoryStatusFile)
    }

    /// The description of the followed git repository; nil if none is followed.
    public static func repositoryStatus(_ paths: RuntimePaths) -> [UInt8]? {
        readFile(paths.repositoryStatusFile, limit: 65_536)
    }

    /// The last change of the services directory, if it was refused; nil if it was not.
    public static func refusedChange(_ paths: RuntimePaths) -> RefusedChange? {
        guard let text = read(paths.refusedChangeFile) else { return nil }
        let lines = text.split(separator: "\n", maxSplits: 1).map(String.init)
        return RefusedChange(since: lines.first.flatMap { WallTime($0) }, text: lines.count > 1 ? lines[1] : "")
    }

    static func read(_ path: String) -> String? {
        let text = readText(path)?.trimmed ?? ""
        return text.isEmpty ? nil : text
    }
}
