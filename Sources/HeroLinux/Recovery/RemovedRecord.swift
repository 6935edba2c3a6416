import Glibc

/// The record of a running start whose file was removed while its shim has it open.
enum RemovedRecord {
    private static let maximumSize = 1 << 16

    /// Writes a copy of the record, so that the next reconciler finds the running program.
    ///
    /// The shim writes the end of its program to the removed file, so that end is reported as lost.
    ///
    /// - Parameters:
    ///   - path: The path of the record when its shim opened it.
    ///   - shim: The PID of the shim, which is not reaped.
    ///   - target: The path of the copy; an existing file stays as it is.
    static func restore(_ path: String, of shim: Int32, at target: String) {
        guard access(target, F_OK) != 0, let bytes = read(path, shim) else { return }
        let number = open(target, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard number >= 0 else { return }
        let file = Descriptor(number)
        guard bytes.withUnsafeBytes({ pwrite(file.number, $0.baseAddress, $0.count, 0) }) != bytes.count else { return }
        unlink(target)
    }

    private static func read(_ path: String, _ shim: Int32) -> [UInt8]? {
        var bytes: [UInt8]?
        _ = ProcessTable.anyDescriptor(of: shim) { descriptor in
            guard linkTarget(descriptor) == path + " (deleted)" else { return false }
            bytes = readFile(descriptor, limit: maximumSize)
            return true
        }
        return bytes
    }
}
