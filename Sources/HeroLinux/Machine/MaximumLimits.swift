import CHeroLinux
import Glibc
public import HeroModel

/// The largest limits that this process can set for a service.
public enum MaximumLimits {
    /// The hard limits of this process, or the maximum of the kernel if it may raise them.
    public static var current: ResourceLimits {
        var limits = ResourceLimits()
        if mayRaise {
            limits.openFiles = readText("/proc/sys/fs/nr_open").flatMap { Int64($0.trimmed) }.map { ProcessLimit($0) }
            return limits
        }
        limits.openFiles = hardLimit(Int32(HL_LIMIT_FILES))
        limits.processes = hardLimit(Int32(HL_LIMIT_PROCESSES))
        limits.coreBytes = hardLimit(Int32(HL_LIMIT_CORE))
        limits.lockedBytes = hardLimit(Int32(HL_LIMIT_LOCKED_MEMORY))
        limits.fileBytes = hardLimit(Int32(HL_LIMIT_FILE_SIZE))
        limits.stackBytes = hardLimit(Int32(HL_LIMIT_STACK))
        limits.addressSpaceBytes = hardLimit(Int32(HL_LIMIT_ADDRESS_SPACE))
        return limits
    }

    /// Whether this process has CAP_SYS_RESOURCE, capability 24.
    private static var mayRaise: Bool {
        let line = (readText("/proc/self/status") ?? "").split(separator: "\n").first { $0.hasPrefix("CapEff:") }
        let mask = line.flatMap { UInt64($0.dropFirst("CapEff:".count).trimmed, radix: 16) } ?? 0
        return mask & 1 << 24 != 0
    }

    private static func hardLimit(_ what: Int32) -> ProcessLimit? {
        var (soft, hard): (Int64, Int64) = (-1, -1)
        return hl_resource_limit(what, &soft, &hard) == 0 && hard >= 0 ? ProcessLimit(hard) : nil
    }
}
