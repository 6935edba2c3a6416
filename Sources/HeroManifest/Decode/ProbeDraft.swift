internal import HeroModel

/// The `ready` or `health` map of an action.
struct ProbeDraft: ManifestDraft {
    /// The purpose of a probe.
    enum Purpose: String {
        /// Readiness: whether an action is up.
        case ready
        /// Health: whether an action that is up still works.
        case health
    }

    /// The checks that are written, with their keys; the check is nil if its value is invalid.
    private var checks: [(key: String, check: Probe.Check?)] = []
    /// The probe with all values but the check.
    private var settings: Probe
    private var httpURL: HTTPTarget?
    private var httpSocket: String?
    private var httpPath: String?
    private var httpMethod: HTTPTarget.Method?
    private var httpHeaders: [String: String] = [:]
    private var httpStatuses: [Int] = []
    /// The decoded probe; nil if it is invalid.
    private(set) var probe: Probe?
    var writtenFields: [WrittenField] = []
    var misspelledKeys: Set<String> = []

    /// Decodes a probe: one check with its timing.
    static func decode(_ node: YAMLNode, as purpose: Purpose, in decoder: inout FileDecoder) -> Self {
        switch purpose {
        case .ready:
            var draft = Self(settings: Probe(.exec([])))
            readyTable.decode(node, example: "tcp: 8080", into: &draft, in: &decoder)
            draft.finishDecoding(node, in: &decoder)
            draft.warnAboutUnusedTimingKeys(in: &decoder)
            return draft
        case .health:
            var draft = Self(settings: Probe(.exec([]), interval: Probe.healthInterval))
            healthTable.decode(node, example: "tcp: 8080", into: &draft, in: &decoder)
            draft.finishDecoding(node, in: &decoder)
            draft.warnAboutUnusedTimingKeys(in: &decoder)
            return draft
        }
    }

    private init(settings: Probe) {
        self.settings = settings
    }

    private static let checkKeys = [
        "tcp", "http", "exec", "unix", "log", "notify", "fd", "alive_for", "watchdog", "memory_below",
    ]
    /// The keys for the timing of a check.
    private static let timingKeys = ["interval", "timeout", "failures", "successes", "start_period"]

    private mutating func finishDecoding(_ node: YAMLNode, in decoder: inout FileDecoder) {
        guard case .mapping = node.content else { return }
        let memoryLimit = writtenFields.first { $0.path == "health.memory_below" }
        if checks.isEmpty, memoryLimit != nil { checks = [("memory_below", settings.memoryBelow.map { _ in .memory })] }
        guard let first = checks.first else {
            guard misspelledKeys.isDisjoint(with: Self.checkKeys) else { return }
            decoder.report(
                .noQuestion,
                "this probe has no check",
                help: "write one of `tcp: 8080`, `http: http://127.0.0.1:8080/health`, `exec: [..]`, `unix: path` "
                    + "or `log: regex`",
                at: node.span
            )
            return
        }
        guard checks.count == 1 else {
            decoder.report(
                .twoQuestions,
                "a probe must have exactly one check, and this one has \(checks.count): \(listed(checks.map(\.key)))",
                help: "keep one of them; an `exec` probe can check several things",
                at: node.span
            )
            return
        }
        guard let check = first.check else { return }
        if let memoryLimit, case .watchdog = check {
            decoder.report(
                .twoQuestions,
                "`memory_below` and `watchdog` exclude each other: nothing is probed with `watchdog`",
                help: "keep one of them, or write another check, such as `tcp: 8080`",
                at: memoryLimit.span
            )
        }
        settings.check = check
        probe = settings
    }

    /// The keys of `ready`.
    static let readyTable = table(.ready)
    /// The keys of `health`.
    static let healthTable = table(.health)

