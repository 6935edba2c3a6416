/// What is measured: the rows of the table.
enum Figure: Int, CaseIterable {
    case start
    case startRatio
    case launch
    case stop
    case shimMemory
    case memory
    case residentFew
    case residentMany
    case healingMedian
    case healingTail
    case idle
    case logThroughput
    case diff
    case diffProcessor
    case validate
    case historyJobs
    case historyStatus
    case historySize
    case historyRetained
    case reading
    case readingRatio
    case readingMemory
    case hostileTime
    case hostileMemory
    case planThousand
    case planTenThousand
    case planHundredThousand
    case diffThousand
    case diffThousandMemory
    case diffTenThousand
    case diffMemory

    /// A bound that a figure must keep.
    enum Aim {
        case none
        case under(Double)
        case over(Double)

        /// Whether a value keeps it.
        func isMet(by value: Double) -> Bool {
            switch self {
            case .none: true
            case .under(let bound): value < bound
            case .over(let bound): value > bound
            }
        }
    }

    /// What is aimed at, for the full number of services.
    var aim: Aim {
        switch self {
        case .start, .launch, .healingTail, .diffProcessor, .validate, .historySize, .reading, .diffThousandMemory,
            .diffMemory:
            .none
        case .startRatio: .under(4.0001)
        case .stop: .under(0.3)
        case .shimMemory: .under(0.0601)
        case .memory: .under(90)
        case .residentFew: .under(40)
        case .residentMany: .under(60)
        case .healingMedian: .under(3)
        case .idle: .under(0.01)
        case .logThroughput: .over(300)
        case .diff, .diffThousand: .under(0.15)
        case .historyJobs, .historyStatus: .under(0.05)
        case .historyRetained: .under(10)
        case .readingRatio: .under(3.0001)
        case .readingMemory: .under(10.0001)
        case .hostileTime: .under(100)
        case .hostileMemory: .under(20)
        case .planThousand: .under(0.01)
        case .planTenThousand: .under(0.1)
        case .planHundredThousand, .diffTenThousand: .under(1.5)
        }
    }

    /// The aim as it is written.
    var aimText: String {
        switch self {
        case .start, .launch, .healingTail, .diffProcessor, .validate, .historySize, .reading, .diffThousandMemory,
            .diffMemory:
            ""
        case .startRatio: "at most 4"
        case .stop: "under 0.3"
        case .shimMemory: "at most 0.06"
        case .memory: "under 90"
        case .residentFew: "under 40"
        case .residentMany: "under 60"
        case .healingMedian: "under 3"
        case .idle: "none"
        case .logThroughput: "over 300"
        case .diff, .diffThousand: "under 0.15"
        case .historyJobs, .historyStatus: "under 0.05"
        case .historyRetained: "under 10"
        case .readingRatio: "at most 3"
        case .readingMemory: "at most 10"
        case .hostileTime: "under 100"
        case .hostileMemory: "under 20"
        case .planThousand: "under 0.01"
        case .planTenThousand: "under 0.1"
        case .planHundredThousand, .diffTenThousand: "under 1.5"
        }
    }

    /// What it says, with its unit.
    func title(_ sizes: Sizes) -> String {
        let many = "\(sizes.many)"
        let few = "\(sizes.few)"
        let jobs = "\(sizes.jobs)"
        return switch self {
        case .start: "start of \(many) logged services, s"
        case .startRatio: "the same, times the bare `posix_spawn` loop"
        case .launch: "of that: first job recorded to last program started, s"
        case .stop: "stop of \(many), s"
        case .shimMemory: "memory of the supervision of one job (PSS), MB"
        case .memory: "all of it with \(many) jobs (PSS), MB"
        case .residentFew: "RSS of the main process with \(few) jobs, MiB"
        case .residentMany: "RSS of the main process with \(many) jobs, MiB"
        case .healingMedian: "death to running again, p50, ms"
        case .healingTail: "death to running again, p99, ms"
        case .idle: "context switches per second, idle with \(few) jobs"
        case .logThroughput: "log throughput, lines of 100 bytes, MB/s"
        case .diff: "`diff` with \(many) services, nothing to do, s"
        case .diffProcessor: "the same, processor time, s"
        case .validate: "`validate` of \(many) services, s"
        case .historyJobs: "`jobs --service` with \(jobs) jobs of 100 services on record, processor time, s"
        case .historyStatus: "`status` with the same, processor time, s"
        case .historySize: "database with \(jobs) jobs, MB"
        case .historyRetained: "the same after retention, MB"
        case .reading: "\(sizes.manifests) manifests of 600 bytes read, decoded and checked, s"
        case .readingRatio: "the same, times libyaml's bare events"
        case .readingMemory: "the same, memory, times the text"
        case .hostileTime: "the slowest file that nobody means, ms"
        case .hostileMemory: "the memory of the largest one, MiB"
        case .planThousand: "a plan alone, 1,000 services in 20 layers, s"
        case .planTenThousand: "a plan alone, 10,000 services, s"
        case .planHundredThousand: "a plan alone, 100,000 services, s"
        case .diffThousand: "`diff` of 1,000 new services, s"
        case .diffThousandMemory: "the same, peak memory, MiB"
        case .diffTenThousand: "`diff` of 10,000 new services, s"
        case .diffMemory: "the same, peak memory, MiB"
        }
    }

    /// How many digits behind the point say something.
    var digits: Int {
        switch self {
        case .start, .launch, .stop, .shimMemory, .diff, .diffProcessor, .validate, .historyJobs, .historyStatus,
            .reading, .diffThousand, .diffTenThousand:
            3
        case .startRatio, .idle, .healingMedian, .healingTail, .readingRatio: 2
        case .planThousand, .planTenThousand, .planHundredThousand: 4
        case .memory, .residentFew, .residentMany, .historySize, .historyRetained, .readingMemory, .hostileTime,
            .hostileMemory, .diffThousandMemory, .diffMemory:
            1
        case .logThroughput: 0
        }
    }
}

/// How much is started.
struct Sizes {
    /// For what grows with the number of services.
    var many = 1000
    /// For what a machine usually holds.
    var few = 200
    /// Manifests that are read without being applied.
    var manifests = 10_000
    /// Lines of 100 bytes that one service writes.
    var lines = 10_000_000
    /// Jobs on record.
    var jobs = 100_000
    /// Seconds to watch an idle machine.
    var idleSeconds = 20
    /// How often what is quick is repeated; the median counts.
    var repetitions = 3
}

/// All values of one run: by who was measured, then by what.
struct Measurements {
    /// What stands in a column.
    enum Column: Hashable {
        case loop
        case contender(Contender)
    }

    private var values: [Column: [Figure: Double]] = [:]
    /// What was left out, and why; and what is strange.
    var notes: [String] = []

    subscript(_ figure: Figure, _ column: Column) -> Double? {
        get { values[column]?[figure] }
        set { values[column, default: [:]][figure] = newValue }
    }

    subscript(_ figure: Figure, _ contender: Contender) -> Double? {
        get { self[figure, .contender(contender)] }
        set { self[figure, .contender(contender)] = newValue }
    }

    /// The columns that have values, in order.
    var columns: [Column] {
        ([.loop] + Contender.allCases.map { .contender($0) }).filter { values[$0] != nil }
    }
}

extension [Double] {
    /// The value below which this part of them lies.
    func percentile(_ part: Double) -> Double? {
        isEmpty ? nil : sorted()[Swift.min(count - 1, Int(Double(count) * part))]
    }

    /// The middle one.
    var median: Double? { percentile(0.5) }
}
