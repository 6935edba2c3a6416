import Foundation
import Glibc
import Testing

private let isRoot = geteuid() == 0
/// Containers often run root without CAP_SYS_RESOURCE, capability 24.
private let mayRaiseLimits: Bool = {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("CapEff:") }
    let mask = line?.split(separator: "\t").last.flatMap { UInt64($0, radix: 16) } ?? 0
    return mask & (1 << 24) != 0
}()

/// What the caller of heroproc passes on to its child processes has no effect on services.
@Suite("Inherited attributes", .serialized)
struct InheritedAttributeTests {
    /// A command that changes directory, nice value and limits, and then executes the program.
    private static let caller = [
        "/bin/sh", "-c", "cd services.d && ulimit -f 300000 && ulimit -c 0 && exec nice -n 7 \"$@\"", "sh",
    ]

    /// The soft limit of a process, as `/proc/PID/limits` shows it.
    private func limit(_ name: String, of pid: pid_t, _ host: TestHost) -> String? {
        let line = host.readText("/proc/\(pid)/limits").split(separator: "\n").first { $0.hasPrefix(name) }
        return line?.dropFirst(name.count).split(separator: " ").first.map(String.init)
    }

    private func workingDirectory(of pid: pid_t) -> String? {
        try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/cwd")
    }

    @Test("Services inherit neither nice value nor limits nor directory of the caller")
    func background() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            let result = try await host.run(["apply"], through: Self.caller)
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            let web = try await host.runningInstance("web")
            let reconciler = try #require(host.reconcilerPID)
            let monitor = try #require(host.monitorPID)
            let shim = try #require(host.shimPID(of: "web"))
            // Only root can read the directory of an hpshim, because it may hold secrets.
            for pid in [reconciler] + (isRoot ? [monitor, shim] : []) {
                #expect(workingDirectory(of: pid) == "/", "pid \(pid)")
            }
            for pid in [reconciler, monitor, shim, web.pid] {
                #expect(
                    getpriority(__priority_which_t(PRIO_PROCESS.rawValue), id_t(pid)) == (isRoot ? 0 : 7),
                    "pid \(pid)"
                )
                #expect(
                    limit("Max file size", of: pid, host) == (mayRaiseLimits ? "unlimited" : "153600000"),
                    "pid \(pid)"
                )
            }
            // What cannot be reset is reported.
            #expect(result.errorOutput.contains("every service gets the nice value 7") == !isRoot)
            #expect(
                result.errorOutput.contains("every service gets the limit `file size` 153600000") == !mayRaiseLimits
            )
        }
    }

    @Test("The umask of the caller never locks heroproc out of its directories")
    func umask() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            let result = try await host.run(["apply"], through: ["/bin/sh", "-c", "umask 777 && exec \"$@\"", "sh"])
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            var entry = stat()
            for directory in [host.stateDirectory, host.stateDirectory + "/logs"] {
                #expect(stat(directory, &entry) == 0 && entry.st_mode & 0o700 == 0o700, "\(directory)")
            }
        }
    }

    @Test("A monitor in the root directory restarts a reconciler that was started with relative paths")
    func monitored() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            let relative = ["HEROPROC_STATE": "../state", "HEROPROC_DIR": ""]
            let arguments = ["reconcile", "--watch", "--keep", "--dir", "."]
            let monitor = try host.start(arguments, environment: relative, through: Self.caller)
            let web = try await host.runningInstance("web", number: 1)
            let first = try #require(host.reconcilerPID)
            #expect(host.monitorPID == monitor.pid)
            #expect(workingDirectory(of: monitor.pid) == "/")
            #expect(kill(first, SIGKILL) == 0)
            try await eventually("a new reconciler runs") { host.reconcilerPID.map { $0 != first } ?? false }
            #expect(host.reconcilerPID.flatMap(workingDirectory) == "/")
            // It watches the same directory.
            try host.declare("other")
            _ = try await host.runningInstance("other", number: 1)
            #expect(host.instances("web").map(\.pid) == [web.pid])
            #expect(kill(monitor.pid, SIGTERM) == 0)
            #expect(try await host.exitCode(of: monitor) == 0)
        }
    }

    /// Runs a command as root without the right to raise its own limits.
    private static func limited(fileSize: Int) -> [String] {
        ["/usr/sbin/capsh", "--drop=cap_sys_resource", "--", "-c", "ulimit -f \(fileSize) && exec \"$0\" \"$@\""]
    }

    private static let canLimit = !mayRaiseLimits || access("/usr/sbin/capsh", X_OK) == 0

    private func limitCommand(fileSize: Int) -> [String] {
        mayRaiseLimits
            ? Self.limited(fileSize: fileSize) : ["/bin/bash", "-c", "ulimit -f \(fileSize) && exec \"$0\" \"$@\""]
    }

    @Test("A limit of file sizes near zero is refused with a reason", .enabled(if: canLimit, "needs capsh"))
    func noFileSize() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            for command in [["apply"], ["reconcile"], ["reconcile", "--watch", "--keep"]] {
                // The output is read through a pipe, because the limit holds for a file as well.
                let inner = limitCommand(fileSize: 0)
                let piped = ["/bin/bash", "-c", "set -o pipefail; \"$@\" 2>&1 | cat", "bash"] + inner
                let result = try await host.run(command, through: piped)
                #expect(result.exitCode == 2, "\(command): \(result.output)")
                #expect(result.output.contains("raise the limit with `ulimit -f unlimited`"), "\(result.output)")
            }
        }
    }

    @Test(
        "Writes beyond the limit of file sizes end neither reconciler nor services",
        .enabled(if: canLimit, "needs capsh")
    )
    func smallFileSize() async throws {
        try await TestHost.with { host in
            try host.declare("web", actions: .process("lines 20"))
            let script = "env: {A: '1'}"
            try host.declare("crashy", actions: .process("wait 20 exit 3", script, "retry: {delay: 10ms, factor: 1}"))
            let watch = try host.start(["reconcile", "--watch"], through: limitCommand(fileSize: 300))
            let web = try await host.runningInstance("web", number: 1)
            // The journal of the database reaches the limit.
            try await eventually("the database cannot be written", within: 60) {
                let database = try await host.run("status", "-o", "json").json["database"] as? [String: Any]
                return (database?["trouble"] as? String)?.contains("SQLite error 778") == true
            }
            #expect(isAlive(watch.pid))
            // The default disposition of SIGXFSZ, signal 25.
            let ignored = statusText("SigIgn", of: web.pid, host).flatMap { UInt64($0, radix: 16) }
            #expect(ignored.map { $0 & (1 << 24) } == 0)
            #expect(host.instances("web").map(\.pid) == [web.pid])
            #expect(kill(watch.pid, SIGKILL) == 0)
            _ = try await host.exitCode(of: watch)
        }
    }

    private func statusText(_ key: String, of pid: pid_t, _ host: TestHost) -> String? {
        host.readText("/proc/\(pid)/status").split(separator: "\n").first { $0.hasPrefix(key + ":") }?
            .split(separator: "\t").last.map(String.init)
    }
}
