import Foundation
import GRDB
import Glibc
import HeroModel
import Testing

/// kill -9 of a shim: the service restarts, and two instances never run at once.
@Suite("Crashes of shims", .serialized)
struct ShimCrashTests {
    @Test("A job restarts after each of ten kills of its shim (SH-4)")
    func shimKilled() async throws {
        try await TestHost.with { host in
            try host.declare("db", actions: .process("lines 100 fork 1", "retry: {delay: 0ms, jitter: 0}"))
            try host.declare("web", "requires: [db]")
            try await host.apply()
            let web = try await host.runningInstance("web")
            var instance = try await host.runningInstance("db")
            let job = instance.job
            for number in 1...10 {
                #expect(kill(try #require(parentShim(instance.pid)), SIGKILL) == 0)
                let next = try await host.runningInstance("db", number: number + 1)
                #expect(next.job == job && next.restartCount == number)
                #expect(!isAlive(instance.pid))
                instance = next
            }
            #expect(try await host.runningInstance("web", number: 1) == web)
            // Each child shares the lock of its oracle. If one survived, the next start would write DUP.
            #expect(!host.instances("db").dropLast().flatMap(\.children).contains(where: isAlive))
            try await host.expectEmptyDiff()
        }
    }

    @Test("Remaining processes of a job end before its restart (SH-5)")
    func shimAndReconcilerKilled() async throws {
        try await TestHost.with { host in
            try host.declare("db", actions: .process("lines 100", "retry: {delay: 0ms, jitter: 0}"))
            try await host.apply()
            var instance = try await host.runningInstance("db")
            let job = instance.job
            for number in 1...5 {
                let shim = try #require(parentShim(instance.pid))
                try await host.killReconciler()
                #expect(kill(shim, SIGKILL) == 0)
                try await eventually("the shim is gone") { !isAlive(shim) }
                #expect(isAlive(instance.pid), "the orphan runs")
                try await host.apply()
                let next = try await host.runningInstance("db", number: number + 1)
                #expect(next.job == job && next.restartCount == number)
                #expect(!isAlive(instance.pid))
                instance = next
            }
            try await host.expectEmptyDiff()
        }
    }

    private static let finalLineCount = 42_000

    /// Starts a service that writes 4 MiB and exits with a code when it is stopped, and kills its shim.
    private func killShimOfWriter(_ host: TestHost) async throws -> OracleInstance {
        let commands = "lines 100 last-words \(Self.finalLineCount) 7"
        try host.declare("web", actions: .process(commands, "stop: {timeout: 60s}", "retry: {delay: 0ms, jitter: 0}"))
        try await host.apply()
        let instance = try await host.runningInstance("web", number: 1)
        try await eventually("the log has lines") { host.readText(logPath(of: instance, host)).count > 1000 }
        #expect(kill(try #require(parentShim(instance.pid)), SIGKILL) == 0)
        return instance
    }

    private func logPath(of instance: OracleInstance, _ host: TestHost) -> String {
        "\(host.logDirectory)/core/web/run/\(instance.job).log"
    }

    /// Checks the final output of an instance after the next one has started.
    private func expectFinalOutput(of instance: OracleInstance, _ host: TestHost) async throws {
        try await eventually("the service has restarted", within: 60) { host.instances("web").count == 2 }
        let instance = try #require(host.instances("web").first)
        #expect(instance.end == .exit(code: 7))
        let starts = try RecordedHistory.parseStarts(
            host.readDatabase { db in
                try Row.fetchAll(db, sql: "SELECT * FROM starts WHERE job_id = ?", arguments: [instance.job])
            }
        )
        #expect(starts.first?.outcome == .exited(7))
        let history = RecordedHistory(of: host)
        history.preserveLogs()
        let (lines, unknown) = history.oracleLines()
        let found = lines[InstanceID(job: instance.job, restartCount: 0)] ?? []
        let written = try #require(instance.lineCount)
        #expect(written > Self.finalLineCount)
        #expect(
            found.suffix(Self.finalLineCount).elementsEqual(written - Self.finalLineCount + 1...written),
            "\(found.count)"
        )
        #expect(unknown.isEmpty)
    }

    @Test("Final output and exit code of a program without shim are saved (SH-4)")
    func finalOutputIsSaved() async throws {
        try await TestHost.with { host in
            let instance = try await killShimOfWriter(host)
            try await expectFinalOutput(of: instance, host)
            let text = host.readText(logPath(of: instance, host) + ".1")
            #expect(text.split(separator: LostShimMarker.suffix).count == 2)
            try await host.expectEmptyDiff()
        }
    }

    @Test("Saving final output continues after a kill of the reconciler (SH-4)")
    func finalOutputSurvivesReconcilerKill() async throws {
        try await TestHost.with { host in
            let instance = try await killShimOfWriter(host)
            try await eventually("the final output is being saved", within: 60) {
                host.readText(logPath(of: instance, host)).split(separator: LostShimMarker.suffix).last?.utf8.count ?? 0
                    > 100_000
            }
            // The stopped program is certainly in the middle of its final output.
            #expect(kill(instance.pid, SIGSTOP) == 0)
            try #require(host.instances("web").first?.end == nil)
            try await host.killReconciler()
            try await eventually("no process saves output") {
                !processIDs().contains { pid in
                    let commandLine = host.readText("/proc/\(pid)/cmdline")
                    return commandLine.hasPrefix("hpshim\0drain\0") && commandLine.contains(host.root + "/")
                }
            }
            #expect(kill(instance.pid, SIGCONT) == 0)
            try await host.apply()
            try await expectFinalOutput(of: instance, host)
            #expect(
                host.readText(logPath(of: instance, host) + ".1").split(separator: LostShimMarker.suffix).count == 3
            )
        }
    }

    @Test("The exit code of a program that has stopped its shim is known")
    func stoppedShim() async throws {
        try await TestHost.with { host in
            let script = "test -e \(host.root)/go && exec sleep 100000; touch \(host.root)/go; kill -STOP $PPID; exit 7"
            try host.writeManifest(
                "web.yaml",
                """
                kind: Service
                name: web
                actions:
                  - name: run
                    exec: [sh, -c, "\(script)"]
                    is_process: true
                    retry: {delay: 10ms}

                """
            )
            _ = try await host.run("apply", "--no-wait")
            try await eventually("the program runs again in the same job", within: 30) {
                let job = try await host.jobs(of: "web").first
                return job?["restart_count"] as? Int == 1 && job?["phase"] as? String == "running"
            }
            let events = try await host.run("events").output
            #expect(events.contains("exit code 7"), "\(events)")
        }
    }

    @Test("A new reconciler notices a program that ended behind a stopped shim")
    func stoppedShimAfterAdoption() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            let first = try host.startReconciler()
            let web = try await host.runningInstance("web", number: 1)
            let shim = try #require(host.shimPID(of: "web"))
            #expect(kill(first.pid, SIGKILL) == 0)
            _ = try await host.exitCode(of: first)
            #expect(kill(shim, SIGSTOP) == 0)
            #expect(kill(web.pid, SIGKILL) == 0)
            _ = try host.startReconciler()
            let next = try await host.runningInstance("web", number: 2)
            #expect(next.job == web.job)
        }
    }
}
