import CHeroRecord
import Glibc
import HeroKernel
import HeroModel
import TestSupport
import Testing

@testable import HeroLinux

private let cgroupsHere = CgroupSupport.detect(environment: [:])
private let hasCgroup = cgroupsHere.level == .cgroup
private let noCgroup = Comment("this machine has no cgroup v2 that may be written")

@Suite(.ownThread) struct CgroupTests {
    // MARK: Detection

    /// Creates a folder with the files of a cgroup.
    private func cgroup(
        _ sandbox: Sandbox,
        _ name: String,
        offers: String = "",
        gives: String = "",
        holds: String = "",
        isRoot: Bool = false
    ) throws -> String {
        try sandbox.write("\(name)/cgroup.procs", holds)
        try sandbox.write("\(name)/cgroup.controllers", offers)
        try sandbox.write("\(name)/cgroup.subtree_control", gives)
        if !isRoot { try sandbox.write("\(name)/cgroup.type", "domain\n") }
        return "\(sandbox.folder)/\(name)"
    }

    private func detect(
        _ mounts: String,
        _ memberships: String,
        _ environment: [String: String] = [:],
        hasSystemd: Bool = false
    ) -> CgroupSupport {
        CgroupSupport.detect(environment: environment, mounts: mounts, memberships: memberships, hasSystemd: hasSystemd)
    }

    @Test(
        "A cgroup that contains this process is recognised, so that it is never killed",
        arguments: [
            ("0::/a/heroproc-d/7.1\n", true), ("0::/a/heroproc-d/7.1/inner\n", true), ("0::/heroproc-d/7.1\n", true),
            ("0::/a/heroproc-d/7.12\n", false), ("0::/a/heroproc-d/8.1\n", false), ("0::/\n", false), ("", false),
        ]
    )
    func ownMembership(memberships: String, isContained: Bool) {
        let path = "/sys/fs/cgroup/a/heroproc-d/7.1"
        #expect(StartCgroups.containsProcess(path, memberships: memberships) == isContained)
    }

