internal import HeroModel

/// The action that one map declares, before the set is complete.
struct ActionDraft: ManifestDraft {
    /// The ports and sockets that an action binds, with their spans.
    struct Bindings {
        /// TCP ports.
        var ports: [(port: BoundPort, span: Span)] = []
        /// Unix sockets.
        var sockets: [(path: String, span: Span)] = []
        /// The link to the log.
        var logLink: (path: String, span: Span)?
    }

    /// The index of the file.
    var file: Int
    /// The context; an inline action has the context of its service.
    var context: String
    /// The spec so far.
    var spec: ActionSpec
    /// The span of the name.
    var span: Span
    /// The ports and sockets that it binds.
    var bindings = Bindings()
    var writtenFields: [WrittenField] = []
    var misspelledKeys: Set<String> = []

    // Values that are combined when all keys are decoded, because keys can come in any order.
    var arguments: [String]?
    var script: String?
    var interpreter: String?
    var restart: RestartPolicy?
    var stop = StopDraft()
    var retry = RetryDraft()
    var log = LogDraft()
    var limits = LimitsDraft()
    var sandbox = SandboxDraft()
    /// The value of `schedule.timezone`; only the caller knows which time zones exist.
    var timeZone: (name: String, span: Span)?

    init(file: Int, context: String, name: String, span: Span) {
        self.file = file
        self.context = context
        self.span = span
        spec = ActionSpec(name, .exec([]))
    }

    /// The name with the context.
    var name: QualifiedName { QualifiedName(spec.name, context: context) }

    /// Returns the span of the key of a field; nil if the field is not written.
    func span(of path: String) -> Span? { writtenFields.first { $0.path == path }?.span }
}

extension ActionDraft {
    /// Decodes an inline action; returns nil, after a report, if it has no valid name.
    static func inline(_ entries: [YAMLEntry], at span: Span, in decoder: inout FileDecoder) -> Self? {
        let name = entries.first { $0.key == "name" }
        var draft = Self(
            file: decoder.fileIndex,
            context: decoder.context,
            name: "",
            span: name?.value.span ?? entries.first?.span ?? span
        )
        if let name {
            draft.spec.name = decoder.name(name.value, "name") ?? ""
        } else {
            decoder.report(
                .missingKey,
                "this action has no `name`",
                help: "add a `name` that is unique in its service",
                at: draft.span
            )
        }
        inlineTable.decode(entries, into: &draft, in: &decoder)
        draft.finishDecoding(in: &decoder)
        return draft.spec.name.isEmpty ? nil : draft
    }

    /// Combines the decoded values, and checks keys that depend on each other.
    mutating func finishDecoding(in decoder: inout FileDecoder) {
        spec.restart = restart ?? (spec.isProcess ? .always : .onFailure)
        if spec.occasion == .stopped, spec.timeout == nil { spec.timeout = ActionSpec.stoppedTimeout }
        for more in [
            stop.writtenFields, retry.writtenFields, log.writtenFields, limits.writtenFields, sandbox.writtenFields,
        ]
        where !more.isEmpty {
            writtenFields += more
        }
        spec.sandbox = sandbox.policy.isEmpty ? nil : sandbox.policy
        switch (span(of: "exec"), span(of: "script")) {
        case (nil, nil):
            guard misspelledKeys.isDisjoint(with: ["exec", "script"]) else { break }
            decoder.report(
                .noProgram,
                "this action has neither `exec` nor `script`",
                help: "write `exec: [program, argument]` or `script: |` with the lines to run",
                at: span
            )
        case (let exec?, let script?):
            decoder.report(
                .twoPrograms,
                "this action has both `exec` and `script`",
                help: "remove one of them",
                at: max(exec, script),
                notes: [decoder.source.note("the other key", at: min(exec, script))]
            )
        case (_?, nil):
            if let arguments { spec.program = .exec(arguments) }
        case (nil, _?):
            if let script { spec.program = .script(script, interpreter: interpreter) }
        }
        if let keySpan = span(of: "interpreter"), span(of: "script") == nil {
            decoder.report(
                .interpreterWithoutScript,
                "`interpreter` needs a `script`, and this action has none",
                help: "remove it, or write `exec: [interpreter, file]`",
                at: keySpan
            )
        }
        checkProcessAndOneShotKeys(in: &decoder)
        checkReload(in: &decoder)
        checkSandbox(in: &decoder)
    }

