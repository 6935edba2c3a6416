import HeroModel

/// What one execution of a program will do, decided when it begins.
///
/// A simulated program is described by its arguments: `["sim", "steady"]`, `["sim", "job"]`, `["sim", "crashy"]` and so on, so
/// that manifests say what their programs are like.
struct ProgramBehaviour {
    /// When it answers probes and listens, after its start.
    var readyAfter: Duration?
    /// When it stops answering, after its start; nil: never.
    var hangsAfter: Duration?
    /// When it ends by itself; nil: never.
    var endsAfter: Duration?
    /// How it ends then.
    var ending = Outcome.exited(0)
    /// How long it takes to end after SIGTERM; nil: it ignores it.
    var stopsAfter: Duration?
    /// Whether not even SIGKILL ends it.
    var isUnkillable = false

    /// Draws what this execution does.
    ///
    /// While there is misfortune everybody may crash now and then.
    static func draw(_ kind: String, isCalm: Bool, _ seed: inout SeededGenerator) -> ProgramBehaviour {
        var behaviour = ProgramBehaviour(
            readyAfter: seed.milliseconds(0...40),
            endsAfter: nil,
            stopsAfter: seed.milliseconds(0...50)
        )
        switch kind {
        case "job":
            behaviour.endsAfter = seed.milliseconds(1...80)
            if !isCalm, seed.chance(20) { behaviour.ending = .exited(Int32(seed.number(1...9))) }
        case "long":
            behaviour.endsAfter = seed.milliseconds(200...2500)
        case "exit3":
            behaviour.endsAfter = .milliseconds(1)
            behaviour.ending = .exited(3)
            return behaviour
        case "immortal":
            behaviour.stopsAfter = nil
            behaviour.isUnkillable = true
            return behaviour
        case "crashy":
            behaviour.endsAfter = isCalm ? nil : seed.milliseconds(5...400)
            behaviour.ending =
                seed.chance(50) ? .exited(Int32(seed.number(0...255))) : .signaled(.kill, coreDumped: false)
        case "sickly", "herald":
            if !isCalm, seed.chance(60) { behaviour.hangsAfter = seed.milliseconds(50...600) }
        case "slow-herald":
            behaviour.readyAfter = .milliseconds(500)
        case "hanging-herald":
            behaviour.hangsAfter = .seconds(1)
        case "stubborn":
            if !isCalm || seed.chance(50) { behaviour.stopsAfter = nil }
        case "slow":
            behaviour.readyAfter = isCalm ? seed.milliseconds(0...300) : seed.milliseconds(0...3000)
        default:
            break
        }
        if !isCalm, kind != "job", kind != "long", seed.chance(10) {
            behaviour.endsAfter = seed.milliseconds(0...500)
            behaviour.ending = .exited(Int32(seed.number(0...3)))
        }
        return behaviour
    }
}
