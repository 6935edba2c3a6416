import Foundation

extension Benchmarks {
    /// Measures starts of growing chains of services, and how the time grows with their length.
    ///
    /// Each service starts only after the one before is ready. The time of a chain must be proportional to its length.
    mutating func measureGrowth() throws {
        let chains = try measureChains(.chain, Sizes.chains, [.chainShort, .chainMedium, .chainLong])
        let oneShots = try measureChains(.oneShotChain, Sizes.oneShotChains, [.oneShotsShort, .oneShotsLong])
        for contender in Self.chainContenders {
            results[.chainGrowth, contender] = growth(chains[contender] ?? [])
            results[.oneShotGrowth, contender] = growth(oneShots[contender] ?? [])
        }
    }

    /// The supervisors that know dependencies with readiness.
    private static var chainContenders: [Contender] { [.heroproc, .dinit].filter(\.isInstalled) }

    private func makeChain(_ contender: Contender, _ shape: ServiceShape, _ length: Int) throws -> any Supervisor {
        switch contender {
        case .dinit: try Dinit(directory, services: length, shape: shape)
        case .heroproc, .s6, .runit, .supervisord:
            try HeroprocSupervisor(directory, services: length, shape: shape)
        }
    }

    /// Starts chains of the given lengths; each round contains every supervisor once.
    ///
    /// - Returns: the time of each length, from the call of the supervisor to the last start, in seconds.
    private mutating func measureChains(
        _ shape: ServiceShape,
        _ lengths: [Int],
        _ figures: [Figure]
    ) throws -> [Contender: [(length: Int, time: Double)]] {
        var result: [Contender: [(length: Int, time: Double)]] = [:]
        for (length, figure) in zip(lengths, figures) {
            var times: [Contender: [Double]] = [:]
            for _ in 1...sizes.repetitions {
                for contender in Self.chainContenders {
                    let supervisor = try makeChain(contender, shape, length)
                    let begin = now()
                    try supervisor.start()
                    try supervisor.stamps.awaitCount(length, within: 300)
                    let last = supervisor.stamps.all().map(\.time).max() ?? now()
                    times[contender, default: []].append(seconds(from: begin, to: last))
                    try supervisor.stop()
                    directory.endProcesses()
                }
            }
            for contender in Self.chainContenders {
                let time = times[contender]?.median ?? 0
                results[figure, contender] = time
                log("\(contender.rawValue): chain of \(length): \(String(format: "%.3f", time)) s")
                result[contender, default: []].append((length, time))
            }
        }
        return result
    }

    /// The exponent with which the time grows from the smallest to the largest length; 1 is proportional.
    private func growth(_ times: [(length: Int, time: Double)]) -> Double? {
        guard let first = times.first, let last = times.last, first.time > 0, last.length > first.length else {
            return nil
        }
        return log2(last.time / first.time) / log2(Double(last.length) / Double(first.length))
    }
}
