import CHeroLinux
import CHeroRecord
import Glibc
public import HeroModel

/// Inspects a machine for `doctor` (OB-4).
///
/// It changes nothing.
public enum MachineInspector {
    /// Collects all facts, except those of the store and the manifests.
    ///
    /// - Parameters:
    ///   - paths: The state directory and the run directory, which need not exist.
    ///   - services: The absolute services directory.
    ///   - environment: The environment of this process.
    /// - Returns: The facts.
    public static func inspect(
        _ paths: RuntimePaths,
        services: String,
        environment: [String: String]
    ) -> MachineFacts {
        var facts = MachineFacts()
        facts.kernelRelease = kernelRelease
        facts.kernelFeatures = abilities
        facts.containment = inspectContainment(environment)
        facts.privileges = rights
        facts.limits = limits
        facts.clocks = clocks
        let mounts = MountTable.current
        facts.directories = [
            inspectFolder(.state, paths.state, mounts, environment),
            inspectFolder(.run, paths.run, mounts, environment),
            inspectFolder(.services, services, mounts, environment),
        ]
        facts.databaseLog = DatabaseLog.inspect(database: paths.database)
        facts.programs = inspectPrograms(environment)
        facts.supervision = inspectSupervision(paths, environment)
        return facts
    }

    // MARK: - Kernel

    private static var kernelRelease: String {
        var names = utsname()
        guard uname(&names) == 0 else { return "" }
        func text<Field>(_ field: Field) -> String {
            withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        }
        return "\(text(names.sysname)) \(text(names.release))"
    }

    private static var abilities: Set<MachineFacts.KernelFeature> {
        Set(MachineFacts.KernelFeature.allCases.filter(isSupported))
    }

    private static func isSupported(_ ability: MachineFacts.KernelFeature) -> Bool {
        switch ability {
        case .pidfd: return isDescriptor(hl_pidfd_open(getpid()))
        case .pidfdWait: return hl_has_pidfd_wait() == 1
        case .pidfs:
            let number = hl_pidfd_open(getpid())
            guard number >= 0 else { return false }
            defer { close(number) }
            return hl_pidfs_inode(number) != 0
        case .groupSignal: return hl_has_group_signal() == 1
        case .exitInfo: return hl_has_exit_info() == 1
        case .closeRange: return hl_has_close_range() == 1
        case .sealedMemory: return isDescriptor("hp".withCString { hl_sealed_memfd($0, 2) })
        case .socketTables: return [1, 4].allSatisfy { hl_list_listeners($0, nil, 0) >= 0 }
        case .clockWatch: return isDescriptor(hl_clock_watch_create())
        }
    }

    /// Whether a call has returned a descriptor, which is closed again.
    private static func isDescriptor(_ number: Int32) -> Bool {
        guard number >= 0 else { return false }
        close(number)
        return true
    }

    private static var clocks: ClockFacts {
        var facts = ClockFacts()
        facts.bootID = ProcessTable.currentMachine.bootID
        facts.wallTime = currentWallTime()
        // The boot clock is read second, so it must not be behind the monotonic clock.
        let monotonic = hl_monotonic_clock()
        facts.isConsistent = hl_boot_clock() >= monotonic
        let offsets = (readText("/proc/self/timens_offsets") ?? "").split(separator: "\n")
        facts.isInTimeNamespace = offsets.contains { line in
            line.split(separator: " ").dropFirst().contains { $0 != "0" }
        }
        return facts
    }

    // MARK: - Privileges

    private static var rights: PrivilegeFacts {
        let status = (readText("/proc/self/status") ?? "").split(separator: "\n")
        func value(_ key: String) -> String {
            status.first { $0.hasPrefix(key + ":") }?.dropFirst(key.utf8.count + 1).trimmed ?? ""
        }
        let capabilities = UInt64(value("CapEff"), radix: 16) ?? 0
        func holds(_ bits: UInt64...) -> Bool { bits.allSatisfy { capabilities & (1 << $0) != 0 } }
        var facts = PrivilegeFacts()
        facts.uid = geteuid()
        facts.hasNoNewPrivileges = value("NoNewPrivs") == "1"
        // linux/capability.h: CAP_KILL 5, CAP_SETGID 6, CAP_SETUID 7, CAP_SYS_PTRACE 19, CAP_SYS_RESOURCE 24.
        facts.canSignalOthers = holds(5)
        facts.canChangeUser = holds(6, 7)
        facts.canInspectOthers = holds(19)
        facts.canLowerOutOfMemoryScore = holds(24)
        return facts
    }

    // MARK: - Programs

    private static func inspectPrograms(_ environment: [String: String]) -> ProgramFacts {
        var facts = ProgramFacts()
        facts.ownProtocol = Int(HERO_SPEC_VERSION)
        do throws(LinuxError) {
            let shim = try ShimLauncher.findShim(nil, environment: environment)
            facts.shim = shim
            let result = try CommandRunner.runCommand([shim, "version"], environment: [:])
            let fields = result.outputText.split(separator: " ")
            // `hpshim: protocol 3, records 2`
            if result.exitCode == 0, fields.count >= 3, fields[1] == "protocol" {
                facts.shimProtocol = Int(fields[2].prefix { $0.isNumber })
            } else {
                facts.shimProblem = "\(shim) does not report its protocol version"
            }
        } catch {
            facts.shimProblem = facts.shim.map { "\($0) cannot be run: \(error.cause)" } ?? error.cause
        }
        if let result = try? CommandRunner.runCommand(["git", "--version"], environment: environment),
            result.exitCode == 0
        {
            facts.git = result.outputText
        }
        return facts
    }
}
