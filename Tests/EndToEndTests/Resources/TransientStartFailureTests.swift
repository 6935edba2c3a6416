import Foundation
import Glibc
import HeroLinux
import Testing

/// Starts that fail temporarily because of the machine, which is no crash of the service (guarantee RS-4).
@Suite("Transient start failures", .serialized)
struct TransientStartFailureTests {
    /// Waits until a start was refused for a reason, and expects that no attempt was counted.
    private func expectUncountedRefusal(_ host: TestHost, _ service: String, _ reason: String) async throws {
        _ = try await host.waitForEvent("warning", "cannot start yet", reason)
        let job = try #require(try await host.jobs(of: service).first)
        #expect(job["restart_count"] as? Int == 0)
        #expect(job["attempt"] as? Int == 0 || job["phase"] as? String == "running", "\(job)")
        // During the next attempt `why` shows no problem.
        try await eventually("why names \(reason)") { try await host.run("why", service).output.contains(reason) }
    }

    /// Expects that the service runs and that its counters show a first start.
    private func expectFirstStart(_ host: TestHost, _ service: String) async throws {
        try await eventually("\(service) is running") { try await host.state(of: service) == "running" }
        let job = try #require(try await host.jobs(of: service).first)
        #expect(job["restart_count"] as? Int == 0 && job["attempt"] as? Int == 1, "\(job)")
        #expect(try await host.jobs(of: service).count == 1)
    }

    /// If refused starts were counted, the single attempt would be used up.
    private static let singleAttempt = "retry: {max_attempts: 1, delay: 50ms, max_delay: 200ms}"

    @Test("A program that is open for writing is retried uncounted (RS-4)")
    func busyProgram() async throws {
        try await TestHost.with { host in
            let program = host.root + "/program"
            try FileManager.default.copyItem(atPath: "/bin/sleep", toPath: program)
            let writer = open(program, O_WRONLY | O_CLOEXEC)
            try #require(writer >= 0)
            try host.writeManifest(
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
            _ = try await host.run("apply", "--no-wait")
            try await expectUncountedRefusal(host, "busy", "Text file busy")
            close(writer)
            try await expectFirstStart(host, "busy")
        }
    }

    @Test("A start waits uncounted for a port held by another process (RS-4)")
    func busyPort() async throws {
        try await TestHost.with { host in
            let port = try freePort()
            let foreignProcess = try ForeignProcess("listen", "\(port)")
            try await eventually("the foreign process listens") { isListening(port) }
            try host.declare("web", actions: .process("listen \(port)", "tcp_ports: [\(port)]", Self.singleAttempt))
            _ = try await host.run("apply", "--no-wait")
            try await expectUncountedRefusal(host, "web", "tcp \(port)")
            #expect(foreignProcess.isRunning)
            kill(foreignProcess.pid, SIGKILL)
            try await eventually("the foreign process has exited") { !foreignProcess.isRunning }
            try await expectFirstStart(host, "web")
            #expect(host.instances("web").count == 1)
        }
    }

    private static let canMount = geteuid() == 0 && access("/usr/bin/nsenter", X_OK) == 0

    @Test(
        "A full run directory delays a start and stops no service (RS-4)",
        .enabled(if: canMount, "needs root, and `nsenter`")
    )
    func fullRunDirectory() async throws {
        try await TestHost.with { host in
            let jobs = host.paths.jobs
            try FileManager.default.createDirectory(
                atPath: jobs,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
            // The file system in the separate namespace has space for the directory, one record and its recovery file.
            let script = "mount -t tmpfs -o mode=700,size=64k,nr_inodes=3 tmpfs \(jobs) && exec \"$@\""
            let watch = try host.start(
                ["reconcile", "--watch"],
                through: ["unshare", "-m", "sh", "-c", script, "sh"]
            )
            try host.declare("first")
            let first = try await host.runningInstance("first")
            try host.declare("second", actions: .process("sleep -1", Self.singleAttempt))
            try await expectUncountedRefusal(host, "second", "No space left on device")
            #expect(try await host.runningInstance("first", number: 1) == first)
            let remount = try host.start(
                ["-t", "\(watch.pid)", "-m", "mount", "-o", "remount,nr_inodes=1000,size=1m", jobs],
                program: "/usr/bin/nsenter"
            )
            #expect(try await host.exitCode(of: remount) == 0)
            try await expectFirstStart(host, "second")
            // The records exist only in this namespace, so that the services must stop with the reconciler.
            for name in ["first", "second"] { try host.declare(name, "status: stop") }
            try await eventually("all services are stopped") { host.instances("first").allSatisfy { !isAlive($0.pid) } }
            try await eventually("all services are stopped") {
                host.instances("second").allSatisfy { !isAlive($0.pid) }
            }
            #expect(kill(watch.pid, SIGTERM) == 0)
            #expect(try await host.exitCode(of: watch) == 0)
        }
    }
}
