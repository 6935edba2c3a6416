internal import HeroModel

/// An action as its map says it.
struct ActionDraft: ManifestDraft {
    /// What an action binds, with places.
    struct Bindings {
        /// TCP ports.
        var ports: [(port: BoundPort, span: Span)] = []
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
    var bindings = Bindings()
    var writtenFields: [WrittenField] = []
    var misspelledKeys: Set<String> = []

    // What is joined once all keys are read, whatever their order.
    var arguments: [String]?
    var script: String?
    var interpreter: String?
    var restart: RestartPolicy?
    var stop = StopDraft()
    var retry = RetryDraft()
    var log = LogDraft()
    /// The value of `schedule.timezone`, which only the caller can judge.
    var timeZone: (name: String, span: Span)?

    init(file: Int, context: String, name: String, span: Span) {
        self.file = file
        self.context = context
        self.span = span
        spec = ActionSpec(name, .exec([]))
    }

    /// Its name and context.
    var name: QualifiedName { QualifiedName(spec.name, context: context) }

    /// Where a field is written; nil where it is not.
    func span(of path: String) -> Span? { writtenFields.first { $0.path == path }?.span }
}

extension ActionDraft {
    /// Reads an action within a service; nil, and reported, when it has no valid name.
    static func inline(_ entries: [YAMLEntry], at span: Span, in scope: inout FileDecoder) -> Self? {
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
        draft.finishDecoding(in: &scope)
        return draft.spec.name.isEmpty ? nil : draft
    }

    /// Joins what does not depend on the order of keys, and judges keys that depend on each other.
    mutating func finishDecoding(in scope: inout FileDecoder) {
        spec.restart = restart ?? (spec.isProcess ? .always : .onFailure)
        for more in [stop.writtenFields, retry.writtenFields, log.writtenFields] where !more.isEmpty {
            writtenFields += more
        }
        switch (span(of: "exec"), span(of: "script")) {
        case (nil, nil):
            guard misspelledKeys.isDisjoint(with: ["exec", "script"]) else { break }
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
        checkProcessAndOneShotKeys(in: &scope)
    }

    /// Judges keys that only make sense for a process, or only for a one-shot.
    private func checkProcessAndOneShotKeys(in scope: inout FileDecoder) {
        if let place = span(of: "timeout"), spec.isProcess {
            scope.report(
                .timeoutOfProcess,
                "`timeout` is for one-shots, and this action is a process",
                help: "remove it; `start_timeout` limits the time to become ready, `stop.timeout` the time to stop",
                at: place
            )
        }
        for key in ["schedule", "run_on"] {
            guard spec.isProcess, spec.isStandalone, let place = span(of: key) else { continue }
            scope.report(
                .standaloneProcess,
                "`\(key)` is for one-shots, and this action is a process",
                help: "remove `is_process`, or list the action in a service, which keeps it alive",
                at: place
            )
        }
        if let place = span(of: "ready.notify"), !spec.isProcess {
            scope.report(
                .readyOfOneShot,
                "`notify` does nothing here: a one-shot is up when it has ended well",
                help: "add `is_process: true` if it must be kept alive, else remove `ready`",
                at: place,
                severity: .warning
            )
        }
        if let place = span(of: "health"), !spec.isProcess {
            scope.report(
                .healthOfOneShot,
                "`health` does nothing here: a one-shot is not asked whether it is alive",
                help: "add `is_process: true` if it must be kept alive, else remove `health`",
                at: place,
                severity: .warning
            )
        }
    }

    /// What it says, with the set's defaults where it says nothing.
    func spec(applyingDefaultsOf settings: Settings) -> ActionSpec {
        var result = spec
        result.stop = stop.policy(defaultingTo: settings.stop)
        result.retry = retry.policy(defaultingTo: settings.retry, isProcess: spec.isProcess)
        result.log = log.policy(defaultingTo: settings.log)
        return result
    }
}
