import Foundation

/// The measurements.
///
/// Each one starts its own supervisors.
struct Benchmarks {
    let directory: BenchDirectory
    let sizes: Sizes
    /// Prints progress.
    let log: (String) -> Void
    var results = Measurements()

    init(_ place: BenchDirectory, _ sizes: Sizes, log: @escaping (String) -> Void) {
        self.directory = place
        self.sizes = sizes
        self.log = log
    }

    /// Measures many services: start, memory, `diff`, stop.
    mutating func measureManyServices() throws {
        var loops: [Double] = []
        var starts: [Contender: [Double]] = [:]
        var stops: [Contender: [Double]] = [:]
        var launches: [Double] = []
        // Each round contains every supervisor once, so that other load on the machine affects all of them.
        for round in 1...sizes.repetitions {
            loops.append(try measureSpawnLoop())
            log("round \(round): \(sizes.many) starts in a bare loop \(format(loops.last))")
            for contender in Contender.allCases where contender.isInstalled {
                let supervisor = try contender.makeSupervisor(directory, services: sizes.many)
                flushDisk()
                let begin = now()
                try supervisor.start()
                let returned = now()
                try supervisor.stamps.awaitCount(sizes.many, within: 300)
                let last = supervisor.stamps.all().map(\.time).max() ?? returned
                starts[contender, default: []].append(seconds(from: begin, to: max(returned, last)))
                if let hero = supervisor as? HeroprocSupervisor { launches.append(try hero.launchTime()) }
                if round == 1 { try measureRunning(contender, supervisor) }
                let stopRequest = now()
                try supervisor.stop()
                stops[contender, default: []].append(seconds(from: stopRequest, to: now()))
                let times = "start \(format(starts[contender]?.last)), stop \(format(stops[contender]?.last))"
                log("  \(contender.rawValue): \(times)")
                directory.endProcesses()
            }
        }
        results[.start, .bareLoop] = loops.median
        results[.startRatio, .bareLoop] = 1
        results[.launch, .heroproc] = launches.median
        for (contender, values) in starts {
            results[.start, contender] = values.median
            results[.startRatio, contender] = zip(values, loops).map { $0 / $1 }.median
            results[.stop, contender] = stops[contender]?.median
        }
    }

    /// Measures few services: memory, idle load, restarts.
    mutating func measureFewServices() throws {
        for contender in Contender.allCases where contender.isInstalled {
            let supervisor = try contender.makeSupervisor(directory, services: sizes.few)
            try supervisor.start()
            try supervisor.stamps.awaitCount(sizes.few, within: 300)
            sleep(3)
            results[.residentFew, contender] = mainProcess(contender).map { Double($0.residentMemory) / 1024 }
            let before = contextSwitches()
            sleep(UInt32(sizes.idleSeconds))
            results[.idle, contender] = Double(contextSwitches() - before) / Double(sizes.idleSeconds)
            if contender != .supervisord { try measureRestarts(contender, supervisor) }
            try supervisor.stop()
            directory.endProcesses()
            log("\(contender.rawValue): idle \(format(results[.idle, contender])) switches/s")
        }
    }

    // MARK: While many services are running

    private mutating func measureRunning(_ contender: Contender, _ supervisor: any Supervisor) throws {
        sleep(2)
        let supervising = directory.processes.filter { !$0.isWorkload }
        let total = supervising.map(\.proportionalMemory).reduce(0, +)
        results[.memory, contender] = Double(total) / 1024
        results[.residentMany, contender] = mainProcess(contender).map { Double($0.residentMemory) / 1024 }
        let shims = supervising.filter { $0.program == "hpshim" }.map { Double($0.proportionalMemory) / 1024 }
        results[.shimMemory, contender] = shims.median ?? Double(total) / 1024 / Double(sizes.many)
        guard let hero = supervisor as? HeroprocSupervisor else { return }
        var diffs: [Double] = []
        var processors: [Double] = []
        var validations: [Double] = []
        for _ in 0..<(2 * sizes.repetitions + 1) {
            let (wall, processor) = try hero.run("diff")
            diffs.append(wall)
            processors.append(processor)
            validations.append(try hero.run("validate").wall)
        }
        results[.diff, contender] = diffs.median
        results[.diffProcessor, contender] = processors.median
        results[.validate, contender] = validations.median
    }

    /// The main process of a supervisor.
    private func mainProcess(_ contender: Contender) -> MeasuredProcess? {
        let name =
            switch contender {
            case .heroproc: "heroproc"
            case .dinit: "dinit"
            case .s6: "s6-svscan"
            case .runit: "runsvdir"
            case .supervisord: "python"
            }
        return directory.processes.first { $0.program.hasPrefix(name) }
    }

    // MARK: The bare loop

    /// Starts the same programs in a loop, and measures from the first call to the last stamp.
    private func measureSpawnLoop() throws -> Double {
        let stamps = try Stamps(in: directory.makeFolder("stamps"))
        flushDisk()
        let begin = now()
        let children = try (0..<sizes.many).map { _ in
            try ChildProcess([directory.program("hpbenchload"), "stamp", stamps.path])
        }
        try stamps.awaitCount(sizes.many, within: 60)
        let last = stamps.all().map(\.time).max() ?? now()
        for child in children { SignalSender.send(SIGKILL, to: child.pid) }
        for child in children { child.wait() }
        return seconds(from: begin, to: last)
    }

    /// Writes pending data to disk, so that one supervisor does not slow down the next.
    private func flushDisk() {
        sync()
        usleep(300_000)
    }

    // MARK: Idle load and restarts

    private func contextSwitches() -> Int {
        directory.processes.filter { !$0.isWorkload }.map(\.contextSwitches).reduce(0, +)
    }

    /// Kills every program once, one after the other, and measures when its successor starts.
    ///
    /// A pause follows each restart. Each program is killed once, because s6 and runit start nothing twice within a second.
    private mutating func measureRestarts(_ contender: Contender, _ supervisor: any Supervisor) throws {
        let victims = supervisor.stamps.all().prefix(sizes.few)
        var times: [Double] = []
        for (index, victim) in victims.enumerated() {
            let death = now()
            SignalSender.send(SIGKILL, to: victim.pid)
            try supervisor.stamps.awaitCount(victims.count + index + 1, within: 10)
            guard let successor = supervisor.stamps.all().last else { continue }
            times.append(seconds(from: death, to: successor.time) * 1000)
            usleep(20_000)
        }
        results[.restartMedian, contender] = times.median
        results[.restartTail, contender] = times.percentile(0.99)
    }

    private func format(_ value: Double?) -> String { value.map { String(format: "%.3f", $0) } ?? "-" }
}
