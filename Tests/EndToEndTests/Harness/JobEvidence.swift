/// The evidence about one job from all sources: the traces of its instances, the recorded starts and the logs.
struct JobEvidence: Sendable {
    /// A name for messages.
    var label: String
    /// The instances of one job from their traces, in the order of their start.
    var instances: [OracleInstance]
    /// The recorded starts of the job whose program executed, in the order of their generations.
    var starts: [RecordedHistory.Start]
    /// The line numbers in the logs, by restart count, in the order of the files.
    var lines: [Int: [Int]] = [:]
    /// Kills of shims that alone could report the status or the output of an instance.
    var shimKills: [ShimKill] = []
}

/// A kill of the shim of a job by the test, with the boot clock before and after it.
struct ShimKill: Sendable, Hashable {
    var job: Int
    var from: Int64
    var to: Int64
}
