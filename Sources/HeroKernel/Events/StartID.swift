public import HeroModel

/// One start of a job.
public struct StartID: Hashable, Sendable {
    /// The job.
    public var job: JobID
    /// The number of the start within the job, from 1.
    public var generation: UInt32

    /// Names a start.
    public init(job: JobID, generation: UInt32) {
        self.job = job
        self.generation = generation
    }
}
