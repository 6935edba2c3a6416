import CHeroRecord
import Foundation
import Glibc
import HeroLinux
import Testing

/// Foreign processes with the PIDs of recorded ones (guarantees ID-2, ID-3).
///
/// The PIDs are exact, and mostly reused within one tick of the clock of start times.
@Suite(
    "Reuse of PIDs",
    .serialized,
    .enabled(
        if: canMakePIDNamespace && access("/proc/sys/kernel/ns_last_pid", F_OK) == 0,
        "needs root, `unshare`, and a kernel with ns_last_pid"
    )
)
struct PIDReuseTests {
    /// The first part of the record of a job, to read and forge the recorded process.
    private struct Record {
        let path: String
        var proc: hero_proc

        init?(_ host: TestHost, job: Int) {
            path = "\(host.paths.jobs)/\(job)"
            guard let data = FileManager.default.contents(atPath: path), data.count >= MemoryLayout<hero_proc>.size
            else {
                return nil
            }
            proc = data.withUnsafeBytes { $0.loadUnaligned(as: hero_proc.self) }
            guard hero_proc_is_valid(&proc) == 1 else { return nil }
        }

        /// Writes a forged record with a correct checksum.
        mutating func forge() throws {
            hero_proc_seal(&proc)
            let file = open(path, O_WRONLY | O_CLOEXEC)
            try #require(file >= 0)
            let size = MemoryLayout<hero_proc>.size
            let written = withUnsafeBytes(of: proc) { pwrite(file, $0.baseAddress, size, 0) }
            close(file)
            try #require(written == size)
        }
    }

    /// The difference between the record of a start and the foreign process with its PID.
    enum Difference: String, CaseIterable {
        /// Everything except the PID; nothing is forged.
        case unforged
        /// Only the pidfs inode, as within one tick of the clock.
        case inodeOnly
        /// Only the start time, as on a kernel without pidfs.
        case startTimeOnly
        /// Only the boot ID.
        ///
        /// After a reboot PIDs and start times repeat.
        case bootOnly
        /// Only the PID namespace.
        ///
        /// PIDs repeat in every container.
        case namespaceOnly

        /// Makes a record describe the foreign process, except for this difference.
        fileprivate func forge(_ proc: inout hero_proc, _ foreignProcesses: [pid_t: UInt64]) {
            let (shim, main) = (foreignProcesses[proc.shim.pid] ?? 0, foreignProcesses[proc.main.pid] ?? 0)
            switch self {
            case .unforged: return
            case .inodeOnly: (proc.shim.start_ticks, proc.main.start_ticks) = (shim, main)
            case .startTimeOnly: (proc.shim.pidfs_inode, proc.main.pidfs_inode) = (0, 0)
            case .bootOnly, .namespaceOnly:
                (proc.shim.start_ticks, proc.main.start_ticks) = (shim, main)
                (proc.shim.pidfs_inode, proc.main.pidfs_inode) = (0, 0)
                if self == .bootOnly {
                    proc.boot_id.0 = proc.boot_id.0 == 0x30 ? 0x31 : 0x30
                } else {
                    proc.pid_namespace += 1
                }
            }
        }
    }

    /// The PID and the start time that each bystander prints.
    private func parseBystanders(_ result: String) -> [pid_t: UInt64] {
        let pairs = result.split(separator: "\n").compactMap { line -> (pid_t, UInt64)? in
            let parts = line.split(separator: " ")
            guard parts.count == 2, let pid = pid_t(parts[0]), let ticks = UInt64(parts[1]) else { return nil }
            return (pid, ticks)
        }
        return Dictionary(pairs, uniquingKeysWith: { $1 })
    }

    /// Expects that no bystander has received a signal.
    func expectUntouched(_ pids: some Collection<pid_t>, _ inside: PIDNamespace) {
        #expect(
            inside.host.readText(inside.host.traceDirectory + "/bystanders") == "",
            "signals that reached bystanders"
        )
        for pid in pids { #expect(inside.isAlive(pid), "the bystander with PID \(pid) was killed") }
    }

