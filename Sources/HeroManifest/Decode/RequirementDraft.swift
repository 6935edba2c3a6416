internal import HeroModel

/// An item of `requires` that is a map: `{service: db, until: started, cascade: false}`.
private struct RequirementMapDraft: ManifestDraft {
    var service: QualifiedName?
    var until = Requirement.Milestone.up
    var cascades = true
    var writtenFields: [WrittenField] = []
    var misspelledKeys: Set<String> = []
}

/// A decoded item of `requires`.
struct RequirementDraft {
    /// The requirement.
    var requirement: Requirement
    /// The span of the name.
    var span: Span
    /// The span of the key `until`; nil if it is not written.
    var untilSpan: Span?
}

extension FileDecoder {
    /// Decodes `requires`: a list of names and maps; returns each service once.
    mutating func requirements(_ node: YAMLNode, _ key: String) -> [RequirementDraft] {
        let all = items(node, key, of: "names", example: "hero_db")
        var result: [RequirementDraft] = []
        result.reserveCapacity(all.count)
        var seen = OrderedSet<QualifiedName>(capacity: all.count)
        for item in all {
            guard let found = requirement(item, key) else { continue }
            if seen.append(found.requirement.service) {
                result.append(found)
            } else {
                reportListedTwice(item, key, found.requirement.service.description)
            }
        }
        return result
    }

    private mutating func requirement(_ item: YAMLNode, _ key: String) -> RequirementDraft? {
        guard case .mapping(let entries) = item.content else {
            guard requireScalar(item, key, of: "names", example: "hero_db"), let name = reference(item, key) else {
                return nil
            }
            return RequirementDraft(requirement: Requirement(name), span: item.span)
        }
        var draft = RequirementMapDraft()
        Self.requirementTable.decode(entries, into: &draft, in: &self)
        let service = entries.first { $0.key == "service" }
        if service == nil, !draft.misspelledKeys.contains("service") {
            report(
                .missingKey,
                "an item of `\(key)` has no `service`",
                help: "write `{service: hero_db, until: started}`, or only the name",
                at: item.span
            )
        }
        return draft.service.map { name in
            RequirementDraft(
                requirement: Requirement(name, until: draft.until, cascades: draft.cascades),
                span: service?.value.span ?? item.span,
                untilSpan: entries.first { $0.key == "until" }?.span
            )
        }
    }

    private static let requirementTable = KeyTable<RequirementMapDraft>(
        of: "requires",
        prefix: "requires.",
        [
            Key("service") { node, draft, decoder in
                guard case .scalar = node.content else {
                    return decoder.reportWrongType(node, "requires.service", "a name", example: "service: hero_db")
                }
                draft.service = decoder.reference(node, "requires.service")
            },
            Key("until") { node, draft, decoder in
                if let value = decoder.choice(node, "requires.until", Requirement.Milestone.self) {
                    draft.until = value
                }
            },
            Key("cascade") { node, draft, decoder in
                if let value = decoder.boolean(node, "requires.cascade") { draft.cascades = value }
            },
        ]
    )
}