    /// Reports keys that have no meaning for a process, or no meaning for a one-shot.
    private func checkProcessAndOneShotKeys(in decoder: inout FileDecoder) {
        if let keySpan = span(of: "timeout"), spec.isProcess {
            decoder.report(
                .timeoutOfProcess,
                "`timeout` applies only to one-shots, and this action is a process",
                help: "remove it; `start_timeout` limits the time to become ready, `stop.timeout` the time to stop",
                at: keySpan
            )
        }
        for key in ["schedule", "run_on"] {
            guard spec.isProcess, spec.isStandalone, let keySpan = span(of: key) else { continue }
            decoder.report(
                .standaloneProcess,
                "`\(key)` applies only to one-shots, and this action is a process",
                help: "remove `is_process`, or remove `\(key)` and list the action in a service",
                at: keySpan
            )
        }
        if spec.occasion == .stopped, spec.isProcess || spec.isStandalone, let keySpan = span(of: "when") {
            decoder.report(
                .misplacedWhen,
                spec.isProcess
                    ? "`when: stopped` applies only to one-shots, and this action is a process"
                    : "`when: stopped` applies only to actions of services, and this action is standalone",
                help: spec.isProcess ? "remove `is_process`, or remove `when`" : "remove it",
                at: keySpan
            )
        }
        checkOnce(in: &decoder)
        for key in ["notify", "fd", "alive_for"] {
            guard let keySpan = span(of: "ready.\(key)"), !spec.isProcess else { continue }
            decoder.report(
                .readyOfOneShot,
                "`\(key)` has no effect: a one-shot is up when it has ended with a success code",
                help: "remove `ready`, or add `is_process: true` if the program must keep running",
                at: keySpan,
                severity: .warning
            )
        }
        if let keySpan = span(of: "health"), !spec.isProcess {
            decoder.report(
                .healthOfOneShot,
                "`health` has no effect: the health of a one-shot is not checked",
                help: "remove `health`, or add `is_process: true` if the program must keep running",
                at: keySpan,
                severity: .warning
            )
        }
    }

    /// Reports `once` where nothing can have succeeded once.
    private func checkOnce(in decoder: inout FileDecoder) {
        guard spec.runsOnce, let keySpan = span(of: "once") else { return }
        let problem: (text: String, help: String)
        if spec.isProcess {
            problem = (
                "`once` applies only to one-shots, and this action is a process",
                "set `is_process: false`, or remove `once`"
            )
        } else if spec.isStandalone {
            problem = (
                "`once` applies only to actions of services, and this action is standalone",
                "remove it: `run_on: apply` runs an action once for each changed spec"
            )
        } else if spec.occasion == .stopped {
            problem = ("`once` cannot be combined with `when: stopped`", "remove one of them")
        } else {
            return
        }
        decoder.report(.misplacedOnce, problem.text, help: problem.help, at: keySpan)
    }

    /// Returns the spec with the defaults of the set for keys that are not written.
    func spec(applyingDefaultsOf settings: Settings) -> ActionSpec {
        var result = spec
        result.stop = stop.policy(defaultingTo: settings.stop)
        result.retry = retry.policy(defaultingTo: settings.retry, isProcess: spec.isProcess)
        result.log = log.policy(defaultingTo: settings.log)
        let defaults = settings.execution
        result.limits = limits.limits(defaultingTo: defaults.limits)
        if let restart = defaults.restart, self.restart == nil { result.restart = restart }
        if let umask = defaults.umask, span(of: "umask") == nil { result.umask = umask }
        if let timeout = defaults.startTimeout, span(of: "start_timeout") == nil { result.startTimeout = timeout }
        return result
    }
}