    private static func table(_ purpose: Purpose) -> KeyTable<ProbeDraft> {
        let owner = purpose.rawValue
        func check(
            _ key: String,
            _ read: @escaping @Sendable (YAMLNode, String, inout FileDecoder) -> Probe.Check?
        ) -> Key<ProbeDraft> {
            let path = "\(owner).\(key)"
            return Key(key) { node, draft, decoder in draft.checks.append((key, read(node, path, &decoder))) }
        }
        func time(
            _ key: String,
            _ range: ClosedRange<Duration>,
            _ set: @escaping @Sendable (inout Probe, Duration) -> Void
        ) -> Key<ProbeDraft> {
            let path = "\(owner).\(key)"
            return Key(key) { node, draft, decoder in
                if let value = decoder.duration(node, path, in: range) { set(&draft.settings, value) }
            }
        }
        func count(_ key: String, _ set: @escaping @Sendable (inout Probe, Int) -> Void) -> Key<ProbeDraft> {
            let path = "\(owner).\(key)"
            return Key(key) { node, draft, decoder in
                if let value = decoder.integer(node, path, in: AllowedRanges.probeThreshold) {
                    set(&draft.settings, value)
                }
            }
        }
        let http = httpTable(owner)
        let notify = check("notify") { node, path, decoder in decoder.requireTrue(node, path) ? .notify : nil }
        let watchdog = check("watchdog") { node, path, decoder in
            decoder.duration(node, path, in: AllowedRanges.watchdog).map { .watchdog($0) }
        }
        let then = Key<ProbeDraft>("then") { node, draft, decoder in
            if let reaction = decoder.choice(node, owner + ".then", Probe.Reaction.self) {
                draft.settings.reaction = reaction
            }
        }
        let memoryBelow = Key<ProbeDraft>("memory_below") { node, draft, decoder in
            draft.settings.memoryBelow = decoder.size(node, owner + ".memory_below", in: AllowedRanges.memoryBytes)
        }
        let descriptor = check("fd") { node, path, decoder in
            decoder.integer(node, path, in: AllowedRanges.readyDescriptor).map { .descriptor($0) }
        }
        let aliveFor = check("alive_for") { node, path, decoder in
            decoder.duration(node, path, in: AllowedRanges.shorterTime).map { .aliveFor($0) }
        }
        return KeyTable(
            of: owner,
            prefix: owner + ".",
            [
                check("tcp") { node, path, decoder in decoder.endpoint(node, path).map { .tcp($0) } },
                Key("http") { node, draft, decoder in
                    let target = draft.decodeHTTP(node, http, in: &decoder)
                    draft.checks.append(("http", target.map { .http($0) }))
                },
                check("exec") { node, path, decoder in decoder.arguments(node, path).map { .exec($0) } },
                check("unix") { node, path, decoder in decoder.socketPath(node, path).map { .unix($0) } },
                check("log") { node, path, decoder in decoder.pattern(node, path).map { .log($0) } },
            ] + (purpose == .ready ? [notify, descriptor, aliveFor] : [watchdog, memoryBelow]) + [
                time("interval", AllowedRanges.time) { $0.interval = $1 },
                time("timeout", AllowedRanges.time) { $0.timeout = $1 },
                count("failures") { $0.failures = $1 },
                count("successes") { $0.successes = $1 },
                time("start_period", AllowedRanges.delay) { $0.startPeriod = $1 },
            ] + (purpose == .health ? [then] : []),
            misplacedKeyHelp: { key in
                switch (key, purpose) {
                case ("notify", .health):
                    "write `notify: true` in `ready`; for a program that sends WATCHDOG=1 regularly, "
                        + "write `watchdog: 30s` here"
                case ("watchdog", .ready):
                    "write `watchdog: 30s` in `health`, which applies once the program is up; "
                        + "write `notify: true` here"
                case ("memory_below", .ready): "write it in `health`, which applies once the program is up"
                case ("then", .ready): "it is a key of `health`: a process that does not become ready is restarted"
                case ("fd", .health): "write it in `ready`: a program says once that it is ready"
                case ("alive_for", .health): "write it in `ready`: a process that has ended is restarted anyway"
                default: nil
                }
            }
        )
    }

