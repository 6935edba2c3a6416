internal import CHeroFailpoints
internal import GRDBSQLite

/// Failpoints below SQLite: between the writes of one commit, and of one checkpoint.
enum FailpointVFS {
    /// Puts our own pwrite(2) under SQLite where a test asks for FP-DB-1 or FP-DB-2; in a release build there is nothing to ask.
    static func installIfArmed() {
        guard hero_failpoint_is_armed(FP_DB_1) != 0 || hero_failpoint_is_armed(FP_DB_2) != 0 else { return }
        let write: @convention(c) (Int32, UnsafeRawPointer, UInt, Int) -> Int = hero_failing_pwrite
        // The hook of SQLite's own tests (sqlite3_vfs, xSetSystemCall); it is called with the arguments of pwrite64.
        guard let files = sqlite3_vfs_find(nil) else { return }
        _ = files.pointee.xSetSystemCall(files, "pwrite64", unsafeBitCast(write, to: sqlite3_syscall_ptr.self))
    }
}
