import Foundation
import Glibc
import HeroLinux
import Testing

/// Starts that the machine has no room for at the moment: nobody's crash (reliability.md RS-4).
@Suite("Starts without room", .serialized)
struct TransientTests {
    /// Waits until a start was refused more than once for a reason, and expects that nothing was counted.
    private func expectRefused(_ world: World, _ service: String, _ words: String) async throws {
        _ = try await world.event("warning", "cannot start yet", words)
        let job = try #require(try await world.jobs(of: service).first)
        #expect(job["restart_count"] as? Int == 0)
        #expect(job["attempt"] as? Int == 0 || job["phase"] as? String == "running", "\(job)")
        // While one more try is under way, nothing is wrong.
        try await eventually("why names \(words)") { try await world.run("why", service).out.contains(words) }
    }

    /// Expects that it runs for the first time as far as anybody counts.
    private func expectFirst(_ world: World, _ service: String) async throws {
        try await eventually("\(service) is up") { try await world.state(of: service) == "running" }
        let job = try #require(try await world.jobs(of: service).first)
        #expect(job["restart_count"] as? Int == 0 && job["attempt"] as? Int == 1, "\(job)")
        #expect(try await world.jobs(of: service).count == 1)
    }

    /// One try would be all it has, if these counted.
    private static let strict = "retry: {max_attempts: 1, delay: 50ms, max_delay: 200ms}"

    @Test("RS-4: a program that is being written (ETXTBSY) is tried until it is not")
    func textBusy() async throws {
        try await World.with { world in
            let program = world.root + "/program"
            try FileManager.default.copyItem(atPath: "/bin/sleep", toPath: program)
            let writer = open(program, O_WRONLY | O_CLOEXEC)
            try #require(writer >= 0)
            try world.write(
                "busy.yaml",
                """
                kind: Service
                name: busy
                actions:
                  - name: run
                    is_process: true
                    exec: [\(program), "600"]
                    \(Self.strict)
                """
            )
            _ = try await world.run("apply", "--no-wait")
            try await expectRefused(world, "busy", "Text file busy")
            close(writer)
            try await expectFirst(world, "busy")
        }
    }

    @Test("RS-4: a port that somebody else holds is waited for")
    func portBusy() async throws {
        try await World.with { world in
            let port = try freePort()
            let stranger = try ReclaimTests.Stranger("listen", "\(port)")
            try await eventually("it listens") { isListening(port) }
            try world.declare("web", does: .process("listen \(port)", "tcp_ports: [\(port)]", Self.strict))
            _ = try await world.run("apply", "--no-wait")
            try await expectRefused(world, "web", "tcp \(port)")
            #expect(stranger.lives)
            kill(stranger.pid, SIGKILL)
            try await eventually("it is gone") { !stranger.lives }
            try await expectFirst(world, "web")
            #expect(world.lives("web").count == 1)
        }
    }

    private static let canMount = geteuid() == 0 && access("/usr/bin/nsenter", X_OK) == 0

    @Test(
        "RS-4: a full run directory (ENOSPC) keeps a start waiting, and what runs goes on",
        .enabled(if: canMount, "needs root, and `nsenter`")
    )
    func diskFull() async throws {
        try await World.with { world in
            let jobs = world.paths.jobs
            try FileManager.default.createDirectory(
                atPath: jobs,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
            // In a mount namespace of its own: room for the directory, one record and what stands beside it.
            let script = "mount -t tmpfs -o mode=700,size=64k,nr_inodes=3 tmpfs \(jobs) && exec \"$@\""
            let watch = try world.start(
                ["reconcile", "--watch"],
                through: ["unshare", "-m", "sh", "-c", script, "sh"]
            )
            try world.declare("first")
            let first = try await world.life("first")
            try world.declare("second", does: .process("sleep -1", Self.strict))
            try await expectRefused(world, "second", "No space left on device")
            #expect(try await world.life("first", number: 1) == first)
            let remount = try world.start(
                ["-t", "\(watch.pid)", "-m", "mount", "-o", "remount,nr_inodes=1000,size=1m", jobs],
                program: "/usr/bin/nsenter"
            )
            #expect(try await world.code(of: remount) == 0)
            try await expectFirst(world, "second")
            // Of this namespace nobody else sees the records: it ends with its reconciler.
            for name in ["first", "second"] { try world.declare(name, "status: stop") }
            try await eventually("all is down") { world.lives("first").allSatisfy { !isAlive($0.pid) } }
            try await eventually("all is down") { world.lives("second").allSatisfy { !isAlive($0.pid) } }
            #expect(kill(watch.pid, SIGTERM) == 0)
            #expect(try await world.code(of: watch) == 0)
        }
    }
}
