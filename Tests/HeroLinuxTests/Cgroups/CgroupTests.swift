import CHeroRecord
import Glibc
import HeroKernel
import HeroModel
import Testing

@testable import HeroLinux

private let cgroupsHere = CgroupSupport.detect(environment: [:])
private let hasCgroup = cgroupsHere.level == .cgroup
private let noCgroup = Comment("this machine has no cgroup v2 that may be written")

@Suite(.ownThread) struct CgroupTests {
    // MARK: What a machine offers

    /// A folder that looks like a cgroup.
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

    @Test("TR-2: the cgroup v2 we are in is used, with the controllers that can be given away there")
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
        #expect(found.controllers == [], "processes in between keep the kernel from giving controllers away")
        _ = try cgroup(sandbox, "c/given", offers: "cpu memory", gives: "memory", holds: "412\n")
        #expect(detect(mounts, "0::/given\n").controllers == ["memory"])
        let around = try cgroup(sandbox, "c/unit", offers: "pids")
        _ = try cgroup(sandbox, "c/unit/supervisor", offers: "pids", holds: "412\n")
        #expect(detect(mounts, "0::/unit/supervisor\n").parent == around)
        #expect(detect(mounts, "0::/unit/supervisor\n").controllers == ["pids"])
    }

    @Test("TR-2: without a cgroup v2 of our own it is the freezer, then the shim alone")
    func ladder() throws {
        let sandbox = try Sandbox()
        mkdir(sandbox.folder + "/f", 0o755)
        _ = try cgroup(sandbox, "c", isRoot: true)
        let freezer = "31 1 0:27 / \(sandbox.folder)/f rw - cgroup cgroup rw,freezer\n"
        let mounts = "30 1 0:26 / \(sandbox.folder)/c rw - cgroup2 cgroup2 rw\n" + freezer
        let memberships = "6:freezer:/\n0::/\n"
        #expect(detect(mounts, memberships).level == .cgroup)
        #expect(detect(mounts, memberships, hasSystemd: true).level == .freezer, "not ours as long as systemd owns it")
        #expect(detect(mounts, memberships, ["HEROPROC_CONTAINMENT": "freezer"]).level == .freezer)
        #expect(detect(mounts, memberships, ["HEROPROC_CONTAINMENT": "subreaper"]) == .none)
        #expect(detect(freezer, memberships).level == .freezer)
        #expect(detect("", memberships) == .none)
        #expect(detect("", "") == .none)
        #expect(detect("", "", ["HEROPROC_CGROUP": sandbox.folder + "/c"]).parent == sandbox.folder + "/c")
        #expect(detect("", "", ["HEROPROC_CGROUP": sandbox.folder + "/absent"]) == .none)
    }

    // MARK: One start

    @Test("limits are written into the cgroup of a start before its shim is there; without a controller they are not")
    func limits() throws {
        let sandbox = try Sandbox()
        let parent = try cgroup(sandbox, "c", offers: "memory pids", isRoot: true)
        let folder = "c/heroproc-\(RuntimePaths.digest(of: sandbox.paths.state))"
        for file in ["cgroup.procs", "cgroup.subtree_control", "7.1/memory.max", "7.1/pids.max", "7.1/cpu.max"] {
            try sandbox.write("\(folder)/\(file)", "")
        }
        let containment = StartCgroups(detect("", "", ["HEROPROC_CGROUP": parent]), paths: sandbox.paths)
        let limits = ResourceLimits(memoryBytes: 64 << 20, treeProcesses: 30, processors: 0.5)
        let place = try #require(try containment.create(StartID(job: 7, generation: 1), limits))
        #expect(place.isRequired && place.limitsMemory)
        let path = "\(sandbox.folder)/\(folder)/7.1"
        #expect(place.path == path)
        #expect(readText("\(path)/memory.max") == "67108864")
        #expect(readText("\(path)/pids.max") == "30")
        #expect(readText("\(path)/cpu.max") == "", "cpu is not offered here")
        #expect(readText("\(parent)/cgroup.subtree_control") != "", "controllers are given away first")
    }

    @Test("a limit that the kernel refuses fails the start, and names the limit")
    func refusedLimit() throws {
        let sandbox = try Sandbox()
        let parent = try cgroup(sandbox, "c", offers: "memory", isRoot: true)
        let containment = StartCgroups(detect("", "", ["HEROPROC_CGROUP": parent]), paths: sandbox.paths)
        do {
            // No kernel has put a memory.max there.
            _ = try containment.create(StartID(job: 7, generation: 1), ResourceLimits(memoryBytes: 64 << 20))
            Issue.record("the start was not refused")
        } catch let refusal {
            #expect(refusal.failure.stage == .limits)
            #expect(refusal.failure.detail == "memory 64MiB: No such file or directory")
        }
        #expect(listDirectory("\(parent)/heroproc-\(RuntimePaths.digest(of: sandbox.paths.state))") == [])
    }

    @Test("SH-5: while somebody is left in the cgroup of the start before, the next is refused, and they are ended")
    func notEmpty() throws {
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

    // MARK: On this machine

    private func folder(_ sandbox: Sandbox) -> String {
        "\(cgroupsHere.parent)/heroproc-\(RuntimePaths.digest(of: sandbox.paths.state))"
    }

    @Test("TR-2: a start has a cgroup of its own for as long as it lives", .enabled(if: hasCgroup, noCgroup))
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
        "TR-5: what a killed shim leaves behind is found in its cgroup, whatever it has closed and left",
        .enabled(if: hasCgroup, noCgroup)
    )
    func fenced() throws {
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
        #expect(eventually { readText("\(sandbox.folder)/pids")?.split(separator: "\n").count == 5 })
        let pids = (readText("\(sandbox.folder)/pids") ?? "").split(separator: "\n").compactMap { Int32($0) }
        let daemons = pids.compactMap { ProcessTable.identify($0)?.identity }
        #expect(daemons.count == 5)
        guard case .found(let record) = RecordFile.read(sandbox.paths.record(of: 1), job: 1) else {
            Issue.record("no record")
            return
        }
        // The main program first: with it goes the proof of who was below it.
        let shim = try #require(record.shim)
        #expect(kernel.signal(shim, Signal(number: SIGSTOP)))
        #expect(kernel.signal(report.process, .kill))
        #expect(kernel.signal(shim, .kill))
        _ = try kernel.awaitEnd(1)
        for one in daemons { #expect(!ProcessTable.isAlive(one)) }
        #expect(access(folder(sandbox), F_OK) != 0)
    }

    @Test("TR-5: without a cgroup it is found by its marker, even with its session left and its lock closed")
    func marked() throws {
        let sandbox = try Sandbox()
        let kernel = try LinuxKernel(
            paths: sandbox.paths,
            shimPath: Shim.find(),
            environment: ["HEROPROC_CONTAINMENT": "subreaper"],
            ownsProcess: false
        )
        #expect(kernel.capabilities == ContainmentSupport())
        let daemon = "echo $$ >> \(sandbox.folder)/pids; exec sleep 600"
        kernel.launch(
            sandbox.shellRequest(1, "(setsid sh -c '\(daemon)' 3>&- >/dev/null 2>&1 &); exec 3>&-; exec sleep 601")
        )
        let report = try kernel.awaitStart(1)
        #expect(eventually { readText("\(sandbox.folder)/pids")?.hasSuffix("\n") == true })
        let pid = try #require(readText("\(sandbox.folder)/pids").flatMap { Int32($0.trimmed) })
        let left = try #require(ProcessTable.identify(pid)?.identity)
        guard case .found(let record) = RecordFile.read(sandbox.paths.record(of: 1), job: 1) else {
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
        "directories that a killed reconciler and a killed shim left are removed by the next one",
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
