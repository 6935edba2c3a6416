import CHeroRecord
import CHeroShim

/// A spec in which every offset and string lies inside its memory.
///
/// The bytes come from another process. `init` checks each offset once, so later reads need no checks. An invalid spec
/// ends the shim with `HERO_SHIM_BAD_SPEC`; no content of a spec can crash the shim.
struct Spec {
    /// The maximum size of a path with its NUL (PATH_MAX).
    private static let maxPathSize = 4096
    /// The maximum number of groups that the kernel accepts (NGROUPS_MAX).
    private static let maxGroups: UInt32 = 65_536

    private let base: UnsafeRawPointer
    /// The offset of the first string; older versions have a shorter header.
    private let headerSize: Int
    /// The header; fields that an older version does not have are zero.
    private(set) var header = hero_spec()

    init?(memory: UnsafeRawPointer, size: Int) {
        base = memory
        headerSize = size >= 8 ? hero_spec_header_size(memory.load(fromByteOffset: 4, as: UInt32.self)) : 0
        guard headerSize > 0, size >= headerSize else { return nil }
        withUnsafeMutableBytes(of: &header) { field in
            guard let field = field.baseAddress else { return }
            shim_copy(
                field.assumingMemoryBound(to: CChar.self),
                memory.assumingMemoryBound(to: CChar.self),
                headerSize
            )
        }
        guard
            header.magic == HERO_SPEC_MAGIC, Int(header.size) >= headerSize, Int(header.size) <= size,
            header.generation >= 1, header.umask <= 0o777, header.log_keep <= 99,
            header.stop_signal >= 1, header.stop_signal <= 64, header.strict_exec <= 1,
            header.log_when_slow <= HERO_WHEN_SLOW_DROP.rawValue,
            header.notify_senders <= HERO_NOTIFY_SENDERS_ALL.rawValue,
            header.candidate_count >= 1, header.argument_count >= 1
        else { return nil }
        guard
            isAbsolutePath(header.record_path), isAbsolutePath(header.log_path),
            isAbsolutePath(header.working_directory),
            isStringList(header.candidates, header.candidate_count),
            isStringList(header.arguments, header.argument_count),
            isStringList(header.environment, header.environment_count),
            hasValidScript(), hasBootIdentifier(), hasValidRights(), hasValidAttributes(), hasValidContainment(),
            hasValidReadyDescriptor(), hasValidNotifySocket(), hasValidConfinement()
        else { return nil }
    }

    var recordPath: UnsafePointer<CChar> { string(header.record_path) }
    var logPath: UnsafePointer<CChar> { string(header.log_path) }
    var workingDirectory: UnsafePointer<CChar> { string(header.working_directory) }

    /// The path of the script; nil when the job has none.
    var scriptPath: UnsafePointer<CChar>? { header.script == 0 ? nil : string(header.script_path) }

    /// The directory of the cgroup; nil when the job has none.
    var cgroup: UnsafePointer<CChar>? { header.cgroup == 0 ? nil : string(header.cgroup) }

    /// The PID file of a daemon that forks; nil when the job has none.
    var pidFile: UnsafePointer<CChar>? { header.pid_file == 0 ? nil : string(header.pid_file) }

    /// The exit codes of the first process that allow a handover, one bit each.
    var handoverCodes: (UInt64, UInt64, UInt64, UInt64) {
        guard header.handover_codes != 0 else { return (1, 0, 0, 0) }
        let map = base + Int(header.handover_codes)
        return (
            map.loadUnaligned(as: UInt64.self),
            map.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
            map.loadUnaligned(fromByteOffset: 16, as: UInt64.self),
            map.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
        )
    }

    /// The address of the notify socket (NOTIFY_SOCKET); nil when the job has none.
    var notifySocket: UnsafePointer<CChar>? { header.notify_socket == 0 ? nil : string(header.notify_socket) }

    /// The supplementary groups, four bytes each.
    var groups: UnsafeRawPointer { base + Int(header.rights.group_count == 0 ? 0 : header.rights.groups) }

    func string(_ offset: UInt32) -> UnsafePointer<CChar> {
        (base + Int(offset)).assumingMemoryBound(to: CChar.self)
    }

