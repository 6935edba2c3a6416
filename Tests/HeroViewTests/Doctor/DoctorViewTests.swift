import Foundation
import HeroJSON
import HeroModel
import HeroView
import SchemaValidation
import Testing

@Suite("The doctor view")
struct DoctorViewTests {
    /// An example machine; its name is part of the names of its golden files.
    struct MachineExample: Sendable, CustomTestStringConvertible {
        var name: String
        var isHealthy: Bool
        var facts: MachineFacts
        var testDescription: String { name }
    }

    static let machines: [MachineExample] = [
        MachineExample(name: "bare-container", isHealthy: false, facts: .bareContainer),
        MachineExample(name: "machine-with-cgroup-v2", isHealthy: true, facts: .healthy),
        MachineExample(name: "systemd-without-killmode", isHealthy: true, facts: .systemdWithoutKillMode),
        MachineExample(name: "ordinary-user", isHealthy: true, facts: .ordinaryUser),
        MachineExample(name: "old-kernel", isHealthy: true, facts: .oldKernel),
        MachineExample(name: "full-disk", isHealthy: false, facts: .fullDisk),
    ]

    @Test("OB-4: The doctor view reports six example machines as text and JSON", arguments: machines)
    func goldens(_ machine: MachineExample) throws {
        let report = DoctorReport(machine.facts)
        expectGolden(DoctorView().text(report), "doctor-\(machine.name).txt")
        let json = DoctorView.json(report).text(.pretty) + "\n"
        expectGolden(json, "doctor-\(machine.name).json")
        #expect(report.isHealthy == machine.isHealthy)
        #expect(
            try SchemaValidator(JSONValue(parsing: OutputSchema.doctor.json.text()), isClosed: true).errors(
                in: JSONValue(parsing: json)
            ) == []
        )
    }

    @Test("OB-4: Every problem has a consequence, and every check has its own code", arguments: machines)
    func explained(_ machine: MachineExample) {
        let findings = DoctorReport(machine.facts).checks
        #expect(Set(findings.map(\.code)).count == findings.count)
        for finding in findings {
            #expect((finding.mark == .fine) == (finding.meaning == nil), "\(finding.code)")
            #expect(finding.mark != .missing || finding.help != nil, "\(finding.code) has no remedy")
        }
    }

    @Test("OB-4: The page docs/reference/doctor.md explains every check", arguments: machines)
    func documented(_ machine: MachineExample) throws {
        let page = SchemaTests.folder.appendingPathComponent("../docs/reference/doctor.md").standardized
        let text = try String(contentsOf: page, encoding: .utf8)
        for finding in DoctorReport(machine.facts).checks {
            #expect(text.contains("`\(finding.code)`"), "\(finding.code)")
        }
    }

    @Test("CR-6: The doctor view warns about safe mode with its reason and a remedy")
    func safeMode() throws {
        var facts = MachineFacts.healthy
        facts.supervision.reconciler?.safeMode = "it crashed 3 times; it ends by itself"
        let report = DoctorReport(facts)
        let finding = try #require(report.checks.first { $0.code == "reconciler" })
        #expect(finding.mark == .warning && finding.help?.contains("/etc/heroproc/services.d") == true)
        #expect(finding.meaning == "no changes are applied: it crashed 3 times; it ends by itself")
        #expect(report.isHealthy)
    }

    @Test("OB-4: One missing requirement makes a machine unhealthy")
    func singleFailures() {
        let breaks: [(String, (inout MachineFacts) -> Void)] = [
            ("pidfd", { $0.kernelFeatures.remove(.pidfd) }),
            ("pidfd_wait", { $0.kernelFeatures.remove(.pidfdWait) }),
            ("sealed_memory", { $0.kernelFeatures.remove(.sealedMemory) }),
            ("sock_diag", { $0.kernelFeatures.remove(.socketTables) }),
            ("open_files", { $0.limits.openFilesHard = 64 }),
            ("processes", { $0.limits.pidMax = $0.limits.pids + 10 }),
            ("boot_id", { $0.clocks.bootID = "" }),
            ("boot_clock", { $0.clocks.isConsistent = false }),
            ("state_fs", { $0.directories[0].fileSystem = "nfs4" }),
            ("state_fs", { $0.directories[0].fileSystem = "fuse" }),
            ("state_fs", { $0.directories[0].fileSystem = "fuseblk" }),
            ("state_fs", { $0.directories[0].fileSystem = "fuse.fuse-overlayfs" }),
            ("state_fs", { $0.directories[0].isReadOnly = true }),
            ("run_fs", { $0.directories[1].fileSystem = "fuse.sshfs" }),
            ("state_space", { $0.directories[0].freeFiles = 3 }),
            ("state_access", { $0.directories[0].insecurityReason = "/srv: it belongs to the user 1000" }),
            ("services_access", { $0.directories[2].insecurityReason = "/srv: others may write to it" }),
            ("services_dir", { $0.directories[2].exists = false }),
            ("hpshim", { $0.programs.shimProtocol = 2 }),
            ("hpshim", { $0.programs.shimProblem = "there is no /usr/bin/hpshim" }),
            ("set", { $0.manifests = .unreadable("cannot read the services directory") }),
            ("set", { $0.manifests = .invalid(count: 2, first: "a.yaml:1:1: no") }),
            ("core", { $0.manifests = .coreMissing("not declared", help: "declare it") }),
        ]
        #expect(DoctorReport(.healthy).isHealthy)
        for (code, breakFact) in breaks {
            var facts = MachineFacts.healthy
            breakFact(&facts)
            let report = DoctorReport(facts)
            #expect(!report.isHealthy)
            #expect(report.checks.filter { $0.mark == .missing }.map(\.code) == [code])
        }
    }

    @Test("The doctor view escapes control characters in facts")
    func hostileTexts() {
        var facts = MachineFacts.healthy
        facts.kernelRelease = hostile
        facts.programs.git = hostile
        facts.directories[2].path = hostile
        facts.directories[2].exists = false
        facts.manifests = .invalid(count: 1, first: hostile)
        #expect(isHarmless(DoctorView().text(DoctorReport(facts))))
        #expect(isHarmless(DoctorView(OutputStyle(width: 60)).text(DoctorReport(facts))))
    }

    @Test("The doctor view wraps its lines to the width of the terminal")
    func lineWidths() {
        let text = DoctorView(OutputStyle(width: 80)).text(DoctorReport(.bareContainer))
        for line in text.split(separator: "\n") where line.count > 80 {
            Issue.record("\(line.count) columns: \(line)")
        }
    }
}

