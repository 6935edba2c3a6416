public import HeroModel

/// A program that the database names as running.
public struct KnownProgram: Hashable, Sendable {
    /// The number of its start.
    public var generation: UInt32
    /// Its main process.
    public var process: ProcessIdentity
    /// When it was executed, on the calendar.
    public var startedAt: WallTime

    /// Makes a known program.
    public init(generation: UInt32, process: ProcessIdentity, startedAt: WallTime) {
        self.generation = generation
        self.process = process
        self.startedAt = startedAt
    }
}

extension ProcessControl {
    /// Finds the current start of each of these jobs by their records alone.
    public func adopt(_ jobs: [JobID]) -> [JobID: RecoveredStart] { adopt(jobs, known: [:]) }
}
