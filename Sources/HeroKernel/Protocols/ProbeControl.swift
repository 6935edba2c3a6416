public import HeroModel

/// Probes the programs of jobs.
public protocol ProbeControl: AnyObject {
    /// Starts one probe; its result arrives as `probeFinished`.
    func startProbe(_ request: ProbeRequest)

    /// Discards the probe of a job; a command that runs for it is killed with its process tree.
    func stopProbe(_ job: JobID)
}
