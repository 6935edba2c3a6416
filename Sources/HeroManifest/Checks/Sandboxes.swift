internal import HeroModel

extension ManifestSet {
    /// Warns about sandboxes that are no barrier.
    ///
    /// Root with certain capabilities can leave every sandbox, and a program can reach the files of another process of
    /// its user through `/proc/PID/root` (proc(5)).
    mutating func checkSandboxes() {
        let defaultUser = settings.first?.settings.execution.user
        var sandboxed: [(draft: ActionDraft, user: String?)] = []
        // The first action without a sandbox, by user.
        var others: [String: String] = [:]
        for index in services.indices where services[index].spec.status != .spec {
            for used in usedActions[index] {
                let draft: ActionDraft
                switch used {
                case .inline(let action): draft = services[index].inlineActions[action]
                case .document(let action, _): draft = actions[action]
                }
                let user = draft.spec.user ?? services[index].spec.user ?? defaultUser
                if draft.spec.sandbox != nil {
                    sandboxed.append((draft, user))
                } else if let user, others[user] == nil {
                    others[user] = "\(services[index].spec.name)"
                }
            }
        }
        for draft in actions where draft.spec.isStandalone {
            let user = draft.spec.user ?? defaultUser
            if draft.spec.sandbox != nil {
                sandboxed.append((draft, user))
            } else if let user, others[user] == nil {
                others[user] = "\(draft.name)"
            }
        }
        struct Place: Hashable {
            var file: Int
            var span: Span
        }
        var reported: Set<Place> = []
        for (draft, user) in sandboxed {
            guard let span = draft.span(of: "sandbox") else { continue }
            // An action document that several services use is reported once.
            guard reported.insert(Place(file: draft.file, span: span)).inserted else { continue }
            if let user, user != "root", user != "0" {
                guard let other = others[user] else { continue }
                reportNoBarrier(
                    "this sandbox is no barrier: `\(other)` runs as the same user \(quoted(user)) without one",
                    "give this program a user of its own, or `\(other)` a sandbox too",
                    draft,
                    span
                )
            } else if let capability = Self.escapes.first(where: {
                draft.spec.capabilities?.contains($0) ?? true
            }) {
                reportNoBarrier(
                    "this sandbox is no barrier for root with the capability `\(capability)`",
                    "write a `user`, or list the needed `capabilities` without it, such as `capabilities: []`",
                    draft,
                    span
                )
            }
        }
    }

    /// The capabilities with which root can leave a sandbox.
    private static let escapes = ["SYS_ADMIN", "SYS_PTRACE"].compactMap { Capability(name: $0) }

    private mutating func reportNoBarrier(_ message: String, _ help: String, _ draft: ActionDraft, _ span: Span) {
        report(.sandboxNoBarrier, message, help: help, in: draft.file, at: span, severity: .warning)
    }
}
