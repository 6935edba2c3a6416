import CHeroRecord
import CHeroShim

/// The processes below the shim: everything the service started, however often it forked (TR-1).
///
/// The kernel hands every orphan to the shim, so the tree is empty exactly when the shim has no child left. Signals go
/// through pidfds of processes whose parent proves that they belong here; a number alone is never signalled (ID-2).
struct ProcessTree {
    private let shimPID = shim_own_pid()
    private let table = shim_process_table()
    private static let capacity = Int32(SHIM_TABLE_SIZE)

    /// Sends a signal to every process below the shim.
    func signalAll(_ number: Int32) {
        let count = listDescendants()
        var index = 0
        while index < Int(count) {
            send(number, to: table[index])
            index += 1
        }
    }

    /// Lists all descendants, level by level.
    private func listDescendants() -> Int32 {
        var count = shim_list_children(shimPID, table, 0, ProcessTree.capacity)
        guard count >= 0 else { return scanProc() }
        var next: Int32 = 0
        while next < count {
            let longer = shim_list_children(table[Int(next)].pid, table, count, ProcessTree.capacity)
            if longer > count { count = longer }
            next += 1
        }
        return count
    }

    /// The same where the kernel lists no children: walks through /proc until nothing new turns up.
    private func scanProc() -> Int32 {
        var count: Int32 = 0
        while true {
            let longer = shim_scan_children(shimPID, table, count, ProcessTree.capacity)
            guard longer > count else { return count }
            count = longer
        }
    }

    private func send(_ number: Int32, to process: shim_process) {
        let descriptor = shim_open_pidfd(process.pid)
        guard descriptor >= 0 else { return }
        // The number may have passed to a stranger since it was listed: the pidfd is of whoever had it when it was
        // opened, and only one of ours has this parent.
        let parent = shim_parent_of(process.pid)
        if parent == shimPID || parent == process.parent {
            if number == Int32(SHIM_SIGKILL) {
                _ = shim_signal(descriptor, number)
            } else {
                _ = shim_signal_and_continue(descriptor, number)
            }
        }
        shim_close(descriptor)
    }
}
