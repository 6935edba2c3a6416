import Foundation

extension Benchmarks {
    /// Measures one service that writes as fast as possible into a log that keeps everything, and checks every line.
    mutating func measureLogThroughput() throws {
        let bytes = Double(sizes.lines) * 100
        results[.logThroughput, .bareLoop] = bytes / 1e6 / (try measurePipe("cat > main"))
        if Contender.s6.isInstalled {
            results[.logThroughput, .s6] = bytes / 1e6 / (try measurePipe("s6-log n20 s268435455 ./main"))
            let stamped = bytes / 1e6 / (try measurePipe("s6-log n20 s268435455 T ./main"))
            results.notes.append("s6-log with `T`, which stamps lines as heroproc does: \(Int(stamped)) MB/s.")
        }
        if Contender.runit.isInstalled {
            results[.logThroughput, .runit] =
                bytes / 1e6 / (try measurePipe("svlogd ./main", config: "s1000000000\nn20\n"))
        }
        let (time, log) = try measureHeroprocLog()
        results[.logThroughput, .heroproc] = bytes / 1e6 / time
        results.notes.append(
            "Log: \(log.lines) of \(sizes.lines) lines arrived in order in \(log.files) files, \(log.bytes) bytes; "
                + "\(log.faults) lines lost or damaged."
        )
        guard log.lines == sizes.lines, log.faults == 0 else {
            throw BenchError("the log differs from the written lines: \(log.lines) lines, \(log.faults) faults")
        }
    }

    /// Measures with heroproc, from the first stamp of the writer to the second one after its last line.
    private func measureHeroprocLog() throws -> (time: Double, log: LogCheck) {
        let folder = try directory.makeFolder("manifests")
        let stamps = try Stamps(in: directory.makeFolder("stamps"))
        let text = """
            kind: Service
            name: writer
            actions:
              - name: main
                exec: [\(directory.program("hpbenchload")), lines, "\(sizes.lines)", \(stamps.path)]
                start_timeout: 10m
                log: {max_size: 1GiB, keep: 20}

            """
        try text.write(toFile: folder + "/writer.yaml", atomically: false, encoding: .utf8)
        let hero = try HeroprocSupervisor(directory, manifests: folder, stamps: stamps)
        sync()
        try hero.start()
        let time = try timeBetweenStamps(stamps)
        let check = try LogCheck(files: hero.logFiles())
        try hero.stop()
        directory.endProcesses()
        log("heroproc: \(sizes.lines) lines in \(String(format: "%.2f", time)) s")
        return (time, check)
    }

    /// Measures the writer with a pipe into a command.
    private func measurePipe(_ command: String, config: String? = nil) throws -> Double {
        let folder = try directory.makeFolder("log")
        let stamps = try Stamps(in: directory.makeFolder("stamps"))
        try FileManager.default.createDirectory(atPath: folder + "/main", withIntermediateDirectories: true)
        if let config {
            try config.write(toFile: folder + "/main/config", atomically: false, encoding: .utf8)
        }
        let target = command.replacing("> main", with: "> main/current")
        let line = "\(directory.program("hpbenchload")) lines \(sizes.lines) \(stamps.path) | \(target)"
        sync()
        let code = try ChildProcess(["/bin/sh", "-c", line], in: folder).wait().code
        guard code == 0 else { throw BenchError("`\(line)` ended with \(code)") }
        let time = try timeBetweenStamps(stamps)
        try FileManager.default.removeItem(atPath: folder)
        log("\(command): \(String(format: "%.2f", time)) s")
        return time
    }

    private func timeBetweenStamps(_ stamps: Stamps) throws -> Double {
        let times = stamps.all().map(\.time)
        guard times.count == 2 else { throw BenchError("the writer has not finished") }
        return seconds(from: times[0], to: times[1])
    }
}
