import CHeroLinux
import Foundation

/// heroproc as users run it: manifests, `apply`, `down`.
final class HeroprocSupervisor: Supervisor {
    let stamps: Stamps
    let directory: BenchDirectory
    private let manifests: String
    let state: String

    /// Writes one manifest per service; in a chain each reports by sd_notify that it is ready.
    convenience init(_ place: BenchDirectory, services: Int, shape: ServiceShape = .independent) throws {
        let folder = try place.makeFolder("manifests")
        let stamps = try Stamps(in: place.makeFolder("stamps"))
        let (mode, keys) =
            switch shape {
            case .independent: ("stamp", "is_process: true, retry: {delay: 0s}")
            case .chain: ("notify", "is_process: true, ready: {notify: true}")
            case .oneShotChain: ("once", "is_process: false")
            }
        for index in 1...services {
            let isChained = shape != .independent && index > 1
            let program = "[\(place.program("hpbenchload")), \(mode), \(stamps.path)]"
            let text = """
                kind: Service
                name: s\(index)
                requires: [\(isChained ? "s\(index - 1)" : "")]
                actions:
                  - {name: main, exec: \(program), \(keys)}

                """
            try text.write(toFile: "\(folder)/s\(index).yaml", atomically: false, encoding: .utf8)
        }
        try self.init(place, manifests: folder, stamps: stamps)
    }

    /// Uses existing manifests.
    init(_ place: BenchDirectory, manifests: String, stamps: Stamps) throws {
        self.directory = place
        self.manifests = manifests
        self.stamps = stamps
        state = try place.makeFolder("state")
        try "kind: Settings\nrequired: []\nsettle: 0s\n".write(
            toFile: manifests + "/settings.yaml",
            atomically: false,
            encoding: .utf8
        )
    }

    func start() throws { try run("apply", "--timeout", "5m") }

    func stop() throws { try run("down", "--timeout", "5m") }

    /// Runs a command and returns its wall time and processor time, in seconds.
    @discardableResult
    func run(_ command: String, _ options: String...) throws -> (wall: Double, processor: Double) {
        let begin = now()
        let child = try ChildProcess(arguments(command, options), output: state + "/output")
        let ending = child.wait()
        let wall = seconds(from: begin, to: now())
        guard ending.code == 0 else {
            let output = (try? String(contentsOfFile: state + "/output", encoding: .utf8)) ?? ""
            throw BenchError("`heroproc \(command)` ended with \(ending.code):\n\(output.suffix(2000))")
        }
        return (wall, ending.processorTime)
    }

    /// The time from the first job record to the last program start: without reading, planning and communication.
    func launchTime() throws -> Double {
        let text = try ChildProcess.output(arguments("jobs", ["-o", "json", "--limit", "100000"]), in: directory)
        let report = try JSONDecoder().decode(JobsReport.self, from: Data(text.utf8))
        let first = report.jobs.compactMap { Self.time($0.created) }.min()
        let offset = Double(hl_wall_clock()) / 1e9 - Double(now()) / 1e9
        let last = stamps.all().map(\.time).max().map { Double($0) / 1e9 + offset }
        guard let first, let last else { throw BenchError("no job has a time") }
        return last - first
    }

    /// The log files of a job, oldest first.
    func logFiles() throws -> [String] {
        let folder = state + "/logs"
        let paths = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        let files = paths.filter { $0.contains(".log") }.map { "\(folder)/\($0)" }
        return files.sorted { rotationNumber($0) > rotationNumber($1) }
    }

    /// The number after `.log`; 0 for the current file.
    private func rotationNumber(_ path: String) -> Int { Int(path.split(separator: ".").last ?? "") ?? 0 }

    /// The arguments of a command with the directories of this supervisor.
    func arguments(_ command: String, _ options: [String]) -> [String] {
        var arguments = [directory.program("heroproc"), command] + options
        if command != "jobs" { arguments += ["--dir", manifests] }
        return arguments + (command == "validate" ? [] : ["--state", state])
    }

    private struct JobsReport: Decodable {
        struct Job: Decodable {
            var created: String?

            enum CodingKeys: String, CodingKey {
                case created = "created_at"
            }
        }
        var jobs: [Job]
    }

    /// The seconds since 1970 of an RFC 3339 time with microseconds.
    ///
    /// ISO8601DateFormatter would round them.
    private static func time(_ text: String?) -> Double? {
        guard let parts = text?.dropLast().split(separator: "."), parts.count == 2, let micro = Double("0." + parts[1]),
            let date = ISO8601DateFormatter().date(from: parts[0] + "Z")
        else { return nil }
        return date.timeIntervalSince1970 + micro
    }
}
