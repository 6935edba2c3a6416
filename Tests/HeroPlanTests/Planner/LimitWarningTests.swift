import HeroModel
import HeroPlan
import Testing

@Suite("Limits that the machine cannot hold")
struct LimitWarningTests {
    private static let place = ManifestLocation(file: "web.yaml", line: 1, column: 7)
    private static let limitPlace = ManifestLocation(file: "web.yaml", line: 9, column: 15)

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
                    at: Self.place,
                    fieldLocations: ["actions.server.limits.pids": Self.limitPlace]
                )
            ],
            actions: [
                name: Declared(standalone, at: Self.place), QualifiedName("part"): Declared(action, at: Self.place),
            ]
        )
    }

    @Test("SP-5: are warnings with their place, for services that are run and actions that run by themselves")
    func warnings() {
        let limits = ResourceLimits(openFiles: 10, memoryBytes: 1 << 20, treeProcesses: 5, processors: 0.5)
        let found = desired(limits).limitWarnings(on: ContainmentSupport())
        #expect(found.allSatisfy { $0.severity == .warning && $0.code == "limit-not-available" })
        #expect(
            found.map { $0.message.split(separator: ":")[0] } == [
                "`limits.memory` of core/web.server holds for the address space of each of its processes, not for all of them together",
                "`limits.pids` of core/web.server has no effect", "`limits.cpu` of core/web.server has no effect",
                "`limits.memory` of core/job holds for the address space of each of its processes, not for all of them together",
                "`limits.pids` of core/job has no effect", "`limits.cpu` of core/job has no effect",
            ]
        )
        #expect(found.map(\.location)[0...1] == [Self.place, Self.limitPlace])
    }

    @Test("SP-5: nothing is said where the machine can, of limits of a process, or of what is not run")
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
