import HeroModel

extension FieldDiff {
    /// The files that have changed since the actions of a service were started, each once.
    static func contents(of observed: ObservedService, and declared: Declared<ServiceSpec>) -> [FieldDiff] {
        var seen: Set<ByteText> = []
        return observed.contents.compactMap { content in
            guard content.hasChanged else { return nil }
            let path = declared.spec.contentPath(of: content)
            guard seen.insert(ByteText(path)).inserted else { return nil }
            let field = path.utf8.dropLast(content.path.utf8.count + 1)
            // A running program has paths of the commit that it was started from.
            let isInCommit = CheckoutPath.containsCommit(content.path)
            var diff = FieldDiff(
                path: path,
                before: content.kind.isSecret ? nil : content.before,
                after: content.kind.isSecret ? nil : content.now,
                cost: isInCommit || content.kind.isSecret ? .restart : declared.spec.fileCost(at: path),
                at: declared.location(of: String(decoding: field, as: UTF8.self))
            )
            diff.file = content.path
            return diff
        }
    }

    /// What a reload must take up, as a digest; a change of anything else that differs makes another reload.
    static func reloadTarget(_ fields: [FieldDiff]) -> String {
        contentDigest(fields.map { "\($0.path)\t\($0.after ?? "")\n" }.joined().utf8)
    }

    /// Most expensive first, then by path.
    static func precedes(_ left: FieldDiff, _ right: FieldDiff) -> Bool {
        left.cost == right.cost
            ? left.path.utf8.lexicographicallyPrecedes(right.path.utf8) : left.cost > right.cost
    }
}

extension Change {
    /// What a reload must take up, as a digest: a change of anything else that differs makes another reload.
    public var reloadTarget: String { FieldDiff.reloadTarget(fields) }
}

extension Plan {
    /// Adds warnings about files that cannot be compared, and about those of which only size and time stamp are
    /// compared.
    mutating func addContentWarnings(_ desired: DesiredState, _ observed: Observed) {
        for change in changes where !change.isStandalone {
            switch change.action {
            case .keep, .update, .reload: break
            case .start, .stop, .restart, .blocked: continue
            }
            guard let contents = observed.services[change.service]?.contents, !contents.isEmpty,
                let declared = desired.services[change.service], declared.spec.status == .start
            else { continue }
            func warn(_ code: String, _ file: ObservedContent, _ text: String, help: String) {
                diagnostics.append(
                    Diagnostic(
                        .warning,
                        code: code,
                        "\(file.path) of \(change.service) is \(text)",
                        help: help,
                        at: declared.location(of: declared.spec.contentPath(of: file))
                    )
                )
            }
            let unknown = contents.filter { $0.unknownReason != nil }
            if let first = unknown.first, let reason = first.unknownReason {
                warn(
                    "not-compared",
                    first,
                    "not compared: \(reason)"
                        + Self.others(unknown.count - 1, "more file is not compared", "more files are not compared"),
                    help: "a change of it is found again after the next start"
                )
            }
            let large = contents.filter(\.isLarge)
            if let first = large.first {
                warn(
                    "large-file",
                    first,
                    "over 16 MiB, so only its size and time stamp are compared"
                        + Self.others(large.count - 1, "more file is", "more files are"),
                    help: "remove it from `files` if its time stamp changes without its content"
                )
            }
        }
    }

    private static func others(_ count: Int, _ one: String, _ many: String) -> String {
        count == 0 ? "" : ", and \(count) \(count == 1 ? one : many)"
    }
}