    /// Fills in pointers to the strings of a list with a null pointer behind them, as execve(2) takes them.
    ///
    /// - Returns: The position behind the null pointer.
    func fillPointers(
        _ table: UnsafeMutablePointer<UnsafePointer<CChar>?>,
        from offset: UInt32,
        count: UInt32
    ) -> UnsafeMutablePointer<UnsafePointer<CChar>?> {
        var string = string(offset)
        for index in 0..<Int(count) {
            table[index] = string
            string += shim_length(string) + 1
        }
        table[Int(count)] = nil
        return table + Int(count) + 1
    }

    /// The number of pointers that the three lists need, with the null pointer behind each.
    var pointerCount: Int {
        Int(header.candidate_count) + Int(header.argument_count) + Int(header.environment_count) + 3
    }

    // MARK: Checks

    /// The length of the string at an offset; nil unless it begins and ends inside the blob.
    private func length(at offset: Int) -> Int? {
        guard offset >= headerSize, offset < Int(header.size) else { return nil }
        let bytes = base.assumingMemoryBound(to: UInt8.self)
        var end = offset
        while end < Int(header.size), bytes[end] != 0 { end += 1 }
        return end < Int(header.size) ? end - offset : nil
    }

    func isAbsolutePath(_ offset: UInt32) -> Bool {
        guard let length = length(at: Int(offset)) else { return false }
        return length >= 1 && length < Spec.maxPathSize && string(offset)[0] == 0x2f
    }

    func isStringList(_ offset: UInt32, _ count: UInt32) -> Bool {
        // Each string takes at least one byte: a count beyond the size is invalid and need not be walked.
        guard count <= header.size else { return false }
        var next = Int(offset)
        for _ in 0..<Int(count) {
            guard let length = length(at: next) else { return false }
            next += length + 1
        }
        return true
    }

    private func hasValidScript() -> Bool {
        guard header.script != 0 else { return true }
        return Int(header.script) >= headerSize
            && Int(header.script) + Int(header.script_size) <= Int(header.size) && isAbsolutePath(header.script_path)
    }

    private func hasValidRights() -> Bool {
        let rights = header.rights
        guard
            rights.changes_user <= 1, rights.no_new_privileges <= 1, rights.sets_oom_score <= 1,
            rights.oom_score >= -1000, rights.oom_score <= 1000, rights.group_count <= Spec.maxGroups
        else { return false }
        // The kernel treats the highest number as "do not change".
        guard rights.changes_user == 0 || (rights.uid != .max && rights.gid != .max) else { return false }
        return rights.group_count == 0
            || (Int(rights.groups) >= headerSize
                && Int(rights.groups) + 4 * Int(rights.group_count) <= Int(header.size))
    }

    private func hasValidReadyDescriptor() -> Bool {
        header.ready_descriptor == 0 || (3...64).contains(header.ready_descriptor)
    }

    private func hasValidAttributes() -> Bool {
        let attributes = header.attributes
        return attributes.set_limits < 1 << UInt32(HERO_LIMIT_COUNT) && attributes.sets_nice <= 1
            && attributes.nice >= -20 && attributes.nice <= 19
    }

    private func hasValidContainment() -> Bool {
        guard
            header.containment <= HERO_CONTAINMENT_FREEZER.rawValue, header.needs_cgroup <= 1,
            header.pid_file == 0 || isAbsolutePath(header.pid_file), hasValidHandoverCodes()
        else { return false }
        guard header.cgroup != 0 else { return header.containment == HERO_CONTAINMENT_NONE.rawValue }
        return isAbsolutePath(header.cgroup) && shim_length(string(header.cgroup)) < Int(HERO_CGROUP_SIZE)
    }

    private func hasValidHandoverCodes() -> Bool {
        guard header.handover_codes != 0 else { return true }
        return Int(header.handover_codes) >= headerSize
            && Int(header.handover_codes) + Int(HERO_EXIT_CODE_MAP_SIZE) <= Int(header.size)
    }

    /// Whether the notify socket is a path, or an abstract name, that fits into a socket address (unix(7)).
    private func hasValidNotifySocket() -> Bool {
        guard header.notify_socket != 0 else { return header.watchdog_us == 0 }
        guard let length = length(at: Int(header.notify_socket)) else { return false }
        let first = string(header.notify_socket)[0]
        return length >= 2 && length < Int(HERO_SOCKET_SIZE) && (first == 0x2f || first == 0x40)
    }

    private func hasBootIdentifier() -> Bool {
        withUnsafeBytes(of: header.boot_id) { $0.contains(0) }
    }
}
