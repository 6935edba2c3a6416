internal import HeroModel

/// An action as its map says it.
struct ActionDraft: Located {
    /// What an action binds, with places.
    struct Bound {
        /// TCP ports.
        var ports: [(endpoint: TCPEndpoint, span: Span)] = []
        /// Unix sockets.
        var sockets: [(path: String, span: Span)] = []
    }

    /// Its file's number.
    var file: Int
    /// Its context; of an inline action, its service's.
    var context: String
    /// What it says so far.
    var spec: ActionSpec
    /// Where its name is written.
    var span: Span
    /// What it binds.
    var bound = Bound()
    var written: [Written] = []
    var misspelt: Set<String> = []

    // What is joined once all keys are read, whatever their order.
    fileprivate var arguments: [String]?
    fileprivate var script: String?
    fileprivate var interpreter: String?
    fileprivate var restart: RestartPolicy?
    fileprivate var maxAttempts: Int?
    var probe = ProbeDraft()

    init(file: Int, context: String, name: String, span: Span) {
        self.file = file
        self.context = context
        self.span = span
        spec = ActionSpec(name, .exec([]))
    }

    /// Its name and context.
    var name: QualifiedName { QualifiedName(spec.name, context: context) }

    /// Where a field is written; nil where it is not.
    func span(of path: String) -> Span? { written.first { $0.path == path }?.span }
}

extension ActionDraft {
    /// Every key of `kind: Action` in the order of the reference.
    static let table = KeyTable<ActionDraft>(
        of: "an action",
        [
            Key("kind") { _, _, _ in },
            Key("name") { _, _, _ in },
            Key("context") { _, _, _ in },
        ] + sharedKeys,
        elsewhere: { key in
            guard serviceOnlyKeyNames.contains(key) else { return nil }
            return "`\(key)` is a key of a service: write it in the service that lists this action"
        }
    )

    /// The keys of an action within a service: all but `kind` and `context`.
    private static let inlineTable = KeyTable<ActionDraft>(
        of: "an action",
        [Key("name") { _, _, _ in }] + sharedKeys,
        elsewhere: { key in
            if key == "kind" || key == "context" {
                return "remove it: an action within a service belongs to its service's context"
            }
            guard serviceOnlyKeyNames.contains(key) else { return nil }
            return "`\(key)` is a key of a service: indent it less, beside `actions`"
        }
    )

    /// The names of the keys that only make sense in an action.
    static let inlineKeyNames = Set(sharedKeys.map(\.name))

    private static let serviceOnlyKeyNames: Set<String> = [
        "class", "status", "labels", "requires", "after", "wants", "required", "actions", "start_order",
    ]

    private static let sharedKeys: [Key<ActionDraft>] = [
        Key("description") { node, draft, scope in
            if let text = scope.text(node, "description") { draft.spec.description = text }
        },
        Key("tags") { node, draft, scope in draft.spec.tags = scope.words(node, "tags", example: "nightly") },
        Key("exec") { node, draft, scope in draft.arguments = scope.arguments(node, "exec") },
        Key("script") { node, draft, scope in
            guard let text = scope.text(node, "script", example: "script: echo hello") else { return }
            if text.utf8.allSatisfy({ $0 <= 32 }) {
                scope.report(.emptyText, "`script` is empty", help: "write what to run", at: node.span)
            } else {
                draft.script = text
            }
        },
        Key("interpreter") { node, draft, scope in
            draft.interpreter = scope.word(node, "interpreter", example: "interpreter: bash")
        },
        Key("is_process") { node, draft, scope in
            if let value = scope.boolean(node, "is_process") { draft.spec.isProcess = value }
        },
        Key("cwd") { node, draft, scope in
            draft.spec.workingDirectory = scope.path(node, "cwd", example: "cwd: /srv/web")
        },
        Key("env") { node, draft, scope in
            draft.spec.environment = scope.texts(node, "env", example: "PORT: 8080") { path, span in
                draft.written.append(Written(path: path, span: span))
            }.mapValues(EnvironmentValue.text)
        },
        Key("sockets") { node, draft, scope in
            var paths = Distinct<String>()
            for item in scope.items(node, "sockets", of: "paths", example: "/run/web.sock") {
                guard let path = scope.socketPath(item, "sockets") else { continue }
                if paths.append(path) {
                    draft.bound.sockets.append((path, item.span))
                } else {
                    scope.reportRepetition(item, "sockets", path)
                }
            }
            draft.spec.sockets = paths.items
        },
        Key("tcp_ports") { node, draft, scope in
            var endpoints = Distinct<TCPEndpoint>()
            for item in scope.items(node, "tcp_ports", of: "ports or addresses", example: "8080") {
                guard let endpoint = scope.boundEndpoint(item, "tcp_ports") else { continue }
                if endpoints.append(endpoint) {
                    draft.bound.ports.append((endpoint, item.span))
                } else {
                    scope.reportRepetition(item, "tcp_ports", endpoint.description)
                }
            }
            draft.spec.tcpPorts = endpoints.items
        },
        Key("ready") { node, draft, scope in
            ProbeDraft.table.decode(node, example: "tcp: 8080", into: &draft, in: &scope)
            if case .mapping = node.content {
                draft.spec.ready = draft.probe.probe(at: node.span, unless: draft.misspelt, in: &scope)
            }
        },
        Key("start_timeout") { node, draft, scope in
            if let value = scope.duration(node, "start_timeout") { draft.spec.startTimeout = value }
        },
        Key("timeout") { node, draft, scope in draft.spec.timeout = scope.duration(node, "timeout") },
        Key("stop") { node, draft, scope in
            Self.stopTable.decode(node, example: "signal: TERM", into: &draft, in: &scope)
        },
        Key("restart") { node, draft, scope in draft.restart = scope.choice(node, "restart", RestartPolicy.self) },
        Key("retry") { node, draft, scope in
            Self.retryTable.decode(node, example: "max_attempts: 3", into: &draft, in: &scope)
        },
        Key("log") { node, draft, scope in
            Self.logTable.decode(node, example: "max_size: 10MiB", into: &draft, in: &scope)
        },
        Key("generation") { node, draft, scope in
            if let value = scope.integer(node, "generation", in: 0...Limits.generation) {
                draft.spec.generation = value
            }
        },
    ]

