import Foundation
import Glibc
import Testing

/// What a service writes, and what comes back of it (reliability.md LG-1, LG-4, LG-5, LG-7, LG-10).
@Suite("Streams of output", .serialized)
struct LogStreamTests {
    /// Declares a service of one script.
    private func declare(_ world: TestHost, _ script: String, _ keys: String...) throws {
        var lines = ["kind: Service", "name: web", "actions:", "  - name: run", "    is_process: true"]
        lines += keys.map { "    \($0)" }
        lines.append("    script: |")
        lines += script.split(separator: "\n").map { "      \($0)" }
        try world.writeManifest("web.yaml", lines.joined(separator: "\n") + "\n")
    }

    /// The first line in which a text is not as expected; nil where all of it is.
    private func firstDifference(_ text: String, _ expected: String) -> String? {
        let lines = zip(text.split(separator: "\n"), expected.split(separator: "\n"))
        if let (line, wanted) = lines.first(where: { $0 != $1 }) { return "\(line) instead of \(wanted)" }
        return text == expected ? nil : "\(text.utf8.count) bytes instead of \(expected.utf8.count)"
    }

    /// Whether a process waits for changes of files.
    private func hasInotify(_ pid: pid_t) -> Bool { openFiles(of: pid).contains("anon_inode:inotify") }

    private func readBytes(_ path: String) -> [UInt8] {
        (FileManager.default.contents(atPath: path)).map { Array($0) } ?? []
    }

    /// Blocks of numbers that each start writes; three starts fill about as many files as are kept.
    private static let blocks = 35

