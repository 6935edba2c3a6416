internal import HeroModel

/// A probe as its map says it.
struct ProbeDraft {
    /// What it asks, with the key's place; nil where the value is wrong.
    fileprivate var questions: [(key: String, question: Probe.Question?)] = []
    fileprivate var rest = Probe(.exec([]))
    fileprivate var httpSocket: String?
    fileprivate var httpPath: String?

    /// The probe, when exactly one question is asked and understood.
    func probe(at span: Span, unless misspelt: Set<String>, in scope: inout Scope) -> Probe? {
        guard let first = questions.first else {
            guard misspelt.isDisjoint(with: ["tcp", "http", "exec", "unix"]) else { return nil }
            scope.report(
                .noQuestion,
                "this probe asks nothing",
                help: "write one of `tcp: 8080`, `http: http://127.0.0.1:8080/health`, `exec: [..]` or `unix: path`",
                at: span
            )
            return nil
        }
        guard questions.count == 1 else {
            scope.report(
                .twoQuestions,
                "a probe asks one question, and this one asks \(questions.count): \(listed(questions.map(\.key)))",
                help: "keep one of them; an `exec` probe can ask several things",
                at: span
            )
            return nil
        }
        guard let question = first.question else { return nil }
        var probe = rest
        probe.question = question
        return probe
    }

    /// The keys of `ready`.
    static let table = KeyTable<ActionDraft>(
        of: "ready",
        prefix: "ready.",
        [
            Key("tcp") { node, draft, scope in
                draft.probe.questions.append(("tcp", scope.endpoint(node, "ready.tcp").map { .tcp($0) }))
            },
            Key("http") { node, draft, scope in
                let target = http(node, &draft, &scope)
                draft.probe.questions.append(("http", target.map { .http($0) }))
            },
            Key("exec") { node, draft, scope in
                draft.probe.questions.append(("exec", scope.arguments(node, "ready.exec").map { .exec($0) }))
            },
            Key("unix") { node, draft, scope in
                draft.probe.questions.append(("unix", scope.socketPath(node, "ready.unix").map { .unix($0) }))
            },
            Key("interval") { node, draft, scope in
                if let value = scope.duration(node, "ready.interval") { draft.probe.rest.interval = value }
            },
            Key("timeout") { node, draft, scope in
                if let value = scope.duration(node, "ready.timeout") { draft.probe.rest.timeout = value }
            },
            Key("failures") { node, draft, scope in
                if let value = scope.integer(node, "ready.failures", in: 1...Limits.tries) {
                    draft.probe.rest.failures = value
                }
            },
            Key("successes") { node, draft, scope in
                if let value = scope.integer(node, "ready.successes", in: 1...Limits.tries) {
                    draft.probe.rest.successes = value
                }
            },
            Key("start_period") { node, draft, scope in
                if let value = scope.duration(node, "ready.start_period", mayBeZero: true) {
                    draft.probe.rest.startPeriod = value
                }
            },
        ]
    )

    private static func http(_ node: Node, _ draft: inout ActionDraft, _ scope: inout Scope) -> HTTPTarget? {
        guard case .mapping(let entries) = node.content else { return scope.httpURL(node, "ready.http") }
        httpTable.decode(entries, into: &draft, in: &scope)
        if !entries.contains(where: { $0.key == "unix" }), !draft.misspelt.contains("unix") {
            scope.report(
                .missingKey,
                "`ready.http` has no `unix`",
                help: "write `{unix: /run/web.sock, path: /health}`, or a URL",
                at: node.span
            )
        }
        guard let socket = draft.probe.httpSocket else { return nil }
        if entries.contains(where: { $0.key == "path" }) {
            return draft.probe.httpPath.map { HTTPTarget(.unix(socket), path: $0) }
        }
        return HTTPTarget(.unix(socket), path: "/")
    }

    private static let httpTable = KeyTable<ActionDraft>(
        of: "ready.http",
        prefix: "ready.http.",
        [
            Key("unix") { node, draft, scope in
                draft.probe.httpSocket = scope.socketPath(node, "ready.http.unix")
            },
            Key("path") { node, draft, scope in
                draft.probe.httpPath = scope.requestPath(node, "ready.http.path")
            },
        ]
    )
}
