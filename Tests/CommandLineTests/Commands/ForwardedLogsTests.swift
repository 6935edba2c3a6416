import Foundation
import Glibc
import Testing

/// `reconcile --watch --logs`.
@Suite("Forwarded logs")
struct ForwardedLogsTests {
    private static let talker = """
        kind: Service
        name: talker
        script: |
          trap 'echo goodbye; exit 0' TERM
          echo "start $HEROPROC_RESTART_COUNT"
          while true; do sleep 0.05; done
        retry: {delay: 10ms, jitter: 0}
        """

    @Test("Reconcile --logs writes the lines of services, also their last ones")
    func forwardsLines() async throws {
        try await Sandbox.with(["talker.yaml": Self.talker]) { sandbox in
            let watch = try sandbox.start(["reconcile", "--watch", "--down-on-exit", "--logs"])
            let shows = { (text: String) in sandbox.readText(watch.outputPath).contains(text) }
            try await eventually("the first start") { shows("talker | start 0\n") }
            let first = try #require(try await sandbox.firstAction("talker"))
            #expect(kill(first.pid, SIGKILL) == 0)
            try await eventually("the second start") { shows("talker | start 1\n") }
            try sandbox.writeManifest("later.yaml", Self.talker.replacing("talker", with: "later"))
            try await eventually("a service that starts later") { shows("later  | start 0\n") }
            #expect(kill(watch.pid, SIGTERM) == 0)
            #expect(try await sandbox.exitCode(of: watch) == 0)
            #expect(shows("talker | goodbye\n") && shows("later  | goodbye\n"))
            let lines = sandbox.readText(watch.outputPath).split(separator: "\n")
            #expect(Set(lines).count == lines.count, "no line is repeated: \(lines)")
        }
    }

    @Test("A new reconciler with --logs=json writes only new lines, one object per line")
    func writesOnlyNewLines() async throws {
        try await Sandbox.with(["talker.yaml": Self.talker]) { sandbox in
            #expect(try await sandbox.run("apply").exitCode == 0)
            try await eventually("the first start") { try await sandbox.run("logs", "talker").output == "start 0\n" }
            try await sandbox.killReconciler()
            let watch = try sandbox.start(["reconcile", "--watch", "--logs=json"])
            try await eventually("it runs") { sandbox.reconcilerPID == watch.pid }
            let first = try #require(try await sandbox.firstAction("talker"))
            #expect(kill(first.pid, SIGKILL) == 0)
            try await eventually("the second start") { sandbox.readText(watch.outputPath).contains("start 1") }
            let line = try #require(sandbox.readText(watch.outputPath).split(separator: "\n").first)
            let value = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            #expect(Set(value.keys) == ["time", "context", "service", "action", "job", "stream", "text"])
            #expect(value["text"] as? String == "start 1" && value["service"] as? String == "talker")
            #expect(value["job"] as? Int == first.job)
        }
    }

    /// How many bytes a process has read from files and pipes.
    private func bytesRead(by pid: pid_t) -> Int {
        let text = (try? String(contentsOfFile: "/proc/\(pid)/io", encoding: .utf8)) ?? ""
        return Int(text.split(separator: "\n").first?.split(separator: " ").last ?? "") ?? 0
    }

    @Test("A reconciler whose output is not read works on, and counts the dropped lines")
    func dropsLines() async throws {
        let flood =
            "kind: Service\nname: flood\nis_process: false\nlog: {max_size: 64MiB}\n"
            + "script: |\n  yes 0123456789012345678901234567890123456789 | head -c 8000000\n"
        try await Sandbox.with(["flood.yaml": flood]) { sandbox in
            let pipe = "\(sandbox.root)/pipe"
            #expect(mkfifo(pipe, 0o600) == 0)
            let reader = open(pipe, O_RDWR | O_NONBLOCK | O_CLOEXEC)
            defer { close(reader) }
            let command =
                "exec \(shellQuoted(builtProgram("heroproc"))) reconcile --watch --logs > \(shellQuoted(pipe))"
            let watch = try sandbox.start(["-c", command], program: "/bin/sh")
            defer { kill(watch.pid, SIGKILL) }
            try await eventually("the flood has ended", within: 60) {
                try await sandbox.run("status", "flood", "-o", "json").output.contains("\"exited\"")
            }
            // The reconciler carries out changes although its output is not read.
            try sandbox.writeManifest("web.yaml", Sandbox.service("web"))
            try await eventually("web runs") { try await sandbox.firstAction("web") != nil }
            // Otherwise a slow forwarder would write when the lines are already read here, and drop none. The log has
            // 16 MB and is read twice: to find its last lines, and to write them.
            try await eventually("it has read more than may wait", within: 60) { bytesRead(by: watch.pid) > 20_000_000 }
            var text = ""
            try await eventually("the note about dropped lines", within: 60) {
                var bytes = [UInt8](repeating: 0, count: 65_536)
                while case let count = read(reader, &bytes, bytes.count), count > 0 {
                    text = String(text.suffix(200)) + String(decoding: bytes[..<count], as: UTF8.self)
                    if text.contains("lines were dropped, because standard output is not read fast enough") {
                        return true
                    }
                }
                return false
            }
            #expect(kill(watch.pid, SIGTERM) == 0)
            #expect(try await sandbox.exitCode(of: watch) == 0)
        }
    }
}
