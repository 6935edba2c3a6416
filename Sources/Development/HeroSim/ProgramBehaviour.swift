import HeroModel
import HeroRandom

/// What one execution of a simulated program does, decided when it begins.
///
/// The second argument of its command selects the kind of program: `["sim", "steady"]`, `["sim", "job"]`, `["sim",
/// "crashing"]` and so on. Manifests therefore declare how their programs behave.
struct ProgramBehaviour {
    /// How long after its start its probes succeed.
    var readyAfter: Duration?
    /// How long after its start it hangs, so that its probes fail; nil: never.
    var hangsAfter: Duration?
    /// How long after its start it exits by itself; nil: never.
    var endsAfter: Duration?
    /// How it exits then.
    var ending = Outcome.exited(0)
    /// How long it takes to exit after SIGTERM; nil: it ignores SIGTERM.
    var stopsAfter: Duration?
    /// Whether it survives SIGKILL.
    var isUnkillable = false

    /// Chooses what an execution does.
    ///
    /// While faults are injected, any program may crash.
    static func draw(_ kind: String, isFaultFree: Bool, _ generator: inout SeededGenerator) -> ProgramBehaviour {
        var behaviour = ProgramBehaviour(
            readyAfter: generator.milliseconds(0...40),
            endsAfter: nil,
            stopsAfter: generator.milliseconds(0...50)
        )
        switch kind {
        case "job":
            behaviour.endsAfter = generator.milliseconds(1...80)
            if !isFaultFree, generator.chance(20) { behaviour.ending = .exited(Int32(generator.number(1...9))) }
        case "long":
            behaviour.endsAfter = generator.milliseconds(200...2500)
        case "exit3":
            behaviour.endsAfter = .milliseconds(1)
            behaviour.ending = .exited(3)
            return behaviour
        case "unkillable":
            behaviour.stopsAfter = nil
            behaviour.isUnkillable = true
            return behaviour
        case "crashing":
            behaviour.endsAfter = isFaultFree ? nil : generator.milliseconds(5...400)
            behaviour.ending =
                generator.chance(50) ? .exited(Int32(generator.number(0...255))) : .signaled(.kill, coreDumped: false)
        case "hanging", "notifier":
            if !isFaultFree, generator.chance(60) { behaviour.hangsAfter = generator.milliseconds(50...600) }
        case "slow-notifier":
            behaviour.readyAfter = .milliseconds(500)
        case "hanging-notifier":
            behaviour.hangsAfter = .seconds(1)
        case "stubborn":
            if !isFaultFree || generator.chance(50) { behaviour.stopsAfter = nil }
        case "slow":
            behaviour.readyAfter = isFaultFree ? generator.milliseconds(0...300) : generator.milliseconds(0...3000)
        default:
            break
        }
        if !isFaultFree, kind != "job", kind != "long", generator.chance(10) {
            behaviour.endsAfter = generator.milliseconds(0...500)
            behaviour.ending = .exited(Int32(generator.number(0...3)))
        }
        return behaviour
    }
}
