import CHeroRecord
import CHeroShim

/// The descendants of the shim: all processes of the service, however often it forked (TR-1).
///
/// The kernel reparents every orphan to the shim, so the tree is empty exactly when the shim has no child. Signals are
/// sent through pidfds, to processes whose parent proves that they belong to the tree; never to a bare PID (ID-2).
struct ProcessTree {
    private let shimPID = shim_own_pid()
    private let table = shim_process_table()
    private static let capacity = Int32(SHIM_TABLE_SIZE)

    /// Sends a signal to every descendant of the shim; returns how many processes received it.
    @discardableResult
    func signalAll(_ number: Int32) -> UInt32 {
        let count = listDescendants()
        var (index, received) = (0, UInt32(0))
        while index < Int(count) {
            if send(number, to: table[index]) { received &+= 1 }
            index += 1
        }
        return received
    }

    /// Lists all descendants, level by level.
    private func listDescendants() -> Int32 {
        var count = shim_list_children(shimPID, table, 0, ProcessTree.capacity)
        guard count >= 0 else { return scanProc() }
        var next: Int32 = 0
        while next < count {
            let newCount = shim_list_children(table[Int(next)].pid, table, count, ProcessTree.capacity)
            if newCount > count { count = newCount }
            next += 1
        }
        return count
    }

    /// Lists all descendants by scanning /proc until no new one is found, for kernels that do not list children.
    private func scanProc() -> Int32 {
        var count: Int32 = 0
        while true {
            let newCount = shim_scan_children(shimPID, table, count, ProcessTree.capacity)
            guard newCount > count else { return count }
            count = newCount
        }
    }

    private func send(_ number: Int32, to process: shim_process) -> Bool {
        let descriptor = shim_open_pidfd(process.pid)
        guard descriptor >= 0 else { return false }
        defer { shim_close(descriptor) }
        // The PID may have been reused since it was listed. The pidfd refers to the process that had it when the pidfd
        // was opened, and only a process of this tree has this parent.
        let parent = shim_parent_of(process.pid)
        guard parent == shimPID || parent == process.parent, shim_has_exited(descriptor) == 0 else { return false }
        let result =
            number == Int32(SHIM_SIGKILL)
            ? shim_signal(descriptor, number) : shim_signal_and_continue(descriptor, number)
        return result == 0
    }
}
