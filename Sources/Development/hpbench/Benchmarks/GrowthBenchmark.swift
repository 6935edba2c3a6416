import Foundation

extension Benchmarks {
    /// Measures starts of growing chains of services, and how the time grows with their length.
    ///
    /// Each service starts only after the one before is ready. The time of a chain must be proportional to its length.
    mutating func measureGrowth() throws {
        let chains = try measureChains(.chain, Sizes.chains, [.chainShort, .chainMedium, .chainLong])
        results[.chainGrowth, .heroproc] = growth(chains)
        let oneShots = try measureChains(.oneShotChain, Sizes.oneShotChains, [.oneShotsShort, .oneShotsLong])
        results[.oneShotGrowth, .heroproc] = growth(oneShots)
    }

    /// Starts chains of the given lengths.
    ///
    /// - Returns: the time of each length, from the call of `apply` to the last start, in seconds.
    private mutating func measureChains(
        _ shape: HeroprocSupervisor.Shape,
        _ lengths: [Int],
        _ figures: [Figure]
    ) throws -> [(length: Int, time: Double)] {
        try zip(lengths, figures).map { length, figure in
            var times: [Double] = []
            for _ in 1...sizes.repetitions {
                let supervisor = try HeroprocSupervisor(directory, services: length, shape: shape)
                let begin = now()
                try supervisor.start()
                try supervisor.stamps.awaitCount(length, within: 300)
                let last = supervisor.stamps.all().map(\.time).max() ?? now()
                times.append(seconds(from: begin, to: last))
                try supervisor.stop()
                directory.endProcesses()
            }
            let time = times.median ?? 0
            results[figure, .heroproc] = time
            log("heroproc: chain of \(length): \(String(format: "%.3f", time)) s")
            return (length, time)
        }
    }

    /// The exponent with which the time grows from the smallest to the largest length; 1 is proportional.
    private func growth(_ times: [(length: Int, time: Double)]) -> Double? {
        guard let first = times.first, let last = times.last, first.time > 0, last.length > first.length else {
            return nil
        }
        return log2(last.time / first.time) / log2(Double(last.length) / Double(first.length))
    }
}
