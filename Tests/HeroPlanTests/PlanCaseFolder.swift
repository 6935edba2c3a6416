import Foundation
import HeroJSON
import HeroModel
import HeroPlan
import Testing

/// One folder below `Cases`: the applied set, the declared set, the observed state and the expected plan.
///
/// `before.txt` and `after.txt` contain a line for each service (`web requires db argv 2`), standalone action (`action
/// backup schedule 60`) and setting (`settings max_disruption 2`), in `SpecNotation`. `observed.txt` contains the state
/// of each applied service (`web running`), its drift (`web drift socket_gone /run/web.sock`, `web unhealthy TEXT`),
/// its files (`web file /etc/web.conf 1 2`, with digests), the resource holders (`web holder tcp 8080 pid 412 /usr/sbin/nginx`), and the `options`.
struct PlanCaseFolder: CustomTestStringConvertible, Sendable {
    let name: String
    let url: URL

    var testDescription: String { name }

    /// All case folders by name: `GROUP/CASE`.
    static let all: [PlanCaseFolder] = {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Cases")
        let paths = (try? FileManager.default.subpathsOfDirectory(atPath: root.path(percentEncoded: false))) ?? []
        return paths.filter { $0.hasSuffix("/observed.txt") }.sorted().map { path in
            let name = path.split(separator: "/").dropLast().joined(separator: "/")
            return PlanCaseFolder(name: name, url: root.appending(path: name))
        }
    }()

    /// Whether the JSON of the plan is recorded too; about 20 cases are enough to cover its members.
    var hasJSON: Bool {
        FileManager.default.fileExists(atPath: url.appending(path: "plan.json").path(percentEncoded: false))
    }

    func read() throws -> PlanCase {
        var result = PlanCase()
        for words in try lines("after.txt") { result.declare(words) }
        let before = try lines("before.txt")
        for words in try lines("observed.txt") { result.observe(words, before) }
        return result
    }

    private func lines(_ file: String) throws -> [[String]] {
        let text = try String(contentsOf: url.appending(path: file), encoding: .utf8)
        return text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    }

    /// Compares a text with a recorded one; with `RECORD_GOLDENS=1` the text is recorded, and the test fails once.
    func difference(_ text: String, from golden: String) throws -> String? {
        let file = url.appending(path: golden)
        let recorded = try? String(contentsOf: file, encoding: .utf8)
        if recorded == text { return nil }
        guard ProcessInfo.processInfo.environment["RECORD_GOLDENS"] == "1" else {
            return "\(name)/\(golden) differs; it would be\n\(text)"
        }
        try text.write(to: file, atomically: true, encoding: .utf8)
        return "recorded \(name)/\(golden)"
    }
}

/// The parsed contents of a case folder.
struct PlanCase: Sendable {
    var desired = DesiredState()
    var observed = Observed(revision: 7)
    var options = PlanOptions()

    init() { desired.settings.required = [] }

    init(_ desired: DesiredState, _ observed: Observed, _ options: PlanOptions) {
        self.desired = desired
        self.observed = observed
        self.options = options
    }

    mutating func declare(_ words: [String]) {
        guard let name = Self.name(words[0]) else { return }
        switch words[0] {
        case "settings": desired.settings.maxDisruption = Int(words[2])
        case "action":
            guard let name = Self.name(words[1]) else { return }
            desired.actions[name] = SpecNotation.declared(Self.action(words, name), name)
        default: desired.services[name] = SpecNotation.declared(Self.service(words, name))
        }
    }

    mutating func observe(_ words: [String], _ before: [[String]]) {
        switch words[0] {
        case "options": options = Self.options(words.dropFirst())
        case "action":
            guard let name = Self.name(words[1]) else { return }
            guard words[2...].first != "holder" else {
                var holder = Self.holder(name, Array(words.dropFirst()))
                holder.isStandalone = true
                observed.holders.append(holder)
                return
            }
            let line = before.first { $0.starts(with: words.prefix(2)) } ?? words
            observed.standalone[name] = ObservedStandalone(
                canonical: CanonicalSpec(standalone: Self.action(line, name)),
                isActive: words.contains("active"),
                isScheduled: words.contains("scheduled"),
                requestedRun: words.contains("owes") ? .pending : words.contains("begun") ? .begun : .none,
                hasFailed: words.contains("failed")
            )
        default: observe(service: words, before)
        }
    }

