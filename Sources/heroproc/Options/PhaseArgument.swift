import ArgumentParser
import HeroModel

/// A phase of a job.
struct PhaseArgument: ExpressibleByArgument {
    /// The phase.
    let phase: JobPhase

    /// Parses a phase.
    init?(argument: String) {
        guard let phase = JobPhase(rawValue: argument) else { return nil }
        self.phase = phase
    }

    static var allValueStrings: [String] { JobPhase.allCases.map(\.rawValue) }
}
