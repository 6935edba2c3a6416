import Foundation
import Glibc
import HeroRandom
import Testing

/// The output of a service and its log (guarantees LG-1, LG-4, LG-5, LG-7, LG-10).
@Suite("Output streams", .serialized)
struct LogStreamTests {
    /// Declares a service with one script.
    private func declare(_ host: TestHost, _ script: String, _ fields: String...) throws {
        var lines = ["kind: Service", "name: web", "actions:", "  - name: run", "    is_process: true"]
        lines += fields.map { "    \($0)" }
        lines.append("    script: |")
        lines += script.split(separator: "\n").map { "      \($0)" }
        try host.writeManifest("web.yaml", lines.joined(separator: "\n") + "\n")
    }

    /// The first difference between a text and the expected one; nil if they are equal.
    private func firstDifference(_ text: String, _ expected: String) -> String? {
        let lines = zip(text.split(separator: "\n"), expected.split(separator: "\n"))
        if let (line, wanted) = lines.first(where: { $0 != $1 }) { return "\(line) instead of \(wanted)" }
        return text == expected ? nil : "\(text.utf8.count) bytes instead of \(expected.utf8.count)"
    }

    /// Whether a process has an inotify descriptor.
    private func hasInotify(_ pid: pid_t) -> Bool { openFiles(of: pid).contains("anon_inode:inotify") }

    private func readBytes(_ path: String) -> [UInt8] {
        (FileManager.default.contents(atPath: path)).map { Array($0) } ?? []
    }

    /// Blocks of lines per start.
    ///
    /// Three starts fill almost as many files as are kept.
    private static let blocks = 35

