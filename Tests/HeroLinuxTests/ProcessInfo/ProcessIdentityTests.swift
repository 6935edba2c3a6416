import Glibc
import HeroModel
import Testing

@testable import HeroLinux

@Suite(.ownThread) struct ProcessIdentityTests {
    /// `/proc/PID/stat` lines and their fields: pid, state, parent, session, start time; nil for a line that must be
    /// rejected.
    static let lines: [(text: String, expected: [UInt64]?)] = {
        let rest = "S 10 30 20 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 100 200"
        let good: [UInt64] = [42, 83, 10, 20, 987_654]
        let names = [
            "cat", "a b", "a) b (c", ")", "(", "))", "((", ") S 1 1 1", "tmux: server", "kworker/0:1-eve",
            "123456789012345", "Ünïcödé", "a\nb", "\n", "a\tb", " ", "", ") R 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9",
        ]
        return names.map { ("42 (\($0)) \(rest)\n", good) } + [
            ("42 (cat) Z 10 30 20 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 7 0 0\n", [42, 90, 10, 20, 7]),
            (
                "42 (cat) R 0 0 0 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 18446744073709551615 0 0\n",
                [42, 82, 0, 0, .max]
            ),
            ("2147483647 (x) \(rest)", [2_147_483_647, 83, 10, 20, 987_654]),
            ("", nil),
            ("42", nil),
            ("42 (cat", nil),
            ("42 cat) \(rest)", nil),
            ("-1 (cat) \(rest)", nil),
            ("99999999999 (cat) \(rest)", nil),
            ("42 (cat) S 10 30 20 0 -1", nil),
            ("42 (cat) S 10 30 20 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 -5 100 200", nil),
            ("42 (cat) S 10 30 20 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 18446744073709551616 1 2", nil),
            ("42 (cat) SS 10 30 20 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 100 200", nil),
            ("x (cat) \(rest)", nil),
        ]
    }()

    @Test("A stat line is parsed from its last parenthesis or rejected (ID-1)", arguments: lines.indices)
    func statLine(_ index: Int) {
        let line = Self.lines[index]
        let read = ProcStat(Array(line.text.utf8)).map {
            [UInt64($0.pid), UInt64($0.state), UInt64($0.parent), UInt64($0.session), $0.startTicks]
        }
        #expect(read == line.expected, "\(line.text)")
    }

    @Test("The table of stat lines has at least 30 lines (ID-1)")
    func tableSize() { #expect(Self.lines.count >= 30) }

    @Test("An identity that differs in one part matches no process (ID-2)")
    func changedIdentity() throws {
        let helper = try HelperProcess(["/bin/sleep", "600"])
        let identity = try #require(ProcessTable.identify(helper.pid)?.identity)
        #expect(ProcessTable.isAlive(identity))
        let changes: [(inout ProcessIdentity) -> Void] = [
            { $0.startTicks &+= 1 }, { $0.startTicks = 0 }, { $0.bootID = "another" }, { $0.pidNamespace &+= 1 },
            { $0.pidfsInode &+= 1 }, { $0.pid = 1 }, { $0.pid = getpid() }, { $0.pid = -1 },
        ]
        for change in changes {
            var other = identity
            change(&other)
            #expect(!ProcessTable.isAlive(other), "\(other)")
        }
        var unknownInode = identity
        unknownInode.pidfsInode = 0
        #expect(ProcessTable.isAlive(unknownInode))
    }

    @Test("A zombie is verified but not running (ID-2)")
    func zombie() throws {
        let helper = try HelperProcess(["/bin/sleep", "600"])
        let identity = try #require(ProcessTable.identify(helper.pid)?.identity)
        helper.end()
        #expect(!ProcessTable.isAlive(identity))
        #expect(ProcessTable.open(identity) != nil)
    }

    @Test("A thread is not identified as a process (ID-4)")
    func thread() throws {
        let threads = try #require(listDirectory("/proc/self/task")).compactMap { Int32($0) }.filter { $0 != getpid() }
        for thread in threads { #expect(ProcessTable.identify(thread) == nil) }
    }

    @Test(
        "A process with a reused PID is another process (ID-2)",
        .enabled(if: geteuid() == 0 && !noRecycling, "needs root, and a kernel with ns_last_pid")
    )
    func reusedPID() throws {
        for _ in 0..<10 {
            let first = try HelperProcess(["/bin/sleep", "600"])
            let identity = try #require(ProcessTable.identify(first.pid)?.identity)
            let pid = first.pid
            first.reap()
            // Another process of the machine may get the PID first; then this round tests nothing.
            setLastPID(pid - 1)
            let second = try HelperProcess(["/bin/sleep", "600"])
            guard second.pid == pid else { continue }
            #expect(!ProcessTable.isAlive(identity))
            #expect(ProcessTable.open(identity) == nil)
        }
    }
}

private let noRecycling = access("/proc/sys/kernel/ns_last_pid", W_OK) != 0

private func setLastPID(_ pid: Int32) {
    let descriptor = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC)
    let bytes = Array(String(pid).utf8)
    _ = write(descriptor, bytes, bytes.count)
    close(descriptor)
}
