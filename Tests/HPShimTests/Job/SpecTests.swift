import CHeroRecord
import Foundation
import HeroRandom
import ShimHarness
import Testing

@Suite("Spec")
struct SpecTests {
    /// Invalid changes of the header.
    static let invalidSpecs: [(String, @Sendable (inout hero_spec) -> Void)] = [
        ("magic", { $0.magic = 1 }),
        ("a future version", { $0.version = 10 }),
        ("generation 0", { $0.generation = 0 }),
        ("a size larger than the memory", { $0.size += 1 }),
        ("a size smaller than the header", { $0.size = 10 }),
        ("size 0", { $0.size = 0 }),
        ("a record path beyond the end", { $0.record_path = .max }),
        ("a record path in the header", { $0.record_path = 0 }),
        ("a log path beyond the end", { $0.log_path = $0.size }),
        ("a directory beyond the end", { $0.working_directory = 1 << 31 }),
        ("more arguments than strings", { $0.argument_count = 100_000 }),
        ("the maximum number of arguments", { $0.argument_count = .max }),
        ("more variables than strings", { $0.environment_count = .max }),
        ("no argument", { $0.argument_count = 0 }),
        ("no candidate", { $0.candidate_count = 0 }),
        ("candidates beyond the end", { $0.candidates = 0xffff_fff0 }),
        (
            "a script beyond the end",
            {
                $0.script = $0.size - 1; $0.script_size = 100
            }
        ),
        (
            "a script of the maximum size",
            {
                $0.script = $0.record_path; $0.script_size = .max
            }
        ),
        (
            "a script without a path",
            {
                $0.script = $0.record_path; $0.script_size = 1
            }
        ),
        ("an invalid umask", { $0.umask = 0o1000 }),
        ("stop signal 0", { $0.stop_signal = 0 }),
        ("stop signal 65", { $0.stop_signal = 65 }),
        ("too many log files", { $0.log_keep = 100 }),
        (
            "an invalid user ID",
            {
                $0.rights.changes_user = 1; $0.rights.uid = .max
            }
        ),
        (
            "an invalid group ID",
            {
                $0.rights.changes_user = 1; $0.rights.gid = .max
            }
        ),
        (
            "groups beyond the end",
            {
                $0.rights.groups = $0.size - 3; $0.rights.group_count = 1
            }
        ),
        (
            "groups in the header",
            {
                $0.rights.groups = 8; $0.rights.group_count = 1
            }
        ),
        ("too many groups", { $0.rights.group_count = .max }),
        ("an invalid OOM score", { $0.rights.oom_score = 1001 }),
        ("a cgroup beyond the end", { ($0.containment, $0.cgroup) = (1, $0.size) }),
        ("a containment without a cgroup", { $0.containment = 1 }),
        ("an unknown containment", { $0.containment = 3 }),
        ("a PID file beyond the end", { $0.pid_file = .max }),
        ("an invalid flag", { $0.rights.no_new_privileges = 2 }),
        ("a notify socket beyond the end", { $0.notify_socket = .max }),
        ("a notify socket in the header", { $0.notify_socket = 8 }),
        ("a notify socket that is neither path nor name", { $0.notify_socket = $0.arguments }),
        ("a watchdog without a notify socket", { $0.watchdog_us = 1 }),
        ("an invalid strict_exec", { $0.strict_exec = 2 }),
        ("an unknown restriction of the sandbox", { $0.sandbox.flags = 8 }),
        ("too many writable paths", { $0.sandbox.writable_count = 251 }),
        ("a hidden path beyond the end", { ($0.sandbox.hidden, $0.sandbox.hidden_count) = (.max, 1) }),
        ("a hidden path that is not absolute", { ($0.sandbox.hidden, $0.sandbox.hidden_count) = ($0.arguments, 1) }),
        ("invalid limits_capabilities", { $0.limits_capabilities = 2 }),
        ("an invalid log_when_slow", { $0.log_when_slow = 2 }),
        ("an invalid notify_senders", { $0.notify_senders = 3 }),
    ]

