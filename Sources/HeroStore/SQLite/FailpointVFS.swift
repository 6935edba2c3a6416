internal import CHeroFailpoints
internal import GRDBSQLite

/// Failpoints below SQLite: between the writes of a commit, and of a checkpoint.
enum FailpointVFS {
    /// Replaces pwrite(2) below SQLite if FP-DB-1 or FP-DB-2 is armed; a release build has no failpoints.
    static func installIfArmed() {
        guard hero_failpoint_is_armed(FP_DB_1) != 0 || hero_failpoint_is_armed(FP_DB_2) != 0 else { return }
        let write: @convention(c) (Int32, UnsafeRawPointer, UInt, Int) -> Int = hero_failing_pwrite
        // The hook that SQLite's own tests use (sqlite3_vfs, xSetSystemCall); it has the arguments of pwrite64.
        guard let files = sqlite3_vfs_find(nil) else { return }
        _ = files.pointee.xSetSystemCall(files, "pwrite64", unsafeBitCast(write, to: sqlite3_syscall_ptr.self))
    }
}
