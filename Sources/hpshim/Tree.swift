import CHeroRecord
import CHeroShim

/// The processes below the shim: everything the service started, however often it forked (TR-1).
///
/// The kernel hands every orphan to the shim, so the tree is empty exactly when the shim has no child left. Signals go
/// through pidfds of processes whose parent proves that they belong here; a number alone is never signalled (ID-2).
struct Tree {
    private let own = shim_own_pid()
    private let table = shim_process_table()
    private static let capacity = Int32(SHIM_TABLE_SIZE)

    /// Sends a signal to every process below the shim.
    func signal(_ number: Int32) {
        let count = list()
        var index = 0
        while index < Int(count) {
            send(number, to: table[index])
            index += 1
        }
    }

    /// Lists all descendants, level by level.
    private func list() -> Int32 {
        var count = shim_list_children(own, table, 0, Tree.capacity)
        guard count >= 0 else { return scan() }
        var next: Int32 = 0
        while next < count {
            let longer = shim_list_children(table[Int(next)].pid, table, count, Tree.capacity)
            if longer > count { count = longer }
            next += 1
        }
        return count
    }

    /// The same where the kernel lists no children: walks through /proc until nothing new turns up.
    private func scan() -> Int32 {
        var count: Int32 = 0
        while true {
            let longer = shim_scan_children(own, table, count, Tree.capacity)
            guard longer > count else { return count }
            count = longer
        }
    }

    private func send(_ number: Int32, to process: shim_process) {
        let descriptor = shim_open_process(process.pid)
        guard descriptor >= 0 else { return }
        // The number may have passed to a stranger since it was listed: the pidfd is of whoever had it when it was
        // opened, and only one of ours has this parent.
        let parent = shim_parent(process.pid)
        if parent == own || parent == process.parent {
            if number == Int32(SHIM_SIGKILL) {
                _ = shim_signal(descriptor, number)
            } else {
                _ = shim_stop_continue(descriptor, number)
            }
        }
        shim_close(descriptor)
    }
}