    /// Warns about timing keys of checks that heroproc does not run.
    private func warnAboutUnusedTimingKeys(in decoder: inout FileDecoder) {
        let check: String
        let cause: String
        let limit: String
        switch probe?.check {
        case .notify: (check, cause, limit) = ("notify", "the program itself reports its state", "start_timeout")
        case .descriptor: (check, cause, limit) = ("fd", "the program itself reports its state", "start_timeout")
        case .watchdog: (check, cause, limit) = ("watchdog", "the program itself reports its state", "watchdog")
        case .aliveFor: (check, cause, limit) = ("alive_for", "nothing is probed", "start_timeout")
        case .tcp, .http, .exec, .unix, .log, .memory, nil: return
        }
        for field in writtenFields {
            guard let key = field.path.split(separator: ".").last.map(String.init), Self.timingKeys.contains(key) else {
                continue
            }
            decoder.report(
                .mannerOfNothing,
                "`\(key)` has no effect with `\(check)`: \(cause)",
                help: "remove it; `\(limit)` limits the time",
                at: field.span,
                severity: .warning
            )
        }
    }

    private mutating func decodeHTTP(_ node: YAMLNode, _ table: KeyTable<Self>, in decoder: inout FileDecoder)
        -> HTTPTarget?
    {
        guard case .mapping(let entries) = node.content else { return decoder.httpURL(node, table.owner) }
        table.decode(entries, into: &self, in: &decoder)
        let keys = Set(entries.map(\.key))
        switch (keys.contains("url"), keys.contains("unix")) {
        case (false, false):
            guard misspelledKeys.isDisjoint(with: ["url", "unix"]) else { return nil }
            decoder.report(
                .missingKey,
                "`\(table.owner)` has neither `url` nor `unix`",
                help: "write `{url: \"http://127.0.0.1:8080/health\"}` or `{unix: /run/web.sock, path: /health}`",
                at: node.span
            )
            return nil
        case (true, true):
            decoder.report(
                .twoQuestions,
                "`\(table.owner)` has both `url` and `unix`",
                help: "keep one of them",
                at: node.span
            )
            return nil
        case (true, false):
            if let path = entries.first(where: { $0.key == "path" }) {
                decoder.report(
                    .unknownKey,
                    "`path` and `url` exclude each other: a URL contains the path",
                    help: "remove it, and write the path in `url`",
                    at: path.span
                )
            }
            return httpURL.map(httpRequest)
        case (false, true):
            guard let socket = httpSocket, let path = keys.contains("path") ? httpPath : "/" else { return nil }
            return httpRequest(HTTPTarget(.unix(socket), path: path))
        }
    }

    /// Returns a target with the other keys of the map.
    private func httpRequest(_ target: HTTPTarget) -> HTTPTarget {
        HTTPTarget(
            target.server,
            path: target.path,
            method: httpMethod ?? .get,
            headers: httpHeaders,
            expected: httpStatuses
        )
    }

    private static func httpTable(_ probe: String) -> KeyTable<ProbeDraft> {
        let owner = "\(probe).http"
        return KeyTable(
            of: owner,
            prefix: owner + ".",
            [
                Key("url") { node, draft, decoder in draft.httpURL = decoder.httpURL(node, owner + ".url") },
                Key("unix") { node, draft, decoder in draft.httpSocket = decoder.socketPath(node, owner + ".unix") },
                Key("path") { node, draft, decoder in draft.httpPath = decoder.requestPath(node, owner + ".path") },
                Key("method") { node, draft, decoder in
                    draft.httpMethod = decoder.choice(node, owner + ".method", HTTPTarget.Method.self)
                },
                Key("headers") { node, draft, decoder in
                    draft.httpHeaders = decoder.httpHeaders(node, owner + ".headers")
                },
                Key("expect") { node, draft, decoder in
                    draft.httpStatuses = decoder.httpStatuses(node, owner + ".expect")
                },
            ]
        )
    }
}
