import HeroKernel
import HeroModel
import HeroStore

/// A cleanup that is in progress.
final class CleanupTask {
    /// The client that has requested it; nil for retention.
    let request: RequestID?
    /// Its name in events.
    let label: String
    /// The jobs that are not removed yet.
    var remainingJobs: ArraySlice<RemovableJob>
    /// What it has removed so far.
    var result = CleanupResult()

    init(_ jobs: [RemovableJob], label: String, for request: RequestID?) {
        remainingJobs = jobs[...]
        self.label = label
        self.request = request
    }
}
