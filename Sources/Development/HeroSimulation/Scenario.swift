import HeroModel
import HeroRandom
import HeroSim

/// A random set of services that can be edited at random and written as manifests.
struct Scenario {
    struct Service {
        var name: String
        var requires: [String] = []
        var after: [String] = []
        var status = DesiredStatus.start
        var isSystem = false
        var isParallel = false
        var replacesJobs = true
        var removesJobs = false
        var version = 0
        var tag = 0
        /// Whether its jobs have `once`.
        var runsOnce = false
        /// Whether it has an action that runs after a stop.
        var hasStoppedAction = false
        /// Whether its end stops everything.
        var isEssential = false
        /// The number of `generation` of its jobs.
        var generation = 0
        /// The kinds of its actions: the second argument of a simulated program.
        var kinds: [String]
        var isDeclared = true

        /// An item of `requires`: some need not be up, and some do not cascade.
        func requirement(_ other: Service) -> String {
            switch ((name.utf8.last ?? 0) &* 3 &+ (other.name.utf8.last ?? 0) &* 5) & 7 {
            case 0: "{service: \(other.name), until: started}"
            case 1: "{service: \(other.name), cascade: false}"
            case 2: "{service: \(other.name), until: started, cascade: false}"
            case 3 where other.kinds.contains("job"): "{service: \(other.name), until: ended}"
            default: other.name
            }
        }
    }

    static let kinds = [
        "steady", "steady", "steady", "job", "job", "crashing", "stubborn", "slow", "port", "hanging", "notifier",
    ]
    static let directory = "/etc/sim"

    var services: [Service]
    var standalone: [Standalone] = []

    /// Makes a random set: dependencies lead from later services to earlier ones, so there is no cycle.
    init(_ generator: inout SeededGenerator) {
        services = []
        for index in 0..<generator.number(2...7) {
            var service = Service(name: "s\(index)", kinds: [])
            for _ in 0..<generator.number(1...2) {
                service.kinds.append(Self.kinds[generator.number(0...(Self.kinds.count - 1))])
            }
            for earlier in 0..<index {
                if generator.chance(25) { service.requires.append("s\(earlier)") }
                if generator.chance(10) { service.after.append("s\(earlier)") }
            }
            service.isSystem = generator.chance(15)
            service.isParallel = generator.chance(30)
            service.replacesJobs = generator.chance(70)
            service.removesJobs = generator.chance(20)
            service.runsOnce = generator.chance(40)
            service.hasStoppedAction = generator.chance(25)
            // A service whose jobs all end would stop everything after each apply.
            service.isEssential = generator.chance(10) && !service.kinds.contains("job")
            services.append(service)
        }
        for index in 0..<generator.number(0...3) { standalone.append(Standalone("t\(index)", &generator)) }
    }

    /// Makes one to three random edits.
    mutating func edit(_ generator: inout SeededGenerator) {
        for _ in 0..<generator.number(1...3) {
            if !standalone.isEmpty, generator.chance(30) {
                standalone[generator.number(0...(standalone.count - 1))].edit(&generator)
                continue
            }
            let index = generator.number(0...(services.count - 1))
            switch generator.number(0...7) {
            case 0, 1: services[index].version += 1
            case 2: services[index].status = .stop
            case 3: services[index].status = .start
            case 4: services[index].isDeclared.toggle()
            case 5: if generator.chance(50) { services[index].tag += 1 } else { services[index].generation += 1 }
            case 6:
                if let dropped = services[index].requires.indices.last { services[index].requires.remove(at: dropped) }
            default: services[index].status = generator.chance(50) ? .ignore : .spec
            }
        }
    }

    /// Starts every ignored service.
    mutating func startAll() {
        for index in services.indices where services[index].status == .ignore { services[index].status = .start }
    }

    /// The manifests, without references to services that are not declared.
    var files: [ManifestFile] {
        let declared = Set(services.filter(\.isDeclared).map(\.name))
        var text = "kind: Settings\nrequired: []\nsettle: 50ms\n"
        for service in services where service.isDeclared { text += "---\n" + manifest(of: service, declared) }
        for action in standalone where action.isDeclared { text += "---\n" + action.manifest }
        return [ManifestFile(path: "sim.yaml", baseDirectory: Self.directory, bytes: Array(text.utf8))]
    }

    private func manifest(of service: Service, _ declared: Set<String>) -> String {
        var text = "kind: Service\nname: \(service.name)\nstatus: \(service.status.rawValue)\n"
        let requires = service.requires.filter(declared.contains)
        let after = service.after.filter { declared.contains($0) && !requires.contains($0) }
        let required = services.filter { requires.contains($0.name) }
        if !required.isEmpty { text += "requires: [\(required.map(service.requirement).joined(separator: ", "))]\n" }
        if service.isEssential { text += "essential: true\n" }
        if !after.isEmpty { text += "after: [\(after.joined(separator: ", "))]\n" }
        if service.isSystem { text += "class: system\n" }
        if service.isParallel { text += "start_order: parallel\n" }
        if !service.replacesJobs { text += "start: {replace_existing_jobs: false}\n" }
        if service.removesJobs { text += "stop: {remove_jobs: true}\n" }
        if service.tag > 0 { text += "tags: [t\(service.tag)]\n" }
        text += "env: {VERSION: \(service.version)}\nactions:\n"
        for (index, kind) in service.kinds.enumerated() {
            text += "  - name: a\(index)\n    exec: [sim, \(kind)]\n"
            text += "    stop: {timeout: 200ms}\n    start_timeout: 1s\n"
            if kind == "job" {
                text += "    retry: {max_attempts: 3, delay: 10ms, stable_after: 1s}\n"
                if service.runsOnce { text += "    once: true\n" }
                if service.generation > 0 { text += "    generation: \(service.generation)\n" }
            } else {
                let limit = service.isEssential ? "max_attempts: 5, " : ""
                text +=
                    "    is_process: true\n    retry: {\(limit)delay: 10ms, max_delay: 200ms, stable_after: 300ms}\n"
            }
            if kind == "hanging" {
                text += "    health: {unix: /sick, interval: 500ms, timeout: 20ms, failures: 2}\n"
            }
            if kind == "notifier" { text += "    ready: {notify: true}\n    health: {watchdog: 800ms}\n" }
            if kind == "port" {
                let port = 2000 + index + 10 * (Int(service.name.dropFirst()) ?? 0)
                text += "    tcp_ports: [\(port)]\n    kill_others: \(port.isMultiple(of: 2))\n"
            }
        }
        if service.hasStoppedAction {
            text += "  - {name: clean, exec: [sim, job], when: stopped, timeout: 300ms, stop: {timeout: 200ms}}\n"
        }
        return text
    }
}