    private mutating func observe(service words: [String], _ before: [[String]]) {
        guard let name = Self.name(words[0]) else { return }
        switch words[1] {
        case "drift": observed.services[name]?.drift.append(Self.drift(name, words))
        case "unhealthy": observed.services[name]?.unhealthy = words.dropFirst(2).joined(separator: " ")
        case "once":
            guard let spec = desired.services[name]?.spec, let outcome = OnceRecord.Outcome(rawValue: words[2]) else {
                preconditionFailure("cannot understand \(words)")
            }
            observed.once.insert(
                OnceRecord(
                    OnceRecord.Subject(service: name, action: "main"),
                    digest: OnceHistory.digest(of: spec.actions[0], in: spec),
                    outcome,
                    time: WallTime(microseconds: 1_000_000)
                )
            )
        case "not-running": observed.services[name]?.notRunning = words.dropFirst(2).joined(separator: " ")
        case "cannot-execute":
            let failure = StartFailure(stage: .execute, errno: 2, detail: words.dropFirst(2).joined(separator: " "))
            observed.startProblems.append(ObservedStartProblem(service: name, action: "main", failure))
        case "file":
            // `web file /etc/web.conf 1 2`: a digest at the start and one of now, `-` for none.
            let digests = words[3...4].map { $0 == "-" ? nil : $0 }
            let start = RecordedContent(ContentReference(words[2], .file), digests[0])
            let now = RecordedContent(ContentReference(words[2], .file), digests[1])
            observed.services[name]?.contents.append(ObservedContent(action: "main", atStart: start, now: now))
        case "holder": observed.holders.append(Self.holder(name, words))
        default:
            guard let state = ServiceState(rawValue: words[1]), let line = before.first(where: { $0[0] == words[0] })
            else { preconditionFailure("cannot understand \(words)") }
            var record = ObservedService(Self.service(line, name), state, Array(words.dropFirst(2)))
            record.hold = record.spec?.hold
            observed.services[name] = record
        }
    }

    private static func name(_ word: String) -> QualifiedName? { QualifiedName(reference: word, in: "core") }

    private static func service(_ words: [String], _ name: QualifiedName) -> ServiceSpec {
        var spec = SpecNotation.service(name)
        SpecNotation.apply(Array(words.dropFirst()), to: &spec)
        return spec
    }

    private static func action(_ words: [String], _ name: QualifiedName) -> ActionSpec {
        var spec = SpecNotation.action(name)
        SpecNotation.apply(Array(words.dropFirst(2)), to: &spec, of: name)
        return spec
    }

    private static func drift(_ name: QualifiedName, _ words: [String]) -> Drift {
        switch Drift.Kind(rawValue: words[2]) {
        case .processGone: .processGone(name, "main", pid: Int32(words[3]) ?? 1)
        case .socketGone: .socketGone(name, "main", path: words[3])
        case .programReplaced: .programReplaced(name, "main", path: words[3])
        case .environmentFileChanged: .environmentFileChanged(name, "main", path: words[3])
        case .portHeldByForeignProcess, .socketHeldByForeignProcess, nil:
            preconditionFailure("cannot understand \(words)")
        }
    }

    /// `web holder tcp 8080 pid 412 /usr/sbin/nginx instance shared`, with `protected REASON` or `of NAME` at its end.
    private static func holder(_ name: QualifiedName, _ words: [String]) -> ObservedHolder {
        let resource: ClaimedResource =
            switch words[2] {
            case "tcp": .tcp(TCPEndpoint(words[3]) ?? TCPEndpoint(port: 1))
            case "socket": .socket(words[3])
            default: .pidFile(words[3])
            }
        func word(after key: String) -> String? {
            words.firstIndex(of: key).flatMap { words[($0 + 1)...].first }
        }
        return ObservedHolder(
            service: name,
            action: "main",
            resource: resource,
            pid: Int32(words[5]) ?? 0,
            exe: words.count > 6 ? words[6] : "",
            isInstance: words.contains("instance"),
            isShared: words.contains("shared"),
            protection: word(after: "protected").map(protection),
            owner: word(after: "of").flatMap(Self.name)
        )
    }

    private static func protection(_ word: String) -> Protection {
        guard let protection = Protection(rawValue: word) else { preconditionFailure("cannot understand \(word)") }
        return protection
    }

    private static func options(_ words: some Sequence<String>) -> PlanOptions {
        var options = PlanOptions()
        for word in words {
            switch word {
            case "going-back": options.goesBack = true
            case "--no-prune": options.prunes = false
            case "--no-kill": options.allowsReclaims = false
            case "--allow-protected": options.allowsProtected = true
            case "--allow-disruption": options.allowsDisruption = true
            case "--allow-broken": options.allowsBroken = true
            case "heal": (options.retriesFailed, options.rerunsFailed) = (false, false)
            case "down": options.down = .userServices
            case "down-all": options.down = .allServices
            default:
                if word.hasPrefix("time=") {
                    options.time = Int64(word.dropFirst(5)).map { WallTime(microseconds: $0 * 1_000_000) }
                    continue
                }
                guard word.hasPrefix("--only=") else { preconditionFailure("cannot understand \(word)") }
                options.only = SpecNotation.names(word.dropFirst("--only=".count))
            }
        }
        return options
    }
}
