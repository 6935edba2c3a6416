import CHeroFailpoints
import Glibc
import HeroModel

/// The PID files that heroproc writes itself, for singletons that name none (reliability.md PF-4).
enum PIDFileWriter {
    /// Writes one; whoever reads it meanwhile sees the old one or the new one, never a part.
    ///
    /// - Throws: What could not be done.
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

    /// Removes one that still names this process: what somebody else wrote there since is not ours.
    static func remove(_ path: String, _ process: ProcessIdentity) {
        guard readFile(path, limit: 64)?.elementsEqual("\(process.pid)\n".utf8) ?? false else { return }
        hero_failpoint(FP_PF_3)
        unlink(path)
    }
}
