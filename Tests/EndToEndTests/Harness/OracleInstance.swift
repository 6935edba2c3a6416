import Foundation
import Testing

/// One instance of an oracle, as recorded in its own trace.
struct OracleInstance: Sendable, Hashable {
    /// The end that the oracle recorded.
    enum End: Hashable, Sendable {
        case exit(code: Int32)
        case crash(signal: Int32)
    }

    let pid: pid_t
    let job: Int
    let restartCount: Int
    /// Nanoseconds since the boot of the machine, as all times here.
    let startedAt: Int64
    /// The time at which it listened on its last socket.
    var listeningAt: Int64?
    /// The time of its first stop signal.
    var stopRequestedAt: Int64?
    var endedAt: Int64?
    var end: End?
    /// The number of lines it wrote; known only if it recorded its end.
    var lineCount: Int?
    var children: [pid_t] = []
}

extension TestHost {
    /// All instances of an action, in the order of their start.
    func instances(_ service: String, _ action: String = "run") -> [OracleInstance] {
        var instances: [OracleInstance] = []
        for line in readText("\(traceDirectory)/\(service).\(action).trace").split(separator: "\n") {
            let texts = line.split(separator: " ")
            let numbers = texts.dropFirst().compactMap { Int64($0) }
            guard let event = texts.first, numbers.count + 1 == texts.count, numbers.count >= 2 else { continue }
            let (pid, time) = (pid_t(numbers[0]), numbers[1])
            if event == "START", numbers.count == 4 {
                instances.append(
                    OracleInstance(pid: pid, job: Int(numbers[2]), restartCount: Int(numbers[3]), startedAt: time)
                )
                continue
            }
            if event == "CHILD" {
                // A child records its own PID. Its parent is the last started instance.
                if let last = instances.indices.last { instances[last].children.append(pid) }
                continue
            }
            guard let index = instances.lastIndex(where: { $0.pid == pid && $0.end == nil }) else { continue }
            switch event {
            case "LISTEN": instances[index].listeningAt = time
            case "TERM": instances[index].stopRequestedAt = instances[index].stopRequestedAt ?? time
            case "EXIT" where numbers.count == 4:
                instances[index].end = .exit(code: Int32(numbers[2]))
                (instances[index].endedAt, instances[index].lineCount) = (time, Int(numbers[3]))
            case "CRASH" where numbers.count == 4:
                instances[index].end = .crash(signal: Int32(numbers[2]))
                (instances[index].endedAt, instances[index].lineCount) = (time, Int(numbers[3]))
            // DUP is checked at the end of every test.
            default: continue
            }
        }
        return instances
    }

    /// The start time of the last instance; 0 without one.
    ///
    /// Reads only the end of the trace, which may be long.
    func lastStartTime(_ service: String, _ action: String = "run") -> Int64 {
        guard let file = FileHandle(forReadingAtPath: "\(traceDirectory)/\(service).\(action).trace") else { return 0 }
        defer { try? file.close() }
        let size = (try? file.seekToEnd()) ?? 0
        try? file.seek(toOffset: size > 4096 ? size - 4096 : 0)
        let end = String(decoding: (try? file.readToEnd()) ?? Data(), as: UTF8.self)
        let line = end.split(separator: "\n").last { $0.hasPrefix("START ") }
        return line?.split(separator: " ").dropFirst(2).first.flatMap { Int64($0) } ?? 0
    }

    /// Waits for a running instance, if `number` is given for the instance with this number, and returns it.
    func runningInstance(
        _ service: String,
        _ action: String = "run",
        number: Int? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> OracleInstance {
        var found: OracleInstance?
        try await eventually("\(service).\(action) runs", sourceLocation: sourceLocation) {
            let instances = instances(service, action)
            found = instances.last.flatMap { isAlive($0.pid) ? $0 : nil }
            return found != nil && (number == nil || instances.count == number)
        }
        return try #require(found, sourceLocation: sourceLocation)
    }

    // MARK: Output of heroproc

    /// A service in `status -o json`.
    func serviceStatus(_ service: String) async throws -> [String: Any] {
        let services = try await run("status", "-o", "json").json["services"] as? [[String: Any]] ?? []
        return services.first { $0["name"] as? String == service } ?? [:]
    }

    /// The state of a service.
    func state(of service: String) async throws -> String { try await serviceStatus(service)["state"] as? String ?? "" }

    /// An action of a service in `status -o json`.
    func actionStatus(_ service: String, _ action: String = "run") async throws -> [String: Any] {
        let actions = try await serviceStatus(service)["actions"] as? [[String: Any]] ?? []
        return actions.first { $0["name"] as? String == action } ?? [:]
    }

    /// Waits until `status`, run through another command, shows a number of services and exits with 0.
    func waitUntilReady(_ count: Int, through entryCommand: [String], within seconds: Int = 20) async throws {
        try await eventually("\(count) services are ready", within: seconds) {
            let result = try await run(["status", "-o", "json"], through: entryCommand)
            return result.exitCode == 0 && (result.json["services"] as? [Any])?.count == count
        }
    }

    /// `jobs -o json`, newest first.
    func jobs(of service: String) async throws -> [[String: Any]] {
        try await run("jobs", "--service", service, "-o", "json").json["jobs"] as? [[String: Any]] ?? []
    }

    /// `events -o json`, oldest first.
    func events() async throws -> [[String: Any]] {
        try await run("events", "-o", "json", "-n", "10000").output.split(separator: "\n").compactMap {
            try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
        }
    }

    /// Waits for an event of a level whose text contains all these texts, and returns the last one.
    func waitForEvent(
        _ level: String,
        _ texts: String...,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> [String: Any] {
        var found: [String: Any]?
        try await eventually("\(level) event with \(texts)", sourceLocation: sourceLocation) {
            found = try await events().last { event in
                let text = event["text"] as? String ?? ""
                return event["level"] as? String == level && texts.allSatisfy { text.contains($0) }
            }
            return found != nil
        }
        return try #require(found, sourceLocation: sourceLocation)
    }

    /// The stop waves or start waves that `diff` shows.
    func plannedWaves(_ kind: String) async throws -> [[String]] {
        let result = try await run("diff", "-o", "json")
        return (result.json[kind] as? [[String]] ?? []).map { $0.sorted() }
    }

    /// Expects an empty diff.
    func expectEmptyDiff(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let result = try await run("diff")
        #expect(result.exitCode == 0, "\(result.output)\(result.errorOutput)", sourceLocation: sourceLocation)
    }
}
