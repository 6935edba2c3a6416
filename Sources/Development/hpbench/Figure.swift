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
    case restartMedian
    case restartTail
    case adoptionMedian
    case adoptionTail
    case adoptionReply
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
        /// Nothing at all may be left of it.
        case zero
        case under(Double)
        case atMost(Double)
        case over(Double)

        /// Whether a value keeps it, to four digits behind the point.
        func isMet(by value: Double) -> Bool {
            switch self {
            case .none: true
            case .zero: value < 0.01
            case .under(let bound): value < bound
            case .atMost(let bound): value <= bound + 0.0001
            case .over(let bound): value > bound
            }
        }

        /// As it is written.
        var text: String {
            switch self {
            case .none: ""
            case .zero: "none"
            case .under(let bound): "under \(Self.short(bound))"
            case .atMost(let bound): "at most \(Self.short(bound))"
            case .over(let bound): "over \(Self.short(bound))"
            }
        }

        private static func short(_ bound: Double) -> String {
            Int(exactly: bound).map { "\($0)" } ?? "\(bound)"
        }
    }

    /// What is written of it.
    struct Row {
        /// What it says, with its unit.
        let title: String
        /// How many digits behind the point say something.
        let digits: Int
        /// What is aimed at, for the full number of services.
        var aim: Aim = .none
    }

    /// What is written of it, for so many services.
    func row(_ sizes: Sizes) -> Row {
        let (many, few, jobs) = (sizes.many, sizes.few, sizes.jobs)
        return switch self {
        case .start: Row(title: "start of \(many) logged services, s", digits: 3)
        case .startRatio: Row(title: "the same, times the bare `posix_spawn` loop", digits: 2, aim: .atMost(4))
        case .launch: Row(title: "of that: first job recorded to last program started, s", digits: 3)
        case .stop: Row(title: "stop of \(many), s", digits: 3, aim: .under(0.3))
        case .shimMemory: Row(title: "memory of the supervision of one job (PSS), MB", digits: 3, aim: .atMost(0.06))
        case .memory: Row(title: "all of it with \(many) jobs (PSS), MB", digits: 1, aim: .under(90))
        case .residentFew: Row(title: "RSS of the main process with \(few) jobs, MiB", digits: 1, aim: .under(40))
        case .residentMany: Row(title: "RSS of the main process with \(many) jobs, MiB", digits: 1, aim: .under(60))
        case .restartMedian: Row(title: "death to running again, p50, ms", digits: 2, aim: .under(3))
        case .restartTail: Row(title: "death to running again, p99, ms", digits: 2)
        case .adoptionMedian:
            Row(title: "\(few) jobs adopted by the next reconciler after `kill -9`, p50, ms", digits: 0)
        case .adoptionTail: Row(title: "the same, p99, ms", digits: 0, aim: .atMost(500))
        case .adoptionReply: Row(title: "the slowest answer of its control socket meanwhile, ms", digits: 0)
        case .idle: Row(title: "context switches per second, idle with \(few) jobs", digits: 2, aim: .zero)
        case .logThroughput: Row(title: "log throughput, lines of 100 bytes, MB/s", digits: 0, aim: .over(300))
        case .diff: Row(title: "`diff` with \(many) services, nothing to do, s", digits: 3, aim: .under(0.15))
        case .diffProcessor: Row(title: "the same, processor time, s", digits: 3)
        case .validate: Row(title: "`validate` of \(many) services, s", digits: 3)
        case .historyJobs:
            Row(
                title: "`jobs --service` with \(jobs) jobs of 100 services on record, processor time, s",
                digits: 3,
                aim: .under(0.05)
            )
        case .historyStatus: Row(title: "`status` with the same, processor time, s", digits: 3, aim: .under(0.05))
        case .historySize: Row(title: "database with \(jobs) jobs, MB", digits: 1)
        case .historyRetained: Row(title: "the same after retention, MB", digits: 1, aim: .under(10))
        case .reading: Row(title: "\(sizes.manifests) manifests of 600 bytes read, decoded and checked, s", digits: 3)
        case .readingRatio: Row(title: "the same, times libyaml's bare events", digits: 2, aim: .atMost(3))
        case .readingMemory: Row(title: "the same, memory, times the text", digits: 1, aim: .atMost(10))
        case .hostileTime: Row(title: "the slowest file that nobody means, ms", digits: 1, aim: .under(100))
        case .hostileMemory: Row(title: "the memory of the largest one, MiB", digits: 1, aim: .under(20))
        case .planThousand: Row(title: "a plan alone, 1,000 services in 20 layers, s", digits: 4, aim: .under(0.01))
        case .planTenThousand: Row(title: "a plan alone, 10,000 services, s", digits: 4, aim: .under(0.1))
        case .planHundredThousand: Row(title: "a plan alone, 100,000 services, s", digits: 4, aim: .under(1.5))
        case .diffThousand: Row(title: "`diff` of 1,000 new services, s", digits: 3, aim: .under(0.15))
        case .diffThousandMemory: Row(title: "the same, peak memory, MiB", digits: 1)
        case .diffTenThousand: Row(title: "`diff` of 10,000 new services, s", digits: 3, aim: .under(1.5))
        case .diffMemory: Row(title: "the same, peak memory, MiB", digits: 1)
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
        case bareLoop
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
        ([.bareLoop] + Contender.allCases.map { .contender($0) }).filter { values[$0] != nil }
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
