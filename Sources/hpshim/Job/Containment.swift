import CHeroRecord
import CHeroShim

/// The cgroup of a job, which holds its process tree together in addition to the subreaper (TR-2).
///
/// All functions are optional additions to what the shim finds among its descendants: where a cgroup file is missing,
/// its function is skipped.
struct Containment {
    private(set) var kind: UInt32
    /// The directory of the cgroup, in static memory; nil without a cgroup.
    private let path: UnsafePointer<CChar>?

    init(kind: UInt32, path: UnsafePointer<CChar>?) {
        self.kind = path == nil ? HERO_CONTAINMENT_NONE.rawValue : kind
        self.path = path
    }

    /// Opens the cgroup, so that the program can be cloned into it; negative if that is not possible.
    func openCgroup() -> Int32 {
        guard let path, kind == HERO_CONTAINMENT_CGROUP.rawValue else { return -1 }
        return shim_cgroup_open(path)
    }

    /// Moves the gated program into the cgroup, unless it was cloned into it, and notes the cgroup in its record.
    ///
    /// - Returns: 0 or an errno.
    mutating func place(_ pid: Int32, isIn: Bool, into proc: inout hero_proc) -> Int32 {
        guard let path else { return 0 }
        let error = isIn ? 0 : -shim_cgroup_join(path, pid)
        guard error == 0 else {
            kind = HERO_CONTAINMENT_NONE.rawValue
            return error
        }
        proc.containment = kind
        // The path fits into the field: otherwise the spec was refused.
        withUnsafeMutableBytes(of: &proc.cgroup) { field in
            field.baseAddress.map { shim_copy($0.assumingMemoryBound(to: CChar.self), path, shim_length(path)) }
        }
        return 0
    }

    /// Kills all processes of the cgroup; `signal` sends SIGKILL to every process that the shim finds.
    func kill(_ signal: () -> Void) {
        guard let path, kind != HERO_CONTAINMENT_NONE.rawValue else { return signal() }
        if kind == HERO_CONTAINMENT_FREEZER.rawValue {
            // A frozen process cannot fork before it receives the signal.
            _ = shim_freezer_set(path, 1)
            signal()
            _ = shim_freezer_set(path, 0)
        } else {
            _ = shim_cgroup_kill(path)
            signal()
        }
    }

    /// Whether the cgroup has no process; true where the kernel does not report it.
    var isEmpty: Bool {
        guard let path, kind == HERO_CONTAINMENT_CGROUP.rawValue else { return true }
        return shim_cgroup_read_number(path, "cgroup.events", "populated") < 1
    }

    /// Whether the kernel killed a process of the cgroup because memory ran out.
    var hasOutOfMemoryKill: Bool {
        guard let path, kind == HERO_CONTAINMENT_CGROUP.rawValue else { return false }
        return shim_cgroup_read_number(path, "memory.events", "oom_kill") > 0
    }

    /// Whether a process is in the cgroup; false where the kernel does not report it.
    func contains(_ pid: Int32) -> Bool {
        guard let path, kind == HERO_CONTAINMENT_CGROUP.rawValue else { return false }
        return shim_cgroup_contains(path, pid) == 1
    }

    /// Removes the directory, if no process is left in it.
    func remove() {
        if let path { shim_cgroup_remove(path) }
    }
}
