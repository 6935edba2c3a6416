/// The outside world as the reconciler sees it.
///
/// The composition of narrow protocols: a part of the reconciler takes only those that it needs. A kernel is used from
/// one thread only. Each start of a job has a generation, and every event names it, so that a late event cannot be
/// taken for one of the current start.
public protocol Kernel: HostClock, HostInspection, ProcessControl, ProbeControl, JobDirectory, ManifestSource,
    RepositorySource, ControlChannel, EventSource
{}
