/// A measured value: a row of the table.
enum Figure: Int, CaseIterable {
    case start
    case startRatio
    case launch
    case stop
    case chainShort
    case chainMedium
    case chainLong
    case chainGrowth
    case oneShotsShort
    case oneShotsLong
    case oneShotGrowth
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

    /// The bound for a figure.
    enum Aim {
        case none
        /// The value must be zero.
        case zero
        case under(Double)
        case atMost(Double)
        case over(Double)

        /// Whether a value is within the bound, with a tolerance of 0.0001.
        func isMet(by value: Double) -> Bool {
            switch self {
            case .none: true
            case .zero: value < 0.01
            case .under(let bound): value < bound
            case .atMost(let bound): value <= bound + 0.0001
            case .over(let bound): value > bound
            }
        }

        /// The bound as the table shows it.
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

    /// The presentation of a figure.
    struct Row {
        /// The title with the unit.
        let title: String
        /// The number of decimal places.
        let digits: Int
        /// The bound for the full number of services.
        var aim: Aim = .none
    }

    /// The presentation for the given sizes.
    func row(_ sizes: Sizes) -> Row {
        let (many, few, jobs) = (sizes.many, sizes.few, sizes.jobs)
        return switch self {
        case .start: Row(title: "start of \(many) logged services, s", digits: 3)
        case .startRatio: Row(title: "the same, times the bare `posix_spawn` loop", digits: 2, aim: .atMost(4))
        case .launch: Row(title: "part of it: first job recorded to last program started, s", digits: 3)
        case .stop: Row(title: "stop of \(many), s", digits: 3, aim: .under(0.3))
        case .chainShort: Row(title: "start of a chain of \(Sizes.chains[0]) services, s", digits: 3)
        case .chainMedium: Row(title: "start of a chain of \(Sizes.chains[1]), s", digits: 3)
        case .chainLong: Row(title: "start of a chain of \(Sizes.chains[2]), s", digits: 3)
        case .chainGrowth: Row(title: "exponent of its growth", digits: 2, aim: .atMost(1.1))
        case .oneShotsShort: Row(title: "run of \(Sizes.oneShotChains[0]) chained one-shots, s", digits: 3)
        case .oneShotsLong:
            Row(title: "run of \(Sizes.oneShotChains[1]) chained one-shots, s", digits: 3, aim: .under(3))
        case .oneShotGrowth: Row(title: "exponent of its growth", digits: 2, aim: .atMost(1.1))
        case .shimMemory: Row(title: "memory to supervise one job (PSS), MB", digits: 3, aim: .atMost(0.06))
        case .memory: Row(title: "memory of all processes with \(many) jobs (PSS), MB", digits: 1, aim: .under(90))
        case .residentFew: Row(title: "RSS of the main process with \(few) jobs, MiB", digits: 1, aim: .under(40))
        case .residentMany: Row(title: "RSS of the main process with \(many) jobs, MiB", digits: 1, aim: .under(60))
        case .restartMedian: Row(title: "death to running again, p50, ms", digits: 2, aim: .under(3))
        case .restartTail: Row(title: "death to running again, p99, ms", digits: 2)
        case .adoptionMedian:
            Row(title: "\(few) jobs adopted by the next reconciler after `kill -9`, p50, ms", digits: 0)
        case .adoptionTail: Row(title: "the same, p99, ms", digits: 0, aim: .atMost(500))
        case .adoptionReply: Row(title: "the slowest reply of its control socket meanwhile, ms", digits: 0)
        case .idle: Row(title: "context switches per second, idle with \(few) jobs", digits: 2, aim: .zero)
        case .logThroughput: Row(title: "log throughput, lines of 100 bytes, MB/s", digits: 0, aim: .over(300))
        case .diff: Row(title: "`diff` with \(many) services, nothing to do, s", digits: 3, aim: .under(0.15))
        case .diffProcessor: Row(title: "the same, processor time, s", digits: 3)
        case .validate: Row(title: "`validate` of \(many) services, s", digits: 3)
        case .historyJobs:
            Row(
                title: "`jobs --service` with \(jobs) recorded jobs of 100 services, processor time, s",
                digits: 3,
                aim: .under(0.05)
            )
        case .historyStatus: Row(title: "`status` with the same, processor time, s", digits: 3, aim: .under(0.05))
        case .historySize: Row(title: "database with \(jobs) jobs, MB", digits: 1)
        case .historyRetained: Row(title: "the same after retention, MB", digits: 1, aim: .under(10))
        case .reading: Row(title: "\(sizes.manifests) manifests of 600 bytes read, decoded and checked, s", digits: 3)
        case .readingRatio: Row(title: "the same, times libyaml's bare events", digits: 2, aim: .atMost(3))
        case .readingMemory: Row(title: "the same, memory, times the text", digits: 1, aim: .atMost(10))
        case .hostileTime: Row(title: "the slowest hostile file, ms", digits: 1, aim: .under(100))
        case .hostileMemory: Row(title: "the memory for the largest hostile file, MiB", digits: 1, aim: .under(20))
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
