import HeroModel
import HeroPlan
import Testing

@Suite("Warnings about limits that the machine cannot enforce")
struct LimitWarningTests {
    private static let location = ManifestLocation(file: "web.yaml", line: 1, column: 7)
    private static let limitLocation = ManifestLocation(file: "web.yaml", line: 9, column: 15)

    private func desired(_ limits: ResourceLimits, _ status: DesiredStatus = .start) -> DesiredState {
        var action = ActionSpec("server", .exec(["/bin/true"]))
        action.limits = limits
        var standalone = action
        standalone.runOn = .apply
        var service = ServiceSpec(QualifiedName("web"), actions: [action])
        service.status = status
        let name = QualifiedName("job")
        return DesiredState(
            services: [
                service.name: Declared(
                    service,
                    at: Self.location,
                    fieldLocations: ["actions.server.limits.pids": Self.limitLocation]
                )
            ],
            actions: [
                name: Declared(standalone, at: Self.location),
                QualifiedName("part"): Declared(action, at: Self.location),
            ]
        )
    }

    @Test("SP-5: Limits that the machine cannot enforce give warnings with their location")
    func warnings() {
        let limits = ResourceLimits(openFiles: 10, memoryBytes: 1 << 20, treeProcesses: 5, processors: 0.5)
        let found = desired(limits).limitWarnings(on: ContainmentSupport())
        #expect(found.allSatisfy { $0.severity == .warning && $0.code == "limit-not-available" })
        let memory = "is not enforced"
        #expect(
            found.map { $0.message.split(separator: ",").dropLast().joined(separator: ",") } == [
                "`limits.memory` of core/web.server \(memory)",
                "`limits.pids` of core/web.server has no effect", "`limits.cpu` of core/web.server has no effect",
                "`limits.memory` of core/job \(memory)",
                "`limits.pids` of core/job has no effect", "`limits.cpu` of core/job has no effect",
            ]
        )
        #expect(found.allSatisfy { $0.message.hasSuffix(", because heroproc has no cgroup v2 for it here") })
        #expect(found.map(\.location)[0...1] == [Self.location, Self.limitLocation])
    }

    @Test("Only a hard limit above that of heroproc gives a warning")
    func softAndHardLimits() {
        let limits = ResourceLimits(
            openFiles: ProcessLimit(soft: 1024, hard: 4096),
            fileBytes: ProcessLimit(soft: 1 << 20, hard: ProcessLimit.unlimited),
            stackBytes: ProcessLimit(ProcessLimit.unlimited)
        )
        let maximum = ResourceLimits(
            openFiles: 4096,
            fileBytes: ProcessLimit(1 << 30),
            stackBytes: ProcessLimit(1 << 23)
        )
        let found = desired(limits).limitWarnings(on: ContainmentSupport(maximumLimits: maximum))
        let cause = "because heroproc may not exceed its own hard limit"
        #expect(
            found.map(\.message).prefix(2) == [
                "`limits.fsize` of core/web.server is set to {soft: 1MiB, hard: 1GiB}, \(cause)",
                "`limits.stack` of core/web.server is set to 8MiB, \(cause)",
            ]
        )
    }

    @Test("A limit above the hard limit gives a warning that names the value set")
    func aboveHardLimit() {
        let limits = ResourceLimits(openFiles: 4097, processes: 100, coreBytes: ProcessLimit(1 << 20))
        let maximum = ResourceLimits(openFiles: 4096, processes: 100, coreBytes: 0)
        let found = desired(limits).limitWarnings(on: ContainmentSupport(maximumLimits: maximum))
        #expect(
            found.map(\.message).prefix(2) == [
                "`limits.nofile` of core/web.server is set to 4096, because heroproc may not exceed its own hard limit",
                "`limits.core` of core/web.server is set to 0B, because heroproc may not exceed its own hard limit",
            ]
        )
        #expect(found.allSatisfy { $0.severity == .warning && $0.code == "limit-not-available" })
    }

    @Test("SP-5: Enforceable limits, process limits and ignored services give no warning")
    func noWarnings() {
        let limits = ResourceLimits(memoryBytes: 1 << 20, treeProcesses: 5, processors: 0.5)
        let able = ContainmentSupport(limitsMemory: true, limitsProcesses: true, limitsProcessors: true)
        #expect(desired(limits).limitWarnings(on: able).isEmpty)
        #expect(
            desired(ResourceLimits(openFiles: 1, processes: 1, coreBytes: 1)).limitWarnings(on: ContainmentSupport())
                .isEmpty
        )
        #expect(
            desired(limits, .ignore).limitWarnings(on: ContainmentSupport()).allSatisfy { !$0.message.contains("web") }
        )
    }
}
