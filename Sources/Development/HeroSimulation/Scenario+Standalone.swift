import HeroModel
import HeroRandom
import HeroSim

extension Scenario {
    /// A standalone action: it runs once for each change, or by a schedule.
    struct Standalone {
        enum Trigger {
            case apply
            /// Every given number of seconds.
            case every(Int)
            /// At every full minute.
            case minutes
        }

        var name: String
        var trigger: Trigger
        var overlap = Schedule.Overlap.skip
        var kind: String
        var version = 0
        var generation = 0
        var tag = 0
        var isDeclared = true

        var isScheduled: Bool {
            switch trigger {
            case .apply: false
            case .every, .minutes: true
            }
        }

        init(_ name: String, _ generator: inout SeededGenerator) {
            self.name = name
            switch generator.number(0...9) {
            case 0...4: trigger = .apply
            case 5...8: trigger = .every(generator.number(1...3))
            default: trigger = .minutes
            }
            overlap = Schedule.Overlap.allCases[generator.number(0...2)]
            kind = generator.chance(50) ? "job" : "long"
        }

        /// Makes one random edit.
        mutating func edit(_ generator: inout SeededGenerator) {
            switch generator.number(0...5) {
            case 0, 1: version += 1
            case 2: generation += 1
            case 3: tag += 1
            case 4: isDeclared.toggle()
            default: overlap = Schedule.Overlap.allCases[generator.number(0...2)]
            }
        }

        var manifest: String {
            var text = "kind: Action\nname: \(name)\nexec: [sim, \(kind)]\nenv: {VERSION: \(version)}\n"
            text += "stop: {timeout: 200ms}\nstart_timeout: 1s\nretry: {max_attempts: 2, delay: 10ms}\n"
            if generation > 0 { text += "generation: \(generation)\n" }
            if tag > 0 { text += "tags: [t\(tag)]\n" }
            switch trigger {
            case .apply: text += "run_on: apply\n"
            case .every(let seconds): text += "schedule: {every: \(seconds)s, overlap: \(overlap.rawValue)}\n"
            case .minutes: text += "schedule: {cron: \"* * * * *\", overlap: \(overlap.rawValue)}\n"
            }
            return text
        }
    }

    /// Removes all scheduled actions: with them the machine never settles.
    mutating func removeSchedules() {
        for index in standalone.indices where standalone[index].isScheduled { standalone[index].isDeclared = false }
    }
}
