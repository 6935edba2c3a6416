import Foundation
import Glibc
import HeroLinux
import Testing

/// Starts that the machine has no room for at the moment: nobody's crash (reliability.md RS-4).
@Suite("Starts without room", .serialized)
struct TransientStartFailureTests {
    /// Waits until a start was refused more than once for a reason, and expects that nothing was counted.
    private func expectUncountedRefusal(_ world: TestHost, _ service: String, _ words: String) async throws {
        _ = try await world.waitForEvent("warning", "cannot start yet", words)
        let job = try #require(try await world.jobs(of: service).first)
        #expect(job["restart_count"] as? Int == 0)
        #expect(job["attempt"] as? Int == 0 || job["phase"] as? String == "running", "\(job)")
        // While one more try is under way, nothing is wrong.
        try await eventually("why names \(words)") { try await world.run("why", service).output.contains(words) }
    }

    /// Expects that it runs for the first time as far as anybody counts.
    private func expectFirstStart(_ world: TestHost, _ service: String) async throws {
        try await eventually("\(service) is up") { try await world.state(of: service) == "running" }
        let job = try #require(try await world.jobs(of: service).first)
        #expect(job["restart_count"] as? Int == 0 && job["attempt"] as? Int == 1, "\(job)")
        #expect(try await world.jobs(of: service).count == 1)
    }

    /// One try would be all it has, if these counted.
    private static let singleAttempt = "retry: {max_attempts: 1, delay: 50ms, max_delay: 200ms}"

    @Test("RS-4: a program that is being written (ETXTBSY) is tried until it is not")
    func busyProgram() async throws {
        try await TestHost.with { world in
            let program = world.root + "/program"
            try FileManager.default.copyItem(atPath: "/bin/sleep", toPath: program)
            let writer = open(program, O_WRONLY | O_CLOEXEC)
            try #require(writer >= 0)
            try world.writeManifest(
                "busy.yaml",
                """
                kind: Service
                name: busy
                actions:
                  - name: run
                    is_process: true
                    exec: [\(program), "600"]
                    \(Self.singleAttempt)
                """
            )
            _ = try await world.run("apply", "--no-wait")
            try await expectUncountedRefusal(world, "busy", "Text file busy")
            close(writer)
            try await expectFirstStart(world, "busy")
        }
    }

    @Test("RS-4: a port that somebody else holds is waited for")
    func busyPort() async throws {
        try await TestHost.with { world in
            let port = try freePort()
            let stranger = try StartBlockerTests.ForeignProcess("listen", "\(port)")
            try await eventually("it listens") { isListening(port) }
            try world.declare("web", actions: .process("listen \(port)", "tcp_ports: [\(port)]", Self.singleAttempt))
            _ = try await world.run("apply", "--no-wait")
            try await expectUncountedRefusal(world, "web", "tcp \(port)")
            #expect(stranger.isRunning)
            kill(stranger.pid, SIGKILL)
            try await eventually("it is gone") { !stranger.isRunning }
            try await expectFirstStart(world, "web")
            #expect(world.instances("web").count == 1)
        }
    }

    private static let canMount = geteuid() == 0 && access("/usr/bin/nsenter", X_OK) == 0

    @Test(
        "RS-4: a full run directory (ENOSPC) keeps a start waiting, and what runs goes on",
        .enabled(if: canMount, "needs root, and `nsenter`")
    )
    func fullRunDirectory() async throws {
        try await TestHost.with { world in
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
            let first = try await world.runningInstance("first")
            try world.declare("second", actions: .process("sleep -1", Self.singleAttempt))
            try await expectUncountedRefusal(world, "second", "No space left on device")
            #expect(try await world.runningInstance("first", number: 1) == first)
            let remount = try world.start(
                ["-t", "\(watch.pid)", "-m", "mount", "-o", "remount,nr_inodes=1000,size=1m", jobs],
                program: "/usr/bin/nsenter"
            )
            #expect(try await world.exitCode(of: remount) == 0)
            try await expectFirstStart(world, "second")
            // Of this namespace nobody else sees the records: it ends with its reconciler.
            for name in ["first", "second"] { try world.declare(name, "status: stop") }
            try await eventually("all is down") { world.instances("first").allSatisfy { !isAlive($0.pid) } }
            try await eventually("all is down") { world.instances("second").allSatisfy { !isAlive($0.pid) } }
            #expect(kill(watch.pid, SIGTERM) == 0)
            #expect(try await world.exitCode(of: watch) == 0)
        }
    }
}