extension MachineFacts {
    /// A machine without problems.
    static var healthy: MachineFacts {
        var facts = MachineFacts()
        facts.kernelRelease = "Linux 6.18.4"
        facts.kernelFeatures = Set(KernelFeature.allCases)
        facts.containment.method = .cgroup
        facts.containment.parent = "/sys/fs/cgroup"
        facts.containment.controllers = ["cpu", "memory", "pids"]
        facts.containment.killsAtOnce = true
        facts.privileges.canChangeUser = true
        facts.privileges.canSignalOthers = true
        facts.privileges.canInspectOthers = true
        facts.privileges.canLowerOutOfMemoryScore = true
        facts.limits.openFilesSoft = 1024
        facts.limits.openFilesHard = 524_288
        facts.limits.pidMax = 4_194_304
        facts.limits.pids = 312
        facts.limits.inotifyWatches = 65_536
        facts.limits.inotifyInstances = 128
        facts.clocks.bootID = "7a1c3c0e-55a6-4a0e-9a3f-0d6c2f0b8b11"
        facts.clocks.wallTime = WallTime(microseconds: 1_795_000_000_000_000)
        facts.clocks.isConsistent = true
        facts.directories = [
            .present(.state, "/var/lib/heroproc", "ext4"), .present(.run, "/run/heroproc/9f2c6a17b4e0d853", "tmpfs"),
            .present(.services, "/etc/heroproc/services.d", "ext4"),
        ]
        facts.programs.shim = "/usr/local/bin/hpshim"
        facts.programs.shimProtocol = 3
        facts.programs.ownProtocol = 3
        facts.programs.git = "git version 2.51.0"
        facts.programs.sqlite = 3_051_003
        facts.supervision.reconciler = .init(pid: 412, mode: "watch", directory: "/etc/heroproc/services.d")
        facts.manifests = .valid(services: 12, actions: 2, core: [QualifiedName("hero_db")])
        return facts
    }

    /// A container without privileges and without preparation.
    fileprivate static var bareContainer: MachineFacts {
        var facts = healthy
        facts.containment = ContainmentFacts()
        facts.containment.limitation = .notWritable("/sys/fs/cgroup")
        facts.privileges.canInspectOthers = false
        facts.privileges.canLowerOutOfMemoryScore = false
        facts.privileges.hasNoNewPrivileges = true
        facts.limits.openFilesHard = 512
        facts.limits.cgroupPidMax = 100
        facts.limits.cgroupPids = 20
        facts.directories = [
            .absent(.state, "/var/lib/heroproc", "overlay"), .absent(.run, "/run/heroproc/9f2c6a17b4e0d853", "overlay"),
            .absent(.services, "/etc/heroproc/services.d", "overlay"),
        ]
        facts.directories[2].isWritable = false
        facts.programs.git = nil
        facts.programs.sqlite = 3_040_001
        facts.programs.shim = nil
        facts.programs.shimProtocol = nil
        facts.programs.shimProblem = "there is no /usr/local/bin/hpshim; put hpshim there, or name it in HEROPROC_SHIM"
        facts.supervision.reconciler = nil
        facts.manifests = .unreadable(
            "cannot read the services directory /etc/heroproc/services.d: No such file or directory"
        )
        return facts
    }