    @Test(
        "Logs -f shows every line once across rotations and restarts (LG-5, LG-7, LG-10)"
    )
    func followThroughRestarts() async throws {
        try await TestHost.with { host in
            let go = host.root + "/go"
            // 250 lines take 14 KiB in the log, so that each block starts a new file.
            let script = """
                until [ -e \(go) ]; do sleep 0.01; done
                i=0
                while [ $i -lt \(Self.blocks) ]; do
                  seq -f "start $HEROPROC_RESTART_COUNT line %06.0f" $((i * 250 + 1)) $((i * 250 + 250))
                  i=$((i + 1)); sleep 0.02
                done
                [ $HEROPROC_RESTART_COUNT -lt 2 ] && exit 1
                exec sleep 1000
                """
            try declare(host, script, "log: {max_size: 16KiB, keep: 99}", "retry: {delay: 0ms, jitter: 0}")
            try await host.apply()
            try await eventually("the service is running") { try await host.state(of: "web") == "running" }
            let follower = try host.start(["logs", "-f", "web"])
            defer { kill(follower.pid, SIGKILL) }
            let raw = try host.start(["logs", "-f", "--raw", "web"])
            defer { kill(raw.pid, SIGKILL) }
            try await eventually("both commands follow the log") { [follower, raw].allSatisfy { hasInotify($0.pid) } }
            try Data().write(to: URL(fileURLWithPath: go))
            for start in 0..<2 {
                try await eventually("start \(start) has written lines", within: 120) {
                    host.readText(follower.outputPath).contains("start \(start) line 000400\n")
                }
                try await host.killReconciler()
                try await host.apply()
            }
            let count = Self.blocks * 250
            let expected = (0..<3).map { start in
                (1...count).map { number in
                    let digits = String(number)
                    return "start \(start) line \(String(repeating: "0", count: 6 - digits.count))\(digits)\n"
                }.joined()
            }
            try await eventually("all lines were shown", within: 120) {
                host.readText(follower.outputPath).utf8.count >= expected.joined().utf8.count
            }
            #expect(
                firstDifference(host.readText(follower.outputPath), expected.joined()) == nil,
                "no line is missing or repeated"
            )
            try await eventually("all raw lines were shown", within: 120) {
                host.readText(raw.outputPath).split(separator: "\n").count >= 3 * count
            }
            let texts = host.readText(raw.outputPath).split(separator: "\n").map { $0.dropFirst(40) }
            #expect(firstDifference(texts.joined(separator: "\n") + "\n", expected.joined()) == nil)
            // A later command shows the same lines, start by start.
            #expect(firstDifference(try await host.run("logs", "web").output, expected[2]) == nil)
            #expect(firstDifference(try await host.run("logs", "web", "--previous").output, expected[1]) == nil)
            let directory = "\(host.logDirectory)/core/web/run"
            let sizes = try FileManager.default.contentsOfDirectory(atPath: directory).map {
                readBytes("\(directory)/\($0)").count
            }
            #expect(sizes.count > Self.blocks * 2)
            #expect(sizes.allSatisfy { $0 <= 16384 })
        }
    }

    /// Bytes of a line without a newline.
    private static let longLineByteCount = TestSettings.isLong ? 64 << 20 : 3 << 20

    @Test("A log returns every byte of binary output unchanged (LG-4)")
    func binaryOutput() async throws {
        try await TestHost.with { host in
            let (noise, copy) = (host.root + "/noise", host.root + "/written")
            let script = """
                head -c 1000000 /dev/urandom > \(noise)
                {
                  cat \(noise)
                  head -c 70000 /dev/zero
                  printf '\\377\\376\\300\\257\\355\\240\\200\\n\\033[31m\\b\\r\\n'
                  for c in o n e ' ' b y ' ' o n e; do printf "$c"; done
                  echo
                  head -c \(Self.longLineByteCount) /dev/zero | tr '\\0' x
                } | tee \(copy)
                touch \(copy).all
                exec sleep 1000
                """
            try declare(host, script, "log: {max_size: 1MiB, keep: 99}")
            try await host.apply()
            try await eventually("the output is complete", within: 120) { access(copy + ".all", F_OK) == 0 }
            // The shim holds back an incomplete line until the stop.
            #expect(try await host.run("down").exitCode == 0)
            let written = readBytes(copy)
            #expect(written.count > 1_070_000 + Self.longLineByteCount)
            let reading = try host.start(["logs", "web"])
            #expect(try await host.exitCode(of: reading) == 0)
            #expect(
                readBytes(reading.outputPath).elementsEqual(written),
                "\(readBytes(reading.outputPath).count) of \(written.count) bytes"
            )
            // Joins the CRI lines independently of heroproc.
            let raw = try host.start(["logs", "--raw", "web"])
            #expect(try await host.exitCode(of: raw) == 0)
            var text: [UInt8] = []
            for line in readBytes(raw.outputPath).split(separator: 10, omittingEmptySubsequences: false).dropLast() {
                text += line.dropFirst(40)
                if line.dropFirst(38).first == UInt8(ascii: "F") { text.append(10) }
            }
            #expect(text.elementsEqual(written), "\(text.count) of \(written.count) bytes")
        }
    }

    private static let hasScript = access("/usr/bin/script", X_OK) == 0

    @Test(
        "No form of a log sends control sequences to a terminal (LG-4, CVE-2021-25743)",
        .enabled(if: hasScript, "needs script(1)"),
        arguments: ["", "--raw", "--timestamps", "-n 50", "-o json"]
    )
    func terminalSequencesAreEscaped(_ options: String) async throws {
        try await TestHost.with { host in
            let script = """
                head -c 20000 /dev/urandom
                printf '\\033]0;title\\007\\033[2J\\302\\233\\342\\200\\256\\n'
                touch \(host.root)/written
                exec sleep 1000
                """
            try declare(host, script)
            try await host.apply()
            try await eventually("the output is complete") { access(host.root + "/written", F_OK) == 0 }
            let typescript = host.root + "/typescript"
            let arguments = ["-qefc", "\(shellQuoted(TestHost.heroprocPath)) logs web \(options)", typescript]
            let reading = try host.start(arguments, program: "/usr/bin/script")
            #expect(try await host.exitCode(of: reading) == 0)
            let shown = readBytes(reading.outputPath)
            #expect(shown.count > 20000)
            let text = String(decoding: shown, as: UTF8.self)
            let obeyed = text.unicodeScalars.filter { scalar in
                let isControl = scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value) || scalar.value == 0x202E
                return isControl && !["\n", "\r", "\t"].contains(scalar)
            }
            #expect(obeyed.isEmpty, "\(obeyed.prefix(5).map(\.value))")
        }
    }

    @Test("A writer at full speed loses nothing while reconcilers are killed (LG-1)")
    func writerAtFullSpeed() async throws {
        try await TestHost.with { host in
            let history = RecordedHistory(of: host)
            try host.declare("web", actions: .process("lines 2000", "log: {max_size: 1GiB, keep: 9}"))
            var reconciler = try host.startReconciler()
            let instance = try await host.runningInstance("web", number: 1)
            var random = SeededGenerator(41)
            for _ in 0..<TestSettings.cycles(3) {
                // The random delay makes the kill hit any moment.
                try await Task.sleep(for: .milliseconds(Int.random(in: 50...250, using: &random)))
                try #require(kill(reconciler.pid, SIGKILL) == 0)
                try #require(try await host.exitCode(of: reconciler) == 137)
                history.preserveLogs()
                reconciler = try host.startReconciler()
            }
            try await eventually("the last reconciler has adopted the job") {
                try await host.run("diff").exitCode == 0 && host.reconcilerPID == reconciler.pid
            }
            let down = try await host.run("down")
            #expect(down.exitCode == 0, "\(down.output)\(down.errorOutput)")
            #expect(host.instances("web").count == 1)
            let count = try #require(host.instances("web").first?.lineCount)
            // Other programs check quickly that every line is complete and in order.
            let directory = "\(host.logDirectory)/core/web/run"
            let all = "ls -v | tac | xargs cat"
            #expect(count > 1000)
            #expect(
                runShell("cd \(directory) && seq 1 \(count) > ../seq && \(all) | cut -d' ' -f 7 | cmp - ../seq") == 0
            )
            let line = "^.{30} stdout F line \(instance.job) 0 [0-9]+ [a-z]* [0-9a-f]{8}$"
            #expect(runShell("cd \(directory) && ! { \(all) | grep -vqE '\(line)'; }") == 0)
        }
    }
}
