import CHeroShim

/// What logs leave free of their file system, so that they never take the last of it from the state beside them (LG-8).
///
/// A twentieth of it, at most 128 MiB. Each shim looks for itself: the guard holds without a reconciler, and for logs that
/// lie on a file system of their own.
struct FreeSpaceGuard {
    private static let reservedFraction: Int64 = 20
    private static let maxReservedBytes: Int64 = 128 << 20
    /// How long an answer of the file system is good for, in ns.
    private static let checkLifetime: Int64 = 50_000_000

    /// Bytes that may be written before it is asked again.
    private var allowance: Int64 = 0
    private var checkedAt: Int64 = 0

    /// Why so many more bytes may not be written: 0, or an error; `now` is any clock in ns.
    mutating func refusal(of count: Int, to descriptor: Int32, at now: Int64) -> Int32 {
        let age = now &- checkedAt
        if age >= 0, age < FreeSpaceGuard.checkLifetime, Int64(count) <= allowance {
            allowance -= Int64(count)
            return 0
        }
        var room = shim_free_space()
        guard shim_read_free_space(descriptor, &room) == 0, room.total > 0 else { return 0 }
        let left =
            room.free &- min(room.total / FreeSpaceGuard.reservedFraction, FreeSpaceGuard.maxReservedBytes)
            &- Int64(count)
        checkedAt = now
        // Others write at the same time: nobody takes more than a small part of what is left.
        allowance = max(0, left / 64)
        if left >= 0 { return 0 }
        return room.free < Int64(count) ? Int32(SHIM_ENOSPC) : Int32(SHIM_DISK_NEARLY_FULL)
    }
}