    @Test(
        "Foreign processes with reused PIDs are never signalled (ID-2/T1, T4)",
        arguments: Difference.allCases
    )
    func reusedPIDs(_ difference: Difference) async throws {
        try await TestHost.with { host in
            try await PIDNamespace.with(host) { inside in
                let names = (1...TestSettings.cycles(4, share: 10)).map { "s\($0)" }
                for name in names {
                    try host.declare(name, actions: .process("sleep -1", "retry: {delay: 0ms, jitter: 0}"))
                }
                // The first reconciler starts them, the second adopts them. It is not their parent, so their PIDs
                // become free immediately.
                var running = try inside.start("reconcile", "--watch")
                try await inside.waitUntilReady(names.count)
                try await inside.signal("KILL", [try #require(inside.reconcilerPID)])
                _ = try await host.exitCode(of: running)
                running = try inside.start("reconcile", "--watch")
                try await eventually("the reconciler has adopted the jobs") {
                    try await host.events().contains {
                        ($0["text"] as? String)?.contains("adopted \(names.count) running jobs") ?? false
                    }
                }
                let instances = names.compactMap { host.instances($0).last }
                var records = try instances.map { try #require(Record(host, job: $0.job)) }
                let pids = records.flatMap { [$0.proc.shim.pid, $0.proc.main.pid] }
                let reconciler = try #require(inside.reconcilerPID)

                if difference == .unforged {
                    try await inside.signal("STOP", [reconciler])
                } else {
                    try await inside.signal("KILL", [reconciler])
                    _ = try await host.exitCode(of: running)
                }
                try await inside.signal("KILL", pids)
                let made = try inside.startOracle(["recycle"] + pids.map(String.init))
                #expect(try await host.exitCode(of: made) == 0)
                let foreignProcesses = parseBystanders(host.readText(made.outputPath))
                #expect(foreignProcesses.count == pids.count)
                for index in records.indices where difference != .unforged {
                    difference.forge(&records[index].proc, foreignProcesses)
                    try records[index].forge()
                }
                if difference == .unforged {
                    try await eventually("nsenter has stopped itself") { isStopped(running.pid) }
                    try await inside.signal("CONT", [reconciler])
                    // nsenter stops itself together with its child.
                    kill(running.pid, SIGCONT)
                } else {
                    running = try inside.start("reconcile", "--watch")
                }

                // The killed jobs are recorded as lost and restarted. Then all services stop.
                for (name, instance) in zip(names, instances) {
                    #expect(try await inside.runningInstance(name, after: 1).job == instance.job)
                }
                expectUntouched(foreignProcesses.keys, inside)
                #expect(try await inside.run("down", "--all").exitCode == 0)
                expectUntouched(foreignProcesses.keys, inside)
                for (name, instance) in zip(names, instances) {
                    #expect(host.instances(name).count == 2)
                    let result = try await inside.run("jobs", "show", "\(instance.job)")
                    #expect(result.output.contains("lost"), "\(name): \(result.output)")
                }
                try await inside.signal("TERM", [try #require(inside.reconcilerPID)])
                _ = try await host.exitCode(of: running)
                TestSettings.reportRow([
                    "row": "ID-2 \(difference.rawValue)", "cycles": "\(foreignProcesses.count)",
                    "verdict": "0 signalled",
                ])
            }
        }
    }

    @Test(
        "A PID reused within one clock tick is recognized as foreign (ID-2/T1)"
    )
    func sameTick() async throws {
        try await TestHost.with { host in
            try await PIDNamespace.with(host) { inside in
                try host.declare("job", actions: .process("sleep -1", "retry: {delay: 0ms, jitter: 0}"))
                let trace = "\(host.traceDirectory)/job.run.trace"
                var (foreignProcesses, sameTick): ([pid_t], Int) = ([], 0)
                for _ in 0..<TestSettings.cycles(4, share: 5) {
                    let snatch = try inside.startOracle(["snatch", trace])
                    try await eventually("the oracle waits") { host.readText(snatch.outputPath).hasPrefix("ready\n") }
                    let reconciler = try inside.start("reconcile", "--watch")
                    #expect(try await host.exitCode(of: snatch) == 0, "\(host.readText(snatch.outputPath))")
                    _ = try await host.exitCode(of: reconciler)
                    let parts =
                        host.readText(snatch.outputPath).split(separator: "\n").last?.split(separator: " ") ?? []
                    try #require(parts.count == 3)
                    foreignProcesses.append(try #require(pid_t(parts[0])))
                    if parts[1] == parts[2] { sameTick += 1 }
                }
                let reconciler = try inside.start("reconcile", "--watch")
                _ = try await inside.runningInstance("job", after: foreignProcesses.count)
                expectUntouched(foreignProcesses, inside)
                #expect(try await inside.run("down", "--all").exitCode == 0)
                expectUntouched(foreignProcesses, inside)
                try await inside.signal("TERM", [try #require(inside.reconcilerPID)])
                _ = try await host.exitCode(of: reconciler)
                let result = "0 signalled, \(sameTick) in the same tick"
                TestSettings.reportRow([
                    "row": "ID-2 snatched", "cycles": "\(foreignProcesses.count)", "verdict": result,
                ])
            }
        }
    }

    @Test("Processes of another PID namespace are neither signalled nor duplicated (ID-3)")
    func otherPIDNamespace() async throws {
        try await TestHost.with { host in
            let names = (1...TestSettings.cycles(4, share: 20)).map { "s\($0)" }
            for name in names { try host.declare(name, actions: .process("lines 20")) }
            try await host.apply()
            let instances = names.compactMap { host.instances($0).last }
            try #require(instances.count == names.count)
            let shims = instances.map { parent(of: $0.pid) }
            try await host.killReconciler()

            let running = try host.start(["reconcile", "--watch"], through: ["unshare", "-pf", "--mount-proc"])
            // The lock of the instances in the other namespace prevents a second start.
            for (name, instance) in zip(names, instances) {
                try await eventually("why names the lock for \(name)") {
                    try await host.run("why", name).output.contains("another instance of this job holds its lock")
                }
                #expect(host.instances(name) == [instance], "\(name) was neither stopped nor restarted")
            }
            #expect(instances.allSatisfy { isAlive($0.pid) } && shims.allSatisfy { isAlive($0) })
            if let first = children(of: running.pid).first { kill(first, SIGTERM) }
            _ = try await host.exitCode(of: running)
            #expect(instances.allSatisfy { isAlive($0.pid) })
            for instance in instances { #expect(kill(instance.pid, SIGKILL) == 0) }
            try await eventually("the shims have exited") { shims.allSatisfy { !isAlive($0) } }
        }
    }
}

extension PIDNamespace {
    /// The PID of the running reconciler in the namespace.
    var reconcilerPID: pid_t? {
        pids.first { host.readText("/proc/\(initPID)/root/proc/\($0)/comm") == "heroproc\n" && isAlive($0) }
    }
}
