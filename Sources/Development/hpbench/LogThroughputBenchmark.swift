import Foundation

extension Benchmarks {
    /// One service that writes as fast as it is read, into a log that keeps everything; then every line is looked at.
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
            throw BenchError("the log is not what was written: \(log.lines) lines, \(log.faults) faults")
        }
    }

    /// From the first stamp of the writer to its second: its own view, when its last line was taken from it.
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

    /// The writer into a command's stdin.
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
        guard times.count == 2 else { throw BenchError("the writer did not come to its end") }
        return seconds(from: times[0], to: times[1])
    }
}

/// Every line of a log, looked at: numbered without a gap, whole, and nothing else.
struct LogCheck {
    /// Lines in the right place.
    var lines = 0
    /// Lines that are missing, damaged or out of order.
    var faults = 0
    /// Files read.
    var files = 0
    /// Their bytes.
    var bytes = 0

    /// Reads log files in CRI format, oldest first, whose lines are those of `hpbenchload lines`.
    init(files paths: [String]) throws {
        for path in paths {
            let data = try Data(contentsOf: URL(filePath: path), options: .alwaysMapped)
            files += 1
            bytes += data.count
            data.withUnsafeBytes { check($0) }
        }
    }

    /// `<time> stdout F <10 digits> xxx...`, in which the digits count on.
    private mutating func check(_ bytes: UnsafeRawBufferPointer) {
        var start = 0
        while start < bytes.count {
            let length = bytes[start...].firstIndex(of: UInt8(ascii: "\n")).map { $0 - start } ?? (bytes.count - start)
            // The payload is 99 bytes and its newline; before it stands ` stdout F `.
            let payload = start + length - 99
            let mark = payload - " stdout F ".utf8.count
            if mark > start, bytes[mark..<payload].elementsEqual(" stdout F ".utf8), number(bytes, payload) == lines {
                lines += 1
            } else {
                faults += 1
            }
            start += length + 1
        }
    }

    private func number(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> Int {
        bytes[at..<at + 10].reduce(0) { $0 * 10 + Int($1) - 48 }
    }
}
