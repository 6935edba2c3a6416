/// The sizes of a benchmark run.
struct Sizes {
    /// The lengths of chains of services.
    static let chains = [50, 200, 800]
    /// The lengths of chains of one-shots.
    static let oneShotChains = [150, 1500]

    /// The number of services for figures that grow with it.
    var many = 1000
    /// The number of services on a usual machine.
    var few = 200
    /// The number of manifests that are read but not applied.
    var manifests = 10_000
    /// The number of lines of 100 bytes that one service writes.
    var lines = 10_000_000
    /// The number of jobs in the database.
    var jobs = 100_000
    /// The length of the idle measurement, in seconds.
    var idleSeconds = 20
    /// The number of repetitions of short measurements; the median counts.
    var repetitions = 3
}
