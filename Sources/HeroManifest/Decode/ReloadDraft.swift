internal import HeroModel

/// The `reload` of an action.
struct ReloadDraft: ManifestDraft {
    private var signal: Signal?
    private var command: [String]?
    private var timeout: Duration?
    var writtenFields: [WrittenField] = []
    var misspelledKeys: Set<String> = []

    /// Decodes a reload; returns nil, after a report, if it is not valid.
    static func decode(_ node: YAMLNode, in decoder: inout FileDecoder) -> ReloadPolicy? {
        var draft = Self()
        table.decode(node, example: "signal: HUP", into: &draft, in: &decoder)
        guard case .mapping(let entries) = node.content else { return nil }
        func span(of key: String) -> Span? { entries.first { $0.key == key }?.value.span }
        switch (span(of: "signal"), span(of: "exec")) {
        case (nil, nil):
            guard draft.misspelledKeys.isDisjoint(with: ["signal", "exec"]) else { return nil }
            decoder.report(
                .missingKey,
                "this reload has neither `signal` nor `exec`",
                help: "write `reload: {signal: HUP}`, or `reload: {exec: [program, argument]}`",
                at: node.span
            )
        case (_?, let exec?):
            decoder.report(
                .misplacedReload,
                "this reload has both `signal` and `exec`",
                help: "keep one of them; the command can send the signal itself",
                at: exec
            )
        case (_?, nil):
            if let timeout = span(of: "timeout") {
                decoder.report(
                    .misplacedReload,
                    "`reload.timeout` applies only to `exec`: nothing tells when a signal has been handled",
                    help: "remove it",
                    at: timeout
                )
            }
            guard let signal = draft.signal else { return nil }
            return .signal(signal)
        case (nil, _?):
            return draft.command.map { .command($0, timeout: draft.timeout ?? ReloadPolicy.commandTimeout) }
        }
        return nil
    }

    /// The keys of `reload`.
    static let table = KeyTable<ReloadDraft>(
        of: "reload",
        prefix: "reload.",
        [
            Key("signal") { node, draft, decoder in
                draft.signal = decoder.signal(node, "reload.signal")
                guard let signal = draft.signal, signal == .kill || signal.isSuspending else { return }
                decoder.report(
                    .misplacedReload,
                    "`reload.signal` is `\(signal)`, which no program can handle as a request to reload",
                    help: "write the signal that makes the program read its files again, such as `HUP` or `USR1`",
                    at: node.span
                )
            },
            Key("exec") { node, draft, decoder in draft.command = decoder.arguments(node, "reload.exec") },
            Key("timeout") { node, draft, decoder in
                draft.timeout = decoder.duration(node, "reload.timeout", in: AllowedRanges.delay)
            },
        ]
    )
}

extension ActionDraft {
    /// Reports `reload` and `files` where they have no meaning.
    func checkReload(in decoder: inout FileDecoder) {
        if let keySpan = span(of: "reload"), !spec.isProcess {
            decoder.report(
                .misplacedReload,
                "`reload` applies only to processes, and this action is a one-shot",
                help: "remove it, or add `is_process: true` if the program must keep running",
                at: keySpan
            )
        }
        if let keySpan = span(of: "files"), spec.isStandalone {
            decoder.report(
                .misplacedReload,
                "`files` applies only to actions of services, and this action is standalone",
                help: "remove it: each run reads its files again",
                at: keySpan
            )
        }
    }
}