    private static let stopTable = KeyTable<ActionDraft>(
        of: "stop",
        prefix: "stop.",
        [
            Key("signal") { node, draft, scope in
                if let value = scope.signal(node, "stop.signal") { draft.spec.stop.signal = value }
            },
            Key("timeout") { node, draft, scope in
                if let value = scope.duration(node, "stop.timeout", mayBeZero: true) {
                    draft.spec.stop.timeout = value
                }
            },
        ]
    )

    private static let retryTable = KeyTable<ActionDraft>(
        of: "retry",
        prefix: "retry.",
        [
            Key("max_attempts") { node, draft, scope in
                draft.maxAttempts = scope.integer(node, "retry.max_attempts", in: 0...Limits.tries)
            },
            Key("delay") { node, draft, scope in
                if let value = scope.duration(node, "retry.delay", mayBeZero: true) { draft.spec.retry.delay = value }
            },
            Key("factor") { node, draft, scope in
                if let value = scope.number(node, "retry.factor", in: 1...1000) { draft.spec.retry.factor = value }
            },
            Key("max_delay") { node, draft, scope in
                if let value = scope.duration(node, "retry.max_delay", mayBeZero: true) {
                    draft.spec.retry.maxDelay = value
                }
            },
            Key("jitter") { node, draft, scope in
                if let value = scope.number(node, "retry.jitter", in: 0...1) { draft.spec.retry.jitter = value }
            },
            Key("stable_after") { node, draft, scope in
                if let value = scope.duration(node, "retry.stable_after", mayBeZero: true) {
                    draft.spec.retry.stableAfter = value
                }
            },
        ]
    )

    private static let logTable = KeyTable<ActionDraft>(
        of: "log",
        prefix: "log.",
        [
            Key("max_size") { node, draft, scope in
                if let value = scope.size(node, "log.max_size", in: Limits.logBytes) { draft.spec.log.maxSize = value }
            },
            Key("keep") { node, draft, scope in
                if let value = scope.integer(node, "log.keep", in: 0...Limits.keptFiles) { draft.spec.log.keep = value }
            },
        ]
    )
}

extension ActionDraft {
    /// Reads an action within a service; nil, and reported, when it has no valid name.
    static func inline(_ entries: [Entry], at span: Span, in scope: inout Scope) -> Self? {
        let name = entries.first { $0.key == "name" }
        var draft = Self(
            file: scope.fileIndex,
            context: scope.context,
            name: "",
            span: name?.value.span ?? entries.first?.span ?? span
        )
        if let name {
            draft.spec.name = scope.name(name.value, "name") ?? ""
        } else {
            scope.report(
                .missingKey,
                "this action has no `name`",
                help: "give it one that is unique within its service",
                at: draft.span
            )
        }
        inlineTable.decode(entries, into: &draft, in: &scope)
        draft.finish(in: &scope)
        return draft.spec.name.isEmpty ? nil : draft
    }

    /// Joins what does not depend on the order of keys, and judges keys that depend on each other.
    mutating func finish(in scope: inout Scope) {
        spec.restart = restart ?? (spec.isProcess ? .always : .onFailure)
        spec.retry.maxAttempts = maxAttempts ?? (spec.isProcess ? 0 : 1)
        switch (span(of: "exec"), span(of: "script")) {
        case (nil, nil):
            guard misspelt.isDisjoint(with: ["exec", "script"]) else { break }
            scope.report(
                .noProgram,
                "this action runs nothing",
                help: "write `exec: [program, argument]` or `script: |` with the lines to run",
                at: span
            )
        case (let exec?, let script?):
            scope.report(
                .twoPrograms,
                "an action has `exec` or `script`, not both",
                help: "remove one of them",
                at: max(exec, script),
                notes: [scope.source.note("the other one", at: min(exec, script))]
            )
        case (_?, nil):
            if let arguments { spec.program = .exec(arguments) }
        case (nil, _?):
            if let script { spec.program = .script(script, interpreter: interpreter) }
        }
        if let place = span(of: "interpreter"), span(of: "script") == nil {
            scope.report(
                .interpreterWithoutScript,
                "`interpreter` belongs to a `script`, and this action has none",
                help: "remove it, or write `exec: [interpreter, file]`",
                at: place
            )
        }
        if let place = span(of: "timeout"), spec.isProcess {
            scope.report(
                .timeoutOfProcess,
                "`timeout` is for one-shots, and this action is a process",
                help: "remove it; `start_timeout` limits the time to become ready, `stop.timeout` the time to stop",
                at: place
            )
        }
    }
}
