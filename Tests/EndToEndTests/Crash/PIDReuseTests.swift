import CHeroRecord
import Foundation
import Glibc
import HeroLinux
import Testing

/// Pids that are given to strangers while nobody looks (reliability.md ID-2, ID-3): exact, and mostly within one tick of the
/// clock that start times are counted in.
@Suite(
    "Reuse of pids",
    .serialized,
    .enabled(
        if: canMakePIDNamespace && access("/proc/sys/kernel/ns_last_pid", F_OK) == 0,
        "needs root, `unshare`, and a kernel with ns_last_pid"
    )
)
struct PIDReuseTests {
    /// The first half of a job's record, as tests need it: to see who is recorded, and to forge that.
    private struct Record {
        let path: String
        var proc: hero_proc

        init?(_ world: TestHost, job: Int) {
            path = "\(world.paths.jobs)/\(job)"
            guard let data = FileManager.default.contents(atPath: path), data.count >= MemoryLayout<hero_proc>.size
            else {
                return nil
            }
            proc = data.withUnsafeBytes { $0.loadUnaligned(as: hero_proc.self) }
            guard hero_proc_is_valid(&proc) == 1 else { return nil }
        }

        /// Puts it in the place of what the shim wrote, with a checksum that is right.
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

    /// How the record of a start and the stranger who has its pids differ.
    enum Difference: String, CaseIterable {
        /// In everything but the pid; nothing is forged.
        case unforged
        /// In the pidfs inode alone, as within one tick of the clock.
        case inodeOnly
        /// In the start time alone, as on a kernel without pidfs.
        case startTimeOnly
        /// In the boot alone: pids and start times come again after a restart of the machine.
        case bootOnly
        /// In the pid namespace alone: the same in each container.
        case namespaceOnly

