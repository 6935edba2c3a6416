import CHeroFailpoints
import Glibc
import HeroModel

/// Writes the PID files of singleton actions that do not name a file of their own (PF-4).
enum PIDFileWriter {
    /// Writes a PID file by renaming a complete file, so that no reader sees a part of it.
    ///
    /// - Throws: If the file cannot be written.
    static func write(_ path: String, _ process: ProcessIdentity) throws(LinuxError) {
        let task = "write the PID file \(path)"
        let draft = "\(path).new"
        unlink(draft)
        let number = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard number >= 0 else { throw LinuxError(cannot: task, errno) }
        let descriptor = Descriptor(number)
        let text = Array("\(process.pid)\n".utf8)
        guard Glibc.write(descriptor.number, text, text.count) == text.count, fchmod(number, 0o644) == 0,
            hero_failpoint(FP_PF_1) == 0, rename(draft, path) == 0
        else {
            let error = errno
            unlink(draft)
            throw LinuxError(cannot: task, error)
        }
        hero_failpoint(FP_PF_2)
    }

    /// Removes a PID file if it still names this process; a file that another program has written is kept.
    static func remove(_ path: String, _ process: ProcessIdentity) {
        guard readFile(path, limit: 64)?.elementsEqual("\(process.pid)\n".utf8) ?? false else { return }
        hero_failpoint(FP_PF_3)
        unlink(path)
    }
}