    @Test("The own cgroup v2 is used with the controllers that it can enable (TR-2)")
    func unified() throws {
        let sandbox = try Sandbox()
        let mounts = "30 1 0:26 / \(sandbox.folder)/c rw - cgroup2 cgroup2 rw\n"
        _ = try cgroup(sandbox, "c", offers: "cpu memory pids io\n", isRoot: true)
        #expect(detect(mounts, "0::/\n").controllers == ["cpu", "memory", "pids"])
        #expect(
            detect(mounts, "0::/\n").capabilities
                == ContainmentSupport(
                    method: .cgroup,
                    limitsMemory: true,
                    limitsProcesses: true,
                    limitsProcessors: true
                )
        )
        let own = try cgroup(sandbox, "c/own", offers: "cpu memory", holds: "412\n")
        let found = detect(mounts, "0::/own\n")
        #expect(found.level == .cgroup && found.parent == own)
        #expect(found.controllers == [], "the kernel enables no controllers in a cgroup with processes")
        _ = try cgroup(sandbox, "c/given", offers: "cpu memory", gives: "memory", holds: "412\n")
        #expect(detect(mounts, "0::/given\n").controllers == ["memory"])
        let around = try cgroup(sandbox, "c/unit", offers: "pids")
        _ = try cgroup(sandbox, "c/unit/supervisor", offers: "pids", holds: "412\n")
        #expect(detect(mounts, "0::/unit/supervisor\n").parent == around)
        #expect(detect(mounts, "0::/unit/supervisor\n").controllers == ["pids"])
    }

    @Test("Without a usable cgroup v2 the freezer is used, then the shim only (TR-2)")
    func fallbacks() throws {
        let sandbox = try Sandbox()
        mkdir(sandbox.folder + "/f", 0o755)
        _ = try cgroup(sandbox, "c", isRoot: true)
        let freezer = "31 1 0:27 / \(sandbox.folder)/f rw - cgroup cgroup rw,freezer\n"
        let mounts = "30 1 0:26 / \(sandbox.folder)/c rw - cgroup2 cgroup2 rw\n" + freezer
        let memberships = "6:freezer:/\n0::/\n"
        #expect(detect(mounts, memberships).level == .cgroup)
        #expect(detect(mounts, memberships, hasSystemd: true).level == .freezer, "systemd has not delegated it")
        #expect(detect(mounts, memberships, ["HEROPROC_CONTAINMENT": "freezer"]).level == .freezer)
        #expect(detect(mounts, memberships, ["HEROPROC_CONTAINMENT": "subreaper"]) == .none)
        #expect(detect(freezer, memberships).level == .freezer)
        #expect(detect("", memberships) == .none)
        #expect(detect("", "") == .none)
        #expect(detect("", "", ["HEROPROC_CGROUP": sandbox.folder + "/c"]).parent == sandbox.folder + "/c")
        #expect(detect("", "", ["HEROPROC_CGROUP": sandbox.folder + "/absent"]) == .none)
    }

    // MARK: Limits of a start

    @Test("The limits of a start are written to its cgroup if their controller exists")
    func limits() throws {
        let sandbox = try Sandbox()
        let parent = try cgroup(sandbox, "c", offers: "memory pids", isRoot: true)
        let folder = "c/heroproc-\(RuntimePaths.digest(of: sandbox.paths.state))"
        for file in ["cgroup.procs", "cgroup.subtree_control", "7.1/memory.max", "7.1/pids.max", "7.1/cpu.max"] {
            try sandbox.write("\(folder)/\(file)", "")
        }
        let containment = StartCgroups(detect("", "", ["HEROPROC_CGROUP": parent]), paths: sandbox.paths)
        let limits = ResourceLimits(memoryBytes: 64 << 20, treeProcesses: 30, processors: 0.5)
        let context = try #require(try containment.create(StartID(job: 7, generation: 1), limits))
        #expect(context.isRequired && context.limitsMemory)
        let path = "\(sandbox.folder)/\(folder)/7.1"
        #expect(context.path == path)
        #expect(readText("\(path)/memory.max") == "67108864")
        #expect(readText("\(path)/pids.max") == "30")
        #expect(readText("\(path)/cpu.max") == "", "the controller cpu is not available")
        #expect(readText("\(parent)/cgroup.subtree_control") != "", "controllers are enabled first")
    }

    @Test("A limit that the kernel refuses fails the start and is named")
    func refusedLimit() throws {
        let sandbox = try Sandbox()
        let parent = try cgroup(sandbox, "c", offers: "memory", isRoot: true)
        let containment = StartCgroups(detect("", "", ["HEROPROC_CGROUP": parent]), paths: sandbox.paths)
        do {
            // The kernel has created no memory.max there.
            _ = try containment.create(StartID(job: 7, generation: 1), ResourceLimits(memoryBytes: 64 << 20))
            Issue.record("the start was not refused")
        } catch let refusal {
            #expect(refusal.failure.stage == .limits)
            #expect(refusal.failure.detail == "memory 64MiB: No such file or directory")
        }
        #expect(listDirectory("\(parent)/heroproc-\(RuntimePaths.digest(of: sandbox.paths.state))") == [])
    }

    @Test("A start is refused, and earlier processes killed, while its cgroup is populated (SH-5)")
    func populatedCgroup() throws {
        let sandbox = try Sandbox()
        let parent = try cgroup(sandbox, "c", isRoot: true)
        let folder = "c/heroproc-\(RuntimePaths.digest(of: sandbox.paths.state))"
        try sandbox.write("\(folder)/7.1/cgroup.events", "populated 1\nfrozen 0\n")
        try sandbox.write("\(folder)/7.1/cgroup.kill", "")
        let containment = StartCgroups(detect("", "", ["HEROPROC_CGROUP": parent]), paths: sandbox.paths)
        #expect(throws: StartError.self) {
            try containment.create(StartID(job: 7, generation: 2), ResourceLimits())
        }
        #expect(readText("\(sandbox.folder)/\(folder)/7.1/cgroup.kill") == "1")
    }

    // MARK: With real cgroups

    private func folder(_ sandbox: Sandbox) -> String {
        "\(cgroupsHere.parent)/heroproc-\(RuntimePaths.digest(of: sandbox.paths.state))"
    }

    @Test("A start has its own cgroup until its process tree has ended (TR-2)", .enabled(if: hasCgroup, noCgroup))
    func lifetime() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        #expect(kernel.capabilities.method == .cgroup)
        kernel.launch(sandbox.shellRequest(1, "sleep 600 & exec sleep 601"))
        let report = try kernel.awaitStart(1)
        #expect(StartCgroups.members(of: folder(sandbox) + "/1.1").contains(report.process.pid))
        kernel.killTree(StartID(job: 1, generation: 1))
        _ = try kernel.awaitEnd(1)
        #expect(access(folder(sandbox), F_OK) != 0)
    }

    @Test(
        "Processes that a killed shim has left are found through their cgroup (TR-5)",
        .enabled(if: hasCgroup, noCgroup)
    )
    func processesInCgroup() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        let daemon = "echo $$ >> \(sandbox.folder)/pids; exec sleep 600"
        kernel.launch(
            sandbox.shellRequest(
                1,
                "for i in 1 2 3 4 5; do (setsid env -i PATH=$PATH sh -c '\(daemon)' 3>&- >/dev/null 2>&1 &); done; exec sleep 601"
            )
        )
        let report = try kernel.awaitStart(1)
        #expect(waitUntil { readText("\(sandbox.folder)/pids")?.split(separator: "\n").count == 5 })
        let pids = (readText("\(sandbox.folder)/pids") ?? "").split(separator: "\n").compactMap { Int32($0) }
        let daemons = pids.compactMap { ProcessTable.identify($0)?.identity }
        #expect(daemons.count == 5)
        guard case .found(let record) = RecordReader.read(sandbox.paths.record(of: 1), job: 1) else {
            Issue.record("no record")
            return
        }
        // The main process is killed first, because its descendants cannot be verified afterwards.
        let shim = try #require(record.shim)
        #expect(kernel.signal(shim, Signal(number: SIGSTOP)))
        #expect(kernel.signal(report.process, .kill))
        #expect(kernel.signal(shim, .kill))
        _ = try kernel.awaitEnd(1)
        for one in daemons { #expect(!ProcessTable.isAlive(one)) }
        #expect(access(folder(sandbox), F_OK) != 0)
    }

    @Test("Without a cgroup, processes that a killed shim has left are found by tag (TR-5)")
    func taggedProcesses() throws {
        let sandbox = try Sandbox()
        let kernel = try LinuxKernel(
            paths: sandbox.paths,
            shimPath: Shim.find(),
            environment: ["HEROPROC_CONTAINMENT": "subreaper"],
            ownsProcess: false
        )
        #expect(kernel.capabilities.method == .subreaper)
        #expect(!kernel.capabilities.limitsMemory && !kernel.capabilities.limitsProcesses)
        let daemon = "echo $$ >> \(sandbox.folder)/pids; exec sleep 600"
        kernel.launch(
            sandbox.shellRequest(1, "(setsid sh -c '\(daemon)' 3>&- >/dev/null 2>&1 &); exec 3>&-; exec sleep 601")
        )
        let report = try kernel.awaitStart(1)
        #expect(waitUntil { readText("\(sandbox.folder)/pids")?.hasSuffix("\n") == true })
        let pid = try #require(readText("\(sandbox.folder)/pids").flatMap { Int32($0.trimmed) })
        let left = try #require(ProcessTable.identify(pid)?.identity)
        guard case .found(let record) = RecordReader.read(sandbox.paths.record(of: 1), job: 1) else {
            Issue.record("no record")
            return
        }
        let shim = try #require(record.shim)
        #expect(kernel.signal(shim, Signal(number: SIGSTOP)))
        #expect(kernel.signal(report.process, .kill))
        #expect(kernel.signal(shim, .kill))
        _ = try kernel.awaitEnd(1)
        #expect(!ProcessTable.isAlive(left))
    }

    @Test(
        "A new reconciler removes the cgroups that a killed reconciler and shim have left",
        .enabled(if: hasCgroup, noCgroup)
    )
    func leftovers() throws {
        let sandbox = try Sandbox()
        mkdir(folder(sandbox), 0o755)
        mkdir(folder(sandbox) + "/3.9", 0o755)
        mkdir(folder(sandbox) + "/3.9/inner", 0o755)
        _ = try sandbox.kernel()
        #expect(access(folder(sandbox), F_OK) != 0)
    }
}