        /// Makes a record say what it says of a stranger, but for the difference.
        fileprivate func forge(_ proc: inout hero_proc, _ strangers: [pid_t: UInt64]) {
            let (shim, main) = (strangers[proc.shim.pid] ?? 0, strangers[proc.main.pid] ?? 0)
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

    /// What each bystander says of itself: its pid and its start time.
    private func parseBystanders(_ answer: String) -> [pid_t: UInt64] {
        let pairs = answer.split(separator: "\n").compactMap { line -> (pid_t, UInt64)? in
            let words = line.split(separator: " ")
            guard words.count == 2, let pid = pid_t(words[0]), let ticks = UInt64(words[1]) else { return nil }
            return (pid, ticks)
        }
        return Dictionary(pairs, uniquingKeysWith: { $1 })
    }

    /// Expects that no bystander has felt anything.
    func expectUntouched(_ pids: some Collection<pid_t>, _ inside: PIDNamespace) {
        #expect(
            inside.host.readText(inside.host.traceDirectory + "/bystanders") == "",
            "signals that reached strangers"
        )
        for pid in pids { #expect(inside.isAlive(pid), "the stranger with pid \(pid) was killed") }
    }

    @Test(
        "ID-2/T1, T4: strangers with the pids of killed services and shims are never signalled",
        arguments: Difference.allCases
    )
    func reusedPIDs(_ difference: Difference) async throws {
        try await TestHost.with { world in
            try await PIDNamespace.with(world) { inside in
                let names = (1...TestSettings.cycles(4, share: 10)).map { "s\($0)" }
                for name in names {
                    try world.declare(name, actions: .process("sleep -1", "retry: {delay: 0ms, jitter: 0}"))
                }
                // The first one starts them, the second one adopts them: it is nobody's parent, so their pids become free at once.
                var running = try inside.start("reconcile", "--watch")
                try await inside.waitUntilReady(names.count)
                try await inside.signal("KILL", [try #require(inside.reconcilerPID)])
                _ = try await world.exitCode(of: running)
                running = try inside.start("reconcile", "--watch")
                try await eventually("it has adopted them") {
                    try await world.events().contains {
                        ($0["text"] as? String)?.contains("adopted \(names.count) running jobs") ?? false
                    }
                }
                let lives = names.compactMap { world.instances($0).last }
                var records = try lives.map { try #require(Record(world, job: $0.job)) }
                let pids = records.flatMap { [$0.proc.shim.pid, $0.proc.main.pid] }
                let reconciler = try #require(inside.reconcilerPID)

                if difference == .unforged {
                    try await inside.signal("STOP", [reconciler])
                } else {
                    try await inside.signal("KILL", [reconciler])
                    _ = try await world.exitCode(of: running)
                }
                try await inside.signal("KILL", pids)
                let made = try inside.startOracle(["recycle"] + pids.map(String.init))
                #expect(try await world.exitCode(of: made) == 0)
                let strangers = parseBystanders(world.readText(made.outputPath))
                #expect(strangers.count == pids.count)
                for index in records.indices where difference != .unforged {
                    difference.forge(&records[index].proc, strangers)
                    try records[index].forge()
                }
                if difference == .unforged {
                    try await eventually("nsenter has stopped itself") { isStopped(running.pid) }
                    try await inside.signal("CONT", [reconciler])
                    // nsenter stops itself with what it waits for.
                    kill(running.pid, SIGCONT)
                } else {
                    running = try inside.start("reconcile", "--watch")
                }

                // What was killed is lost, and starts again; then all of it is stopped.
                for (name, life) in zip(names, lives) {
                    #expect(try await inside.runningInstance(name, after: 1).job == life.job)
                }
                expectUntouched(strangers.keys, inside)
                #expect(try await inside.run("down", "--all").exitCode == 0)
                expectUntouched(strangers.keys, inside)
                for (name, life) in zip(names, lives) {
                    #expect(world.instances(name).count == 2)
                    let answer = try await inside.run("jobs", "show", "\(life.job)")
                    #expect(answer.output.contains("lost"), "\(name): \(answer.output)")
                }
                try await inside.signal("TERM", [try #require(inside.reconcilerPID)])
                _ = try await world.exitCode(of: running)
                TestSettings.reportRow([
                    "row": "ID-2 \(difference.rawValue)", "cycles": "\(strangers.count)", "verdict": "0 signalled",
                ])
            }
        }
    }

    @Test(
        "ID-2/T1: a pid that is somebody else's within the tick in which its process was killed is not mistaken for it"
    )
    func sameTick() async throws {
        try await TestHost.with { world in
            try await PIDNamespace.with(world) { inside in
                try world.declare("job", actions: .process("sleep -1", "retry: {delay: 0ms, jitter: 0}"))
                let trace = "\(world.traceDirectory)/job.run.trace"
                var (strangers, sameTick): ([pid_t], Int) = ([], 0)
                for _ in 0..<TestSettings.cycles(4, share: 5) {
                    let snatch = try inside.startOracle(["snatch", trace])
                    try await eventually("it waits") { world.readText(snatch.outputPath).hasPrefix("ready\n") }
                    let reconciler = try inside.start("reconcile", "--watch")
                    #expect(try await world.exitCode(of: snatch) == 0, "\(world.readText(snatch.outputPath))")
                    _ = try await world.exitCode(of: reconciler)
                    let words =
                        world.readText(snatch.outputPath).split(separator: "\n").last?.split(separator: " ") ?? []
                    try #require(words.count == 3)
                    strangers.append(try #require(pid_t(words[0])))
                    if words[1] == words[2] { sameTick += 1 }
                }
                let reconciler = try inside.start("reconcile", "--watch")
                _ = try await inside.runningInstance("job", after: strangers.count)
                expectUntouched(strangers, inside)
                #expect(try await inside.run("down", "--all").exitCode == 0)
                expectUntouched(strangers, inside)
                try await inside.signal("TERM", [try #require(inside.reconcilerPID)])
                _ = try await world.exitCode(of: reconciler)
                let told = "0 signalled, \(sameTick) in the same tick"
                TestSettings.reportRow(["row": "ID-2 snatched", "cycles": "\(strangers.count)", "verdict": told])
            }
        }
    }

    @Test("ID-3: of another pid namespace nobody is opened, adopted or signalled, and nobody is started beside them")
    func otherPIDNamespace() async throws {
        try await TestHost.with { world in
            let names = (1...TestSettings.cycles(4, share: 20)).map { "s\($0)" }
            for name in names { try world.declare(name, actions: .process("lines 20")) }
            try await world.apply()
            let lives = names.compactMap { world.instances($0).last }
            try #require(lives.count == names.count)
            let shims = lives.map { parent(of: $0.pid) }
            try await world.killReconciler()

            let running = try world.start(["reconcile", "--watch"], through: ["unshare", "-pf", "--mount-proc"])
            // The lock that the kernel keeps for those who live elsewhere keeps anybody else from being started.
            for (name, life) in zip(names, lives) {
                try await eventually("\(name) says what it met") {
                    try await world.run("why", name).output.contains("another instance of this job holds its lock")
                }
                #expect(world.instances(name) == [life], "\(name) was neither asked to end nor started again")
            }
            #expect(lives.allSatisfy { isAlive($0.pid) } && shims.allSatisfy { isAlive($0) })
            if let first = children(of: running.pid).first { kill(first, SIGTERM) }
            _ = try await world.exitCode(of: running)
            #expect(lives.allSatisfy { isAlive($0.pid) })
            for life in lives { #expect(kill(life.pid, SIGKILL) == 0) }
            try await eventually("the shims have seen it") { shims.allSatisfy { !isAlive($0) } }
        }
    }
}

extension PIDNamespace {
    /// The pid of the live reconciler, as it is called inside.
    var reconcilerPID: pid_t? {
        pids.first { host.readText("/proc/\(initPID)/root/proc/\($0)/comm") == "heroproc\n" && isAlive($0) }
    }
}