    @Test(
        "LG-5, LG-7, LG-10: who follows misses nothing and sees nothing twice, through rotations, restarts and killed reconcilers"
    )
    func followThroughRestarts() async throws {
        try await TestHost.with { world in
            let go = world.root + "/go"
            // 250 lines are 14 KiB in the log: a new file for each block.
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
            try declare(world, script, "log: {max_size: 16KiB, keep: 99}", "retry: {delay: 0ms, jitter: 0}")
            try await world.apply()
            try await eventually("it has begun") { try await world.state(of: "web") == "running" }
            let follower = try world.start(["logs", "-f", "web"])
            defer { kill(follower.pid, SIGKILL) }
            let raw = try world.start(["logs", "-f", "--raw", "web"])
            defer { kill(raw.pid, SIGKILL) }
            try await eventually("they follow") { [follower, raw].allSatisfy { hasInotify($0.pid) } }
            try Data().write(to: URL(fileURLWithPath: go))
            for start in 0..<2 {
                try await eventually("start \(start) is under way", within: 120) {
                    world.readText(follower.outputPath).contains("start \(start) line 000400\n")
                }
                try await world.killReconciler()
                try await world.apply()
            }
            let count = Self.blocks * 250
            let expected = (0..<3).map { start in
                (1...count).map { number in
                    let digits = String(number)
                    return "start \(start) line \(String(repeating: "0", count: 6 - digits.count))\(digits)\n"
                }.joined()
            }
            try await eventually("all of it came", within: 120) {
                world.readText(follower.outputPath).utf8.count >= expected.joined().utf8.count
            }
            #expect(
                firstDifference(world.readText(follower.outputPath), expected.joined()) == nil,
                "no gap, nothing twice"
            )
            try await eventually("all raw lines came", within: 120) {
                world.readText(raw.outputPath).split(separator: "\n").count >= 3 * count
            }
            let texts = world.readText(raw.outputPath).split(separator: "\n").map { $0.dropFirst(40) }
            #expect(firstDifference(texts.joined(separator: "\n") + "\n", expected.joined()) == nil)
            // What is there afterwards says the same, start by start.
            #expect(firstDifference(try await world.run("logs", "web").output, expected[2]) == nil)
            #expect(firstDifference(try await world.run("logs", "web", "--previous").output, expected[1]) == nil)
            let folder = "\(world.logDirectory)/core/web/run"
            let sizes = try FileManager.default.contentsOfDirectory(atPath: folder).map {
                readBytes("\(folder)/\($0)").count
            }
            #expect(sizes.count > Self.blocks * 2)
            #expect(sizes.allSatisfy { $0 <= 16384 })
        }
    }

    /// Bytes of a line without an end.
    private static let longLineByteCount = TestSettings.isLong ? 64 << 20 : 3 << 20

    @Test("LG-4: every byte comes back as it was written: noise, NULs, no UTF-8, a line without end, byte by byte")
    func binaryOutput() async throws {
        try await TestHost.with { world in
            let (noise, said) = (world.root + "/noise", world.root + "/said")
            let script = """
                head -c 1000000 /dev/urandom > \(noise)
                {
                  cat \(noise)
                  head -c 70000 /dev/zero
                  printf '\\377\\376\\300\\257\\355\\240\\200\\n\\033[31m\\b\\r\\n'
                  for c in o n e ' ' b y ' ' o n e; do printf "$c"; done
                  echo
                  head -c \(Self.longLineByteCount) /dev/zero | tr '\\0' x
                } | tee \(said)
                touch \(said).all
                exec sleep 1000
                """
            try declare(world, script, "log: {max_size: 1MiB, keep: 99}")
            try await world.apply()
            try await eventually("all is said", within: 120) { access(said + ".all", F_OK) == 0 }
            // What has not ended yet is held back by the shim.
            #expect(try await world.run("down").exitCode == 0)
            let written = readBytes(said)
            #expect(written.count > 1_070_000 + Self.longLineByteCount)
            let reading = try world.start(["logs", "web"])
            #expect(try await world.exitCode(of: reading) == 0)
            #expect(
                readBytes(reading.outputPath).elementsEqual(written),
                "\(readBytes(reading.outputPath).count) of \(written.count) bytes"
            )
            // The CRI lines, put together by somebody else.
            let raw = try world.start(["logs", "--raw", "web"])
            #expect(try await world.exitCode(of: raw) == 0)
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
        "LG-4: nothing that a terminal obeys reaches one, in no form of showing a log (CVE-2021-25743)",
        .enabled(if: hasScript, "needs script(1)"),
        arguments: ["", "--raw", "--timestamps", "-n 50", "-o json"]
    )
    func terminalSequencesAreEscaped(_ options: String) async throws {
        try await TestHost.with { world in
            let script = """
                head -c 20000 /dev/urandom
                printf '\\033]0;title\\007\\033[2J\\302\\233\\342\\200\\256\\n'
                touch \(world.root)/said
                exec sleep 1000
                """
            try declare(world, script)
            try await world.apply()
            try await eventually("all is said") { access(world.root + "/said", F_OK) == 0 }
            let typescript = world.root + "/typescript"
            let words = ["-qefc", "'\(TestHost.heroprocPath)' logs web \(options)", typescript]
            let reading = try world.start(words, program: "/usr/bin/script")
            #expect(try await world.exitCode(of: reading) == 0)
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

    @Test("LG-1: a writer that never pauses loses nothing while reconcilers are killed under it")
    func writerAtFullSpeed() async throws {
        try await TestHost.with { world in
            let books = RecordedHistory(of: world)
            try world.declare("web", actions: .process("lines 2000", "log: {max_size: 1GiB, keep: 9}"))
            var reconciler = try world.startReconciler()
            let life = try await world.runningInstance("web", number: 1)
            var random = SeededGenerator(41)
            for _ in 0..<TestSettings.cycles(3) {
                // At any moment: this wait is the fault itself.
                try await Task.sleep(for: .milliseconds(Int.random(in: 50...250, using: &random)))
                try #require(kill(reconciler.pid, SIGKILL) == 0)
                try #require(try await world.exitCode(of: reconciler) == 137)
                books.preserveLogs()
                reconciler = try world.startReconciler()
            }
            try await eventually("the last one has taken it up") { try await world.run("diff").exitCode == 0 }
            #expect(try await world.run("down").exitCode == 0)
            #expect(world.instances("web").count == 1)
            let count = try #require(world.instances("web").first?.lineCount)
            // Judged by other programs, and quickly: every line in its place, none torn.
            let folder = "\(world.logDirectory)/core/web/run"
            let all = "ls -v | tac | xargs cat"
            #expect(count > 1000)
            #expect(runShell("cd \(folder) && seq 1 \(count) > ../seq && \(all) | cut -d' ' -f 7 | cmp - ../seq") == 0)
            let line = "^.{30} stdout F line \(life.job) 0 [0-9]+ [a-z]* [0-9a-f]{8}$"
            #expect(runShell("cd \(folder) && ! { \(all) | grep -vqE '\(line)'; }") == 0)
        }
    }
}
