import CHeroRecord
import Foundation
import ShimHarness
import Testing

@Suite("Spec")
struct SpecTests {
    /// What the header says, changed so that it is a lie.
    static let invalidSpecs: [(String, @Sendable (inout hero_spec) -> Void)] = [
        ("magic", { $0.magic = 1 }),
        ("a version of the future", { $0.version = 6 }),
        ("generation 0", { $0.generation = 0 }),
        ("larger than its memory", { $0.size += 1 }),
        ("smaller than its header", { $0.size = 10 }),
        ("size 0", { $0.size = 0 }),
        ("a record path beyond the end", { $0.record_path = .max }),
        ("a record path in the header", { $0.record_path = 0 }),
        ("a log path beyond the end", { $0.log_path = $0.size }),
        ("a directory beyond the end", { $0.working_directory = 1 << 31 }),
        ("more arguments than there are strings", { $0.argument_count = 100_000 }),
        ("more arguments than can be counted", { $0.argument_count = .max }),
        ("more environment than there is", { $0.environment_count = .max }),
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
            "a script of the greatest size",
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
        ("umask", { $0.umask = 0o1000 }),
        ("stop signal 0", { $0.stop_signal = 0 }),
        ("stop signal 65", { $0.stop_signal = 65 }),
        ("more logs than can be kept", { $0.log_keep = 100 }),
        (
            "the user that is nobody",
            {
                $0.rights.changes_user = 1; $0.rights.uid = .max
            }
        ),
        (
            "the group that is none",
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
        ("more groups than the kernel takes", { $0.rights.group_count = .max }),
        ("an oom score that is none", { $0.rights.oom_score = 1001 }),
        ("a cgroup beyond the end", { ($0.containment, $0.cgroup) = (1, $0.size) }),
        ("a containment without a cgroup", { $0.containment = 1 }),
        ("a containment that is none", { $0.containment = 3 }),
        ("a PID file beyond the end", { $0.pid_file = .max }),
        ("a flag that is none", { $0.rights.no_new_privileges = 2 }),
        ("a notify socket beyond the end", { $0.notify_socket = .max }),
        ("a notify socket in the header", { $0.notify_socket = 8 }),
        ("a notify socket that is no path and no name", { $0.notify_socket = $0.arguments }),
        ("a watchdog that nobody can tell of", { $0.watchdog_us = 1 }),
        ("a strictness that is none", { $0.strict_exec = 2 }),
        ("a way with a slow log that is none", { $0.log_when_slow = 2 }),
    ]

    @Test("SH-14: a spec of an older version is still understood", arguments: [2, 3, 4] as [UInt32])
    func acceptsOlderVersions(_ version: UInt32) throws {
        let job = try TestJob(shell: "exit 7")
        job.spec.version = version
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.exit?.status == 7)
    }

    @Test("a spec with a lie in it is refused and nothing is touched", arguments: invalidSpecs.map(\.0))
    func rejectsInvalidSpec(_ name: String) throws {
        let job = try TestJob(shell: "exit 0")
        var bytes = job.spec.bytes
        let lie = try #require(SpecTests.invalidSpecs.first { $0.0 == name })
        change(&bytes, lie.1)
        #expect(try job.run(wire: bytes) == HERO_SHIM_BAD_SPEC)
        #expect(job.proc == nil)
    }

    @Test("a spec that is cut off anywhere is refused")
    func truncated() throws {
        let job = try TestJob(shell: "exit 0")
        let bytes = job.spec.bytes
        let header = MemoryLayout<hero_spec>.size
        for length in [0, 1, 4, header - 1, header, header + 1, bytes.count - 1] {
            #expect(try job.run(wire: Array(bytes.prefix(length))) == HERO_SHIM_BAD_SPEC, "\(length) bytes")
            // The same with a header that admits it: then the last string has no end.
            guard length >= header else { continue }
            var shorter = bytes
            change(&shorter) { $0.size = UInt32(length) }
            #expect(try job.run(wire: Array(shorter.prefix(length))) == HERO_SHIM_BAD_SPEC, "size \(length)")
        }
    }

    @Test("a relative path is refused")
    func relative() throws {
        let job = try TestJob(shell: "exit 0")
        job.spec.workingDirectory = "tmp"
        #expect(try job.run() == HERO_SHIM_BAD_SPEC)
        job.spec.workingDirectory = ""
        #expect(try job.run() == HERO_SHIM_BAD_SPEC)
        job.spec.workingDirectory = "/" + String(repeating: "a", count: 5000)
        #expect(try job.run() == HERO_SHIM_BAD_SPEC)
    }

    @Test("a spec that could still change is refused")
    func unsealed() throws {
        let job = try TestJob(shell: "exit 0")
        #expect(try job.run(sealed: false) == HERO_SHIM_BAD_SPEC)
    }

    @Test("bytes changed at random never crash a shim", arguments: 0..<120)
    func fuzz(_ seed: UInt64) throws {
        var state = seed &* 0x9e37_79b9_7f4a_7c15 &+ 1
        func random() -> UInt64 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return state
        }
        let job = try TestJob()
        // Whatever is executed by chance is this one program.
        job.spec.candidates = ["/bin/true"]
        job.spec.arguments = ["true", "a", "b"]
        var bytes = job.spec.bytes
        // The header behind magic, version and size: offsets and counts, at random or just beside the truth.
        let fields = MemoryLayout<hero_spec>.offset(of: \.log_max_size).map { $0 / 4 } ?? 26
        for _ in 0...(random() % 3) {
            let field = 6 + Int(random() % UInt64(fields - 6))
            var value = random() % 2 == 0 ? UInt32(truncatingIfNeeded: random()) : UInt32(random() % 600)
            // Paths are not moved: a shim must write nowhere but here.
            guard ![6, 7].contains(field) else { continue }
            if random() % 3 == 0 { value = UInt32(bytes.count) &- UInt32(random() % 4) }
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
