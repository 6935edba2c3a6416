import Glibc
import HeroModel
import Testing

@testable import HeroLinux

@Suite(.ownThread) struct ProcessIdentityTests {
    /// `/proc/PID/stat` lines, and what must be read from them: pid, state, parent, session, start; nil where the
    /// text must be refused.
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

    @Test("ID-1: the stat line is read from its last parenthesis, or refused", arguments: lines.indices)
    func statLine(_ index: Int) {
        let line = Self.lines[index]
        let read = ProcStat(Array(line.text.utf8)).map {
            [UInt64($0.pid), UInt64($0.state), UInt64($0.parent), UInt64($0.session), $0.startTicks]
        }
        #expect(read == line.expected, "\(line.text)")
    }

    @Test("ID-1: the table has at least its 30 lines")
    func tableSize() { #expect(Self.lines.count >= 30) }

    @Test("ID-2: an identity that differs in one part is nobody")
    func changedIdentity() throws {
        let stranger = try HelperProcess(["/bin/sleep", "600"])
        let identity = try #require(ProcessTable.identify(stranger.pid)?.identity)
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

    @Test("ID-2: a zombie is proven, but does not live")
    func zombie() throws {
        let stranger = try HelperProcess(["/bin/sleep", "600"])
        let identity = try #require(ProcessTable.identify(stranger.pid)?.identity)
        stranger.end()
        #expect(!ProcessTable.isAlive(identity))
        #expect(ProcessTable.open(identity) != nil)
    }

    @Test("ID-4: a thread is no process")
    func thread() throws {
        let threads = try #require(listDirectory("/proc/self/task")).compactMap { Int32($0) }.filter { $0 != getpid() }
        for thread in threads { #expect(ProcessTable.identify(thread) == nil) }
    }

    @Test(
        "ID-2: a recycled pid is somebody else",
        .enabled(if: geteuid() == 0 && !noRecycling, "needs root, and a kernel that can be told the next pid")
    )
    func recycledPID() throws {
        for _ in 0..<10 {
            let first = try HelperProcess(["/bin/sleep", "600"])
            let identity = try #require(ProcessTable.identify(first.pid)?.identity)
            let pid = first.pid
            first.reap()
            // Another process of the machine may be quicker: then there is nothing to see this time.
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
