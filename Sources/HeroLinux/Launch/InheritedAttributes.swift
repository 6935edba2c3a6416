import CHeroLinux
import Glibc

/// The attributes that a long-running process inherits from its caller: priority, limits and working directory.
///
/// Services are started by this process, by the restarted reconciler of its monitor, or by the next reconciler. What a
/// service gets must therefore not depend on the shell in which a command was run.
public enum InheritedAttributes {
    /// Resets priority, I/O priority and limits of this process to the defaults of the kernel.
    ///
    /// The limit of open files stays, because services get the one that heroproc was started with.
    /// - Returns: A text for each attribute that this user may not reset; services inherit it.
    /// - Throws: If no file can be written, so that not even the log could report that.
    public static func reset() throws(LinuxError) -> [String] {
        var problems: [String] = []
        var nice: Int32 = 0
        let error = 0 &- hl_reset_priority(&nice)
        if nice != 0 {
            problems.append(
                "every service gets the nice value \(nice) with which heroproc was started: \(errorText(error))"
            )
        }
        var index: Int32 = 0
        var name: UnsafePointer<CChar>?
        var soft: Int64 = 0
        while case let result = hl_reset_limit(index, &name, &soft), result != -ENOENT {
            index += 1
            guard result < 0, let name else { continue }
            if String(cString: name) == "file size", soft < minimumFileSize {
                throw LinuxError(
                    cannot: "start a reconciler",
                    because: "no file may be larger than \(soft) bytes; raise the limit with `ulimit -f unlimited`"
                )
            }
            problems.append(
                "every service gets the limit `\(String(cString: name))` \(soft) with which heroproc was started: "
                    + errorText(0 &- result)
            )
        }
        hl_reset_process_limit()
        return problems
    }

    /// A reconciler whose files may not even reach this size, in bytes, is of no use.
    private static let minimumFileSize: Int64 = 65_536

    /// Leaves the current directory, so that its file system can be unmounted.
    ///
    /// All paths must be absolute before this call.
    static func leaveDirectory() {
        // The root directory can always be entered, except in a broken chroot, where nothing else would work either.
        _ = chdir("/")
    }
}
