import CHeroRecord
import CHeroShim

/// What holds the tree together beside the shim being its subreaper (TR-2): a cgroup of its own, where there is one.
///
/// It only ever adds to what the shim finds below itself: where a file of the cgroup is missing, its part is left out.
struct Containment {
    private(set) var kind: UInt32
    /// The directory, in memory that stays.
    private let path: UnsafePointer<CChar>?

    init(kind: UInt32, path: UnsafePointer<CChar>?) {
        self.kind = path == nil ? HERO_CONTAINMENT_NONE.rawValue : kind
        self.path = path
    }

    /// Where the program can be born, as a descriptor; negative: nowhere, so that it has to be put in.
    func openCgroup() -> Int32 {
        guard let path, kind == HERO_CONTAINMENT_CGROUP.rawValue else { return -1 }
        return shim_cgroup_open(path)
    }

    /// Puts the gated program in, unless it was born there, and says so in its record; 0 or an errno.
    mutating func place(_ pid: Int32, isIn: Bool, into proc: inout hero_proc) -> Int32 {
        guard let path else { return 0 }
        let error = isIn ? 0 : -shim_cgroup_join(path, pid)
        guard error == 0 else {
            kind = HERO_CONTAINMENT_NONE.rawValue
            return error
        }
        proc.containment = kind
        // Shorter than the field: else the spec was refused.
        withUnsafeMutableBytes(of: &proc.cgroup) { field in
            field.baseAddress.map { shim_copy($0.assumingMemoryBound(to: CChar.self), path, shim_length(path)) }
        }
        return 0
    }

    /// Kills whoever is in it; `signal` sends SIGKILL to every process that is seen.
    func kill(_ signal: () -> Void) {
        guard let path, kind != HERO_CONTAINMENT_NONE.rawValue else { return signal() }
        if kind == HERO_CONTAINMENT_FREEZER.rawValue {
            // Who stands still cannot fork away from the signal.
            _ = shim_freezer_set(path, 1)
            signal()
            _ = shim_freezer_set(path, 0)
        } else {
            _ = shim_cgroup_kill(path)
            signal()
        }
    }

    /// Whether nobody is in it, as far as the kernel tells.
    var isEmpty: Bool {
        guard let path, kind == HERO_CONTAINMENT_CGROUP.rawValue else { return true }
        return shim_cgroup_read_number(path, "cgroup.events", "populated") < 1
    }

    /// Whether the kernel killed somebody in it for want of memory.
    var hasOutOfMemoryKill: Bool {
        guard let path, kind == HERO_CONTAINMENT_CGROUP.rawValue else { return false }
        return shim_cgroup_read_number(path, "memory.events", "oom_kill") > 0
    }

    /// Whether a process is in it, as far as the kernel tells.
    func contains(_ pid: Int32) -> Bool {
        guard let path, kind == HERO_CONTAINMENT_CGROUP.rawValue else { return false }
        return shim_cgroup_contains(path, pid) == 1
    }

    /// Removes the directory, if nobody is in it.
    func remove() {
        if let path { shim_cgroup_remove(path) }
    }
}
