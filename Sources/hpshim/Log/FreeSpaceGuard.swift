import CHeroShim

/// Keeps part of the file system free, so that logs never use the last space that the state database needs (LG-8).
///
/// A twentieth of the file system is kept free, at most 128 MiB. Each shim checks this itself: the guard works without
/// a reconciler, and for logs on a separate file system.
struct FreeSpaceGuard {
    private static let reservedFraction: Int64 = 20
    private static let maxReservedBytes: Int64 = 128 << 20
    /// How long a result of statvfs(2) is used, in ns.
    private static let checkLifetime: Int64 = 50_000_000

    /// Bytes that may be written before the next check.
    private var allowance: Int64 = 0
    private var checkedAt: Int64 = 0

    /// Returns 0 if `count` more bytes may be written, else an error; `now` is any clock in ns.
    mutating func refusal(of count: Int, to descriptor: Int32, at now: Int64) -> Int32 {
        let age = now &- checkedAt
        if age >= 0, age < FreeSpaceGuard.checkLifetime, Int64(count) <= allowance {
            allowance -= Int64(count)
            return 0
        }
        var space = shim_free_space()
        guard shim_read_free_space(descriptor, &space) == 0, space.total > 0 else { return 0 }
        let remaining =
            space.free &- min(space.total / FreeSpaceGuard.reservedFraction, FreeSpaceGuard.maxReservedBytes)
            &- Int64(count)
        checkedAt = now
        // Other jobs write at the same time: each shim uses only a small part of the free space before the next check.
        allowance = max(0, remaining / 64)
        if remaining >= 0 { return 0 }
        return space.free < Int64(count) ? Int32(SHIM_ENOSPC) : Int32(SHIM_DISK_NEARLY_FULL)
    }
}