    /// A unit without `KillMode=process`.
    fileprivate static var systemdWithoutKillMode: MachineFacts {
        var facts = healthy
        facts.kernelRelease = "Linux 6.12.48+deb13-amd64"
        facts.kernelFeatures.remove(.exitInfo)
        facts.containment = ContainmentFacts()
        facts.containment.limitation = .notDelegated("/sys/fs/cgroup/system.slice/heroproc.service")
        facts.limits.cgroupPidMax = 4915
        facts.limits.cgroupPids = 40
        facts.programs.sqlite = 3_046_001
        facts.supervision.hasSystemd = true
        facts.supervision.unit = .init(name: "heroproc.service", killMode: "control-group", delegates: false)
        facts.openNotifySockets = ["core/db.server", "core/web.server"]
        var summary = ConfinementSummary()
        summary.actions = 7
        summary.sandboxed = ["core/api.server"]
        summary.unconfined = ["core/a.main", "core/b.main", "core/db.server", "core/web.server"]
        facts.confinement = summary
        return facts
    }

    /// An ordinary user in a login session.
    fileprivate static var ordinaryUser: MachineFacts {
        var facts = healthy
        facts.containment = ContainmentFacts()
        facts.containment.limitation = .notWritable("/sys/fs/cgroup/user.slice/user-1000.slice/session-3.scope")
        facts.privileges = PrivilegeFacts()
        facts.privileges.uid = 1000
        var summary = ConfinementSummary()
        summary.actions = 2
        summary.sandboxed = ["core/api.server", "core/web.server"]
        facts.confinement = summary
        facts.limits.openFilesHard = 1_048_576
        facts.limits.processes = 63_000
        facts.limits.ownProcesses = 84
        facts.directories = [
            .present(.state, "/home/ann/.local/state/heroproc", "btrfs", owner: 1000),
            .present(.run, "/run/user/1000/heroproc/9f2c6a17b4e0d853", "tmpfs", owner: 1000),
            .present(.services, "/home/ann/app/services.d", "btrfs", owner: 1000),
        ]
        facts.supervision.hasSystemd = true
        facts.supervision.loginSession = "session-3.scope"
        facts.supervision.reconciler = .init(pid: 2412, mode: "background", directory: "/home/ann/app/services.d")
        facts.manifests = .valid(services: 1, actions: 0, core: [])
        return facts
    }

    /// A distribution of 2021 with the v1 freezer.
    fileprivate static var oldKernel: MachineFacts {
        var facts = healthy
        facts.kernelRelease = "Linux 5.10.0-32-amd64"
        for ability in [KernelFeature.pidfs, .groupSignal, .exitInfo] { facts.kernelFeatures.remove(ability) }
        facts.containment = ContainmentFacts()
        facts.containment.method = .freezer
        facts.containment.parent = "/sys/fs/cgroup/freezer"
        facts.containment.limitation = .notMounted
        facts.limits.pidMax = 32_768
        facts.limits.inotifyWatches = 8192
        facts.programs.git = "git version 2.30.2"
        facts.programs.sqlite = 3_034_001
        return facts
    }

    /// A full disk, and manifests on a network file system.
    fileprivate static var fullDisk: MachineFacts {
        var facts = healthy
        facts.directories[0].freeBytes = 40_960
        facts.directories[0].freeFiles = 12
        facts.directories[1].freeFiles = 900
        facts.directories[2].fileSystem = "nfs4"
        facts.directories[2].owner = 1001
        facts.directories[2].mode = 0o755
        facts.clocks.wallTime = WallTime(microseconds: 61_000_000)
        facts.manifests = .invalid(
            count: 3,
            first: "/etc/heroproc/services.d/web.yaml:4:1: unknown key `require`; did you mean `requires`?"
        )
        return facts
    }
}

extension DirectoryFacts {
    /// An existing directory with free space.
    fileprivate static func present(_ role: Role, _ path: String, _ kind: String, owner: UInt32 = 0) -> DirectoryFacts {
        var facts = DirectoryFacts(role, path)
        facts.exists = true
        facts.fileSystem = kind
        facts.freeBytes = 48 << 30
        facts.freeFiles = 3_000_000
        facts.isWritable = true
        facts.owner = owner
        facts.mode = role == .services ? 0o755 : 0o700
        return facts
    }

    /// A missing directory that can be created.
    fileprivate static func absent(_ role: Role, _ path: String, _ kind: String) -> DirectoryFacts {
        var facts = present(role, path, kind)
        facts.exists = false
        return facts
    }
}
