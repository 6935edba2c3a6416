import HeroLifecycle
import HeroModel

/// Whether the services that an apply has started stay up, and which jobs keep failing.
///
/// A program that exits right after its start was up for a moment. An apply therefore has converged only after all
/// services it has started have stayed up for `Settings.settle` without a new start.
///
/// It is updated with every event, and an event costs the same for any number of services.
struct StabilityCheck {
    /// After so many failed starts in a row, an apply does not wait for a service any more.
    static let maxFailures = 3

    /// A period in which no service may start again.
    private struct Period {
        /// The start of each job that must continue.
        var starts: [JobID: UInt32]
        /// When the period ends.
        var end: Moment
        /// Whether something has changed, so that the period may have to begin again.
        var hasChanged = false
    }

    private var period: Period?
    /// How many starts in a row had failed when the apply began; a job without a failure is missing.
    private var earlierFailures: [JobID: Int]
    /// The jobs that have failed so often in a row, since the apply began, that it does not wait for them any more.
    private(set) var failingJobs: Set<JobID> = []

    /// Begins with the failures that belong to earlier applies.
    init(earlier jobs: some Sequence<JobEntry>) {
        earlierFailures = [:]
        for job in jobs where job.lifecycle.failuresInRow > 0 { earlierFailures[job.id] = job.lifecycle.failuresInRow }
    }

    /// When the period ends; nil while none has begun.
    var end: Moment? { period?.end }

    /// Whether nothing has changed in a period that has not ended, so that no check is needed now.
    func isUndisturbed(at now: Moment) -> Bool {
        guard let period else { return false }
        return !period.hasChanged && now < period.end
    }

    /// A job has changed: counts its failures.
    mutating func handleChange(of job: JobEntry) {
        let count = job.lifecycle.failuresInRow
        let earlier = earlierFailures[job.id] ?? 0
        // Below the earlier count, the count has begun again.
        if count < earlier { earlierFailures[job.id] = nil }
        let failures = count < earlier ? count : count - earlier
        if failures >= Self.maxFailures { failingJobs.insert(job.id) } else { failingJobs.remove(job.id) }
        if let generation = period?.starts[job.id], generation != job.lifecycle.record.generation {
            period?.hasChanged = true
        }
    }

    /// The plan or the state of a service or of a standalone action has changed.
    mutating func handleStateChange() { period?.hasChanged = true }

    /// All services are up.
    ///
    /// - Parameters:
    ///   - jobs: The active jobs of the services that the apply has started.
    ///   - duration: How long they must stay up.
    ///   - now: The current time.
    /// - Returns: whether they have stayed up long enough. The first call is never enough if there is a job: an end
    ///   that is recorded already may not be processed yet.
    mutating func handleAllUp(_ jobs: [JobEntry], for duration: Duration, now: Moment) -> Bool {
        guard !jobs.isEmpty else { return true }
        let starts = Dictionary(
            jobs.map { ($0.id, $0.lifecycle.record.generation) },
            uniquingKeysWith: { first, _ in first }
        )
        guard let period, period.starts == starts else {
            period = Period(starts: starts, end: now + duration)
            return false
        }
        self.period?.hasChanged = false
        return period.end <= now
    }

    /// A service is not up.
    mutating func handleNotUp() { period = nil }
}