    @Test("The shim accepts specs of older versions (SH-14)", arguments: [2, 3, 4, 5, 6, 7, 8] as [UInt32])
    func acceptsOlderVersions(_ version: UInt32) throws {
        let job = try TestJob(shell: "exit 7")
        job.spec.version = version
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.exit?.status == 7)
    }

    @Test("The shim refuses an invalid spec without any effect", arguments: invalidSpecs.map(\.0))
    func rejectsInvalidSpec(_ name: String) throws {
        let job = try TestJob(shell: "exit 0")
        var bytes = job.spec.bytes
        let invalid = try #require(SpecTests.invalidSpecs.first { $0.0 == name })
        change(&bytes, invalid.1)
        #expect(try job.run(wire: bytes) == HERO_SHIM_BAD_SPEC)
        #expect(job.proc == nil)
    }

    @Test("The shim refuses a truncated spec")
    func truncated() throws {
        let job = try TestJob(shell: "exit 0")
        let bytes = job.spec.bytes
        let header = MemoryLayout<hero_spec>.size
        for length in [0, 1, 4, header - 1, header, header + 1, bytes.count - 1] {
            #expect(try job.run(wire: Array(bytes.prefix(length))) == HERO_SHIM_BAD_SPEC, "\(length) bytes")
            // With a matching size in the header, the last string has no end.
            guard length >= header else { continue }
            var shorter = bytes
            change(&shorter) { $0.size = UInt32(length) }
            #expect(try job.run(wire: Array(shorter.prefix(length))) == HERO_SHIM_BAD_SPEC, "size \(length)")
        }
    }

    @Test("The shim refuses a relative path")
    func relative() throws {
        let job = try TestJob(shell: "exit 0")
        job.spec.workingDirectory = "tmp"
        #expect(try job.run() == HERO_SHIM_BAD_SPEC)
        job.spec.workingDirectory = ""
        #expect(try job.run() == HERO_SHIM_BAD_SPEC)
        job.spec.workingDirectory = "/" + String(repeating: "a", count: 5000)
        #expect(try job.run() == HERO_SHIM_BAD_SPEC)
    }

    @Test("The shim refuses a spec that is not sealed")
    func unsealed() throws {
        let job = try TestJob(shell: "exit 0")
        #expect(try job.run(sealed: false) == HERO_SHIM_BAD_SPEC)
    }

    @Test("Random changes of a spec never crash the shim", arguments: 0..<120)
    func fuzz(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed)
        let job = try TestJob()
        // Every program that might be executed by chance.
        job.spec.candidates = ["/bin/true"]
        job.spec.arguments = ["true", "a", "b"]
        var bytes = job.spec.bytes
        // Offsets and counts behind magic, version and size, random or slightly wrong.
        let fields = MemoryLayout<hero_spec>.offset(of: \.log_max_size).map { $0 / 4 } ?? 26
        for _ in 0...(generator.next() % 3) {
            let field = 6 + Int(generator.next() % UInt64(fields - 6))
            var value =
                generator.next() % 2 == 0
                ? UInt32(truncatingIfNeeded: generator.next()) : UInt32(generator.next() % 600)
            // The offsets of paths are not changed, because the shim must write to this directory only.
            guard ![6, 7].contains(field) else { continue }
            if generator.next() % 3 == 0 { value = UInt32(bytes.count) &- UInt32(generator.next() % 4) }
            withUnsafeBytes(of: value) { bytes.replaceSubrange(field * 4..<field * 4 + 4, with: $0) }
        }
        let pid = try job.start(wire: bytes)
        let code = try #require(job.waitForExit(of: pid), "seed \(seed) hangs")
        #expect([HERO_SHIM_DONE, HERO_SHIM_BAD_SPEC].contains(code), "seed \(seed): \(code)")
    }

    private func change(_ bytes: inout [UInt8], _ body: (inout hero_spec) -> Void) {
        var header = bytes.withUnsafeBytes { $0.loadUnaligned(as: hero_spec.self) }
        body(&header)
        withUnsafeBytes(of: header) { bytes.replaceSubrange(0..<$0.count, with: $0) }
    }
}
