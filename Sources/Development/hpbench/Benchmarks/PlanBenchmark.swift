import Foundation
import HeroModel
import HeroPlan

extension Benchmarks {
    /// Measures the planner alone, for layers of running services that require each other.
    mutating func measurePlans() throws {
        let sizes: [(figure: Figure, services: Int)] = [
            (.planThousand, 1000), (.planTenThousand, 10_000), (.planHundredThousand, 100_000),
        ]
        for (figure, services) in sizes {
            let (desired, observed) = Self.makeLayers(services)
            var times: [Double] = []
            for _ in 0..<(2 * self.sizes.repetitions + 1) {
                let begin = now()
                let plan = Planner.plan(desired, observed)
                times.append(seconds(from: begin, to: now()))
                guard plan.isEmpty else { throw BenchError("a plan for unchanged services is not empty") }
            }
            results[figure, .heroproc] = times.median
            log("a plan of \(services) services: \(String(format: "%.4f", times.median ?? 0)) s")
        }
    }

    /// Measures complete `diff` commands.
    mutating func measureDiffs() throws {
        try measureDiff(of: 1000, .diffThousand, .diffThousandMemory)
        try measureDiff(of: 10_000, .diffTenThousand, .diffMemory)
    }

    /// Measures a `diff` without any state: every service would start.
    private mutating func measureDiff(of count: Int, _ time: Figure, _ memory: Figure) throws {
        let folder = try directory.makeFolder("plans-\(count)")
        try "kind: Settings\nrequired: []\n".write(
            toFile: folder + "/settings.yaml",
            atomically: false,
            encoding: .utf8
        )
        for number in 0..<count {
            let requirement = number < count / 20 ? "" : "requires: [s\(number - count / 20)]\n"
            let text =
                "kind: Service\nname: s\(number)\n\(requirement)actions:\n"
                + "  - {name: main, exec: [sleep, infinity], is_process: true}\n"
            try text.write(toFile: "\(folder)/s\(number).yaml", atomically: false, encoding: .utf8)
        }
        var times: [Double] = []
        for _ in 0..<sizes.repetitions {
            let begin = now()
            let command = [directory.program("heroproc"), "diff", "-q", "-d", folder, "--state", folder + "/state"]
            let ending = try ChildProcess(command).wait()
            times.append(seconds(from: begin, to: now()))
            guard ending.code == 1 else { throw BenchError("`heroproc diff` ended with \(ending.code)") }
            results[memory, .heroproc] = ending.peakMemory
        }
        results[time, .heroproc] = times.median
        log("a diff of \(count) files: \(String(format: "%.3f", times.median ?? 0)) s")
    }

    /// Creates twenty layers of services; each service requires three of the layer below.
    private static func makeLayers(_ count: Int) -> (DesiredState, Observed) {
        var desired = DesiredState()
        var observed = Observed(revision: 1)
        let width = max(1, count / 20)
        for number in 0..<count {
            let name = QualifiedName("service-\(number)")
            let program = ActionSpec.Program.exec(["/usr/bin/service", "--number", "\(number)"])
            var spec = ServiceSpec(name, actions: [ActionSpec("main", program, isProcess: true)])
            spec.environment = ["NUMBER": .text("\(number)"), "LEVEL": .text("info")]
            if number >= width {
                let floor = (number / width - 1) * width
                spec.requires = (0..<3).map { QualifiedName("service-\(floor + (number * 7 + $0 * 13) % width)") }
            }
            let place = ManifestLocation(file: "services.d/service-\(number).yaml", line: 2, column: 7)
            desired.services[name] = Declared(spec, at: place)
            observed.services[name] = ObservedService(spec, .running, isActive: true)
        }
        return (desired, observed)
    }
}
