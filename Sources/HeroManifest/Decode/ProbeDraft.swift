internal import HeroModel

/// A probe as its map says it.
struct ProbeDraft: ManifestDraft {
    /// What a probe is for.
    enum Purpose: String {
        /// When an action counts as up.
        case ready
        /// Whether it is alive.
        case health
    }

    /// What it asks, with the key; nil where the value is wrong.
    private var checks: [(key: String, question: Probe.Check?)] = []
    private var rest: Probe
    private var httpSocket: String?
    private var httpPath: String?
    /// What it says, once it is read; nil where it is wrong.
    private(set) var probe: Probe?
    var writtenFields: [WrittenField] = []
    var misspelledKeys: Set<String> = []

    /// Reads a probe: one question, and how it is asked.
    static func decode(_ node: YAMLNode, as purpose: Purpose, in scope: inout FileDecoder) -> Self {
        switch purpose {
        case .ready:
            var draft = Self(rest: Probe(.exec([])))
            readyTable.decode(node, example: "tcp: 8080", into: &draft, in: &scope)
            draft.finishDecoding(node, in: &scope)
            draft.warnAboutUnusedTimingKeys(in: &scope)
            return draft
        case .health:
            var draft = Self(rest: Probe(.exec([]), interval: Probe.healthInterval))
            healthTable.decode(node, example: "tcp: 8080", into: &draft, in: &scope)
            draft.finishDecoding(node, in: &scope)
            draft.warnAboutUnusedTimingKeys(in: &scope)
            return draft
        }
    }

    private init(rest: Probe) {
        self.rest = rest
    }

    private static let checkKeys = ["tcp", "http", "exec", "unix", "log", "notify", "watchdog"]
    /// What says how a question is asked.
    private static let timingKeys = ["interval", "timeout", "failures", "successes", "start_period"]

    private mutating func finishDecoding(_ node: YAMLNode, in scope: inout FileDecoder) {
        guard case .mapping = node.content else { return }
        guard let first = checks.first else {
            guard misspelledKeys.isDisjoint(with: Self.checkKeys) else { return }
            scope.report(
                .noQuestion,
                "this probe asks nothing",
                help: "write one of `tcp: 8080`, `http: http://127.0.0.1:8080/health`, `exec: [..]`, `unix: path` "
                    + "or `log: regex`",
                at: node.span
            )
            return
        }
        guard checks.count == 1 else {
            scope.report(
                .twoQuestions,
                "a probe asks one question, and this one asks \(checks.count): \(alternatives(checks.map(\.key)))",
                help: "keep one of them; an `exec` probe can ask several things",
                at: node.span
            )
            return
        }
        guard let question = first.question else { return }
        rest.check = question
        probe = rest
    }

    /// The keys of `ready`.
    static let readyTable = table(.ready)
    /// The keys of `health`.
    static let healthTable = table(.health)

