import Glibc

/// Files in which a running reconciler reports what it cannot store in the database: a store outage, and the safe mode.
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

    /// Reports the reason and the duration of the safe mode.
    public static func writeSafeMode(_ text: String, _ paths: RuntimePaths) { write(text, to: paths.safeModeFile) }

    static func read(_ path: String) -> String? {
        let text = readText(path)?.trimmed ?? ""
        return text.isEmpty ? nil : text
    }
}
