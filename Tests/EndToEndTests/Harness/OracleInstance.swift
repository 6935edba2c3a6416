import Foundation
import Testing

/// One instance of an oracle, as it wrote it down itself.
struct OracleInstance: Sendable, Hashable {
    /// How it says it ended.
    enum End: Hashable, Sendable {
        case exit(code: Int32)
        case crash(signal: Int32)
    }

    let pid: pid_t
    let job: Int
    let restartCount: Int
    /// Nanoseconds since the machine started, as all times here.
    let startedAt: Int64
    /// When it listened on the last of its sockets.
    var listeningAt: Int64?
    /// When it was asked to end.
    var stopRequestedAt: Int64?
    var endedAt: Int64?
    var end: End?
    /// How many lines it wrote; known once it has said how it ended.
    var lineCount: Int?
    var children: [pid_t] = []
}

extension TestHost {
    /// All instances of an action, in the order of their beginning.
    func instances(_ service: String, _ action: String = "run") -> [OracleInstance] {
        var lives: [OracleInstance] = []
        for line in readText("\(traceDirectory)/\(service).\(action).trace").split(separator: "\n") {
            let words = line.split(separator: " ")
            let numbers = words.dropFirst().compactMap { Int64($0) }
            guard let word = words.first, numbers.count + 1 == words.count, numbers.count >= 2 else { continue }
            let (pid, time) = (pid_t(numbers[0]), numbers[1])
            if word == "START", numbers.count == 4 {
                lives.append(
                    OracleInstance(pid: pid, job: Int(numbers[2]), restartCount: Int(numbers[3]), startedAt: time)
                )
                continue
            }
            if word == "CHILD" {
                // A child writes with its own pid; its parent is the instance that began last.
                if let last = lives.indices.last { lives[last].children.append(pid) }
                continue
            }
            guard let index = lives.lastIndex(where: { $0.pid == pid && $0.end == nil }) else { continue }
            switch word {
            case "LISTEN": lives[index].listeningAt = time
            case "TERM": lives[index].stopRequestedAt = lives[index].stopRequestedAt ?? time
            case "EXIT" where numbers.count == 4:
                lives[index].end = .exit(code: Int32(numbers[2]))
                (lives[index].endedAt, lives[index].lineCount) = (time, Int(numbers[3]))
            case "CRASH" where numbers.count == 4:
                lives[index].end = .crash(signal: Int32(numbers[2]))
                (lives[index].endedAt, lives[index].lineCount) = (time, Int(numbers[3]))
            // DUP is judged at the end of every test.
            default: continue
            }
        }
        return lives
    }

    /// When an action began last, and 0 before that: what `lives` says of a trace that has become long, from its end alone.
    func lastStartTime(_ service: String, _ action: String = "run") -> Int64 {
        guard let file = FileHandle(forReadingAtPath: "\(traceDirectory)/\(service).\(action).trace") else { return 0 }
        defer { try? file.close() }
        let size = (try? file.seekToEnd()) ?? 0
        try? file.seek(toOffset: size > 4096 ? size - 4096 : 0)
        let end = String(decoding: (try? file.readToEnd()) ?? Data(), as: UTF8.self)
        let line = end.split(separator: "\n").last { $0.hasPrefix("START ") }
        return line?.split(separator: " ").dropFirst(2).first.flatMap { Int64($0) } ?? 0
    }

    /// The one instance that lives now; waits for it.
    func runningInstance(
        _ service: String,
        _ action: String = "run",
        number: Int? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> OracleInstance {
        var found: OracleInstance?
        try await eventually("\(service).\(action) lives", sourceLocation: sourceLocation) {
            let lives = instances(service, action)
            found = lives.last.flatMap { isAlive($0.pid) ? $0 : nil }
            return found != nil && (number == nil || lives.count == number)
        }
        return try #require(found, sourceLocation: sourceLocation)
    }

    // MARK: What heroproc says

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

    /// Waits until so many services are up, as `status` says by way of another program.
    func waitUntilReady(_ count: Int, through entrance: [String], within seconds: Int = 20) async throws {
        try await eventually("\(count) services are up", within: seconds) {
            let answer = try await run(["status", "-o", "json"], through: entrance)
            return answer.exitCode == 0 && (answer.json["services"] as? [Any])?.count == count
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

    /// The last event of a level whose text contains all these words; waits for it.
    func waitForEvent(
        _ level: String,
        _ words: String...,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> [String: Any] {
        var found: [String: Any]?
        try await eventually("\(level) event with \(words)", sourceLocation: sourceLocation) {
            found = try await events().last { event in
                let text = event["text"] as? String ?? ""
                return event["level"] as? String == level && words.allSatisfy { text.contains($0) }
            }
            return found != nil
        }
        return try #require(found, sourceLocation: sourceLocation)
    }

    /// The stop waves or start waves that `diff` shows.
    func plannedWaves(_ kind: String) async throws -> [[String]] {
        let answer = try await run("diff", "-o", "json")
        return (answer.json[kind] as? [[String]] ?? []).map { $0.sorted() }
    }

    /// Expects that nothing would be done.
    func expectEmptyDiff(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let answer = try await run("diff")
        #expect(answer.exitCode == 0, "\(answer.output)\(answer.errorOutput)", sourceLocation: sourceLocation)
    }
}