    private static func table(_ purpose: Purpose) -> KeyTable<ProbeDraft> {
        let owner = purpose.rawValue
        func question(
            _ key: String,
            _ read: @escaping @Sendable (YAMLNode, String, inout FileDecoder) -> Probe.Check?
        ) -> Key<ProbeDraft> {
            let path = "\(owner).\(key)"
            return Key(key) { node, draft, scope in draft.checks.append((key, read(node, path, &scope))) }
        }
        func time(
            _ key: String,
            _ range: ClosedRange<Duration>,
            _ set: @escaping @Sendable (inout Probe, Duration) -> Void
        ) -> Key<ProbeDraft> {
            let path = "\(owner).\(key)"
            return Key(key) { node, draft, scope in
                if let value = scope.duration(node, path, in: range) { set(&draft.rest, value) }
            }
        }
        func count(_ key: String, _ set: @escaping @Sendable (inout Probe, Int) -> Void) -> Key<ProbeDraft> {
            let path = "\(owner).\(key)"
            return Key(key) { node, draft, scope in
                if let value = scope.integer(node, path, in: AllowedRanges.probeThreshold) { set(&draft.rest, value) }
            }
        }
        let http = httpTable(owner)
        let notify = question("notify") { node, path, scope in scope.requireTrue(node, path) ? .notify : nil }
        let watchdog = question("watchdog") { node, path, scope in
            scope.duration(node, path, in: AllowedRanges.watchdog).map { .watchdog($0) }
        }
        return KeyTable(
            of: owner,
            prefix: owner + ".",
            [
                question("tcp") { node, path, scope in scope.endpoint(node, path).map { .tcp($0) } },
                Key("http") { node, draft, scope in
                    let target = draft.decodeHTTP(node, http, in: &scope)
                    draft.checks.append(("http", target.map { .http($0) }))
                },
                question("exec") { node, path, scope in scope.arguments(node, path).map { .exec($0) } },
                question("unix") { node, path, scope in scope.socketPath(node, path).map { .unix($0) } },
                question("log") { node, path, scope in scope.pattern(node, path).map { .log($0) } },
            ] + (purpose == .ready ? [notify] : [watchdog]) + [
                time("interval", AllowedRanges.time) { $0.interval = $1 },
                time("timeout", AllowedRanges.time) { $0.timeout = $1 },
                count("failures") { $0.failures = $1 },
                count("successes") { $0.successes = $1 },
                time("start_period", AllowedRanges.delay) { $0.startPeriod = $1 },
            ],
            elsewhere: { key in
                switch (key, purpose) {
                case ("notify", .health):
                    "a program says READY=1 once, when it is up: write `notify: true` in `ready`; one that says "
                        + "WATCHDOG=1 again and again has `watchdog: 30s` here"
                case ("watchdog", .ready):
                    "a program is watched once it is up: write `watchdog: 30s` in `health`, and `notify: true` here"
                default: nil
                }
            }
        )
    }

    /// A question that nobody asks has no manner to be asked in.
    private func warnAboutUnusedTimingKeys(in scope: inout FileDecoder) {
        let heard: String
        switch probe?.check {
        case .notify: heard = "notify"
        case .watchdog: heard = "watchdog"
        case .tcp, .http, .exec, .unix, .log, nil: return
        }
        for place in writtenFields {
            guard let key = place.path.split(separator: ".").last.map(String.init), Self.timingKeys.contains(key) else {
                continue
            }
            scope.report(
                .mannerOfNothing,
                "`\(key)` does nothing beside `\(heard)`: the program speaks, and nobody asks",
                help: "remove it; the time it has stands in `\(heard == "notify" ? "start_timeout" : heard)`",
                at: place.span,
                severity: .warning
            )
        }
    }

    private mutating func decodeHTTP(_ node: YAMLNode, _ table: KeyTable<Self>, in scope: inout FileDecoder)
        -> HTTPTarget?
    {
        guard case .mapping(let entries) = node.content else { return scope.httpURL(node, table.owner) }
        table.decode(entries, into: &self, in: &scope)
        if !entries.contains(where: { $0.key == "unix" }), !misspelledKeys.contains("unix") {
            scope.report(
                .missingKey,
                "`\(table.owner)` has no `unix`",
                help: "write `{unix: /run/web.sock, path: /health}`, or a URL",
                at: node.span
            )
        }
        guard let socket = httpSocket else { return nil }
        if entries.contains(where: { $0.key == "path" }) {
            return httpPath.map { HTTPTarget(.unix(socket), path: $0) }
        }
        return HTTPTarget(.unix(socket), path: "/")
    }

    private static func httpTable(_ probe: String) -> KeyTable<ProbeDraft> {
        let unix = "\(probe).http.unix"
        let path = "\(probe).http.path"
        return KeyTable(
            of: "\(probe).http",
            prefix: "\(probe).http.",
            [
                Key("unix") { node, draft, scope in draft.httpSocket = scope.socketPath(node, unix) },
                Key("path") { node, draft, scope in draft.httpPath = scope.requestPath(node, path) },
            ]
        )
    }
}
