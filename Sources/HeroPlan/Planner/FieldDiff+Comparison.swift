import HeroModel

extension FieldDiff {
    /// The differences between the recorded spec of a service and its manifest, most expensive first, then by path.
    static func between(_ recorded: CanonicalSpec, and declared: Declared<ServiceSpec>) -> [FieldDiff] {
        let cost = { (path: String) in
            let cost = CanonicalSpec.cost(of: path)
            return cost == .reload ? declared.spec.fileCost(at: path) : cost
        }
        return between(recorded, and: CanonicalSpec(declared.spec), cost: cost) { path in
            // A key of the only action can be compared as a key of its service.
            declared.locations[path] ?? declared.locations["actions.main.\(path)"] ?? declared.location(of: path)
        }
    }

    /// The differences between the applied spec of a standalone action and its manifest.
    static func between(_ recorded: CanonicalSpec, and declared: Declared<ActionSpec>) -> [FieldDiff] {
        // A standalone action has the fields of an action inside a service, without the action's name in the path.
        between(recorded, and: CanonicalSpec(standalone: declared.spec)) {
            CanonicalSpec.cost(of: "actions._." + $0)
        } location: {
            declared.location(of: $0)
        }
    }

    private static func between(
        _ recorded: CanonicalSpec,
        and wanted: CanonicalSpec,
        cost: (String) -> CostOfChange,
        location: (String) -> ManifestLocation
    ) -> [FieldDiff] {
        guard !isIdentical(recorded.text, wanted.text) else { return [] }
        let (before, after) = CanonicalSpec.comparableValues(recorded, wanted)
        var diffs: [FieldDiff] = []
        for (path, value) in after {
            let old = before[path]
            if old == value { continue }
            let path = path.text
            diffs.append(FieldDiff(path, from: old?.text, to: value.text, cost: cost(path), at: location(path)))
        }
        for (path, old) in before where after[path] == nil {
            let path = path.text
            diffs.append(FieldDiff(path, from: old.text, to: nil, cost: cost(path), at: location(path)))
        }
        return diffs.sorted(by: precedes)
    }

    private init(
        _ path: String,
        from before: String?,
        to after: String?,
        cost: CostOfChange,
        at location: ManifestLocation
    ) {
        let isLowered = Self.isGeneration(path) && Self.isRaised(from: before, to: after) == false
        self.init(path: path, before: before, after: after, cost: isLowered ? .inPlace : cost, at: location)
    }

    /// Whether the field is a generation, of the service or of an action, that was raised.
    var isGenerationRaise: Bool { cost == .restart && Self.isGeneration(path) }

    private static func isGeneration(_ path: String) -> Bool {
        guard path != "generation" else { return true }
        let parts = path.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 3 && parts[0] == "actions" && parts[2] == "generation"
    }

    /// Whether the number rose; nil if one value is not a number (a record of another version).
    private static func isRaised(from before: String?, to after: String?) -> Bool? {
        guard let old = Int(before ?? "0"), let new = Int(after ?? "0") else { return nil }
        return new > old
    }

    /// Compares bytes: `String` equality is canonical equivalence, but the arguments of a program are bytes.
    private static func isIdentical(_ left: String, _ right: String) -> Bool {
        left == right && left.utf8.elementsEqual(right.utf8)
    }
}
