public import HeroModel

/// A file whose content belongs to the spec of a service: as it was at the start, and as it is now.
public struct ObservedContent: Hashable, Sendable {
    /// The action that uses the file.
    public var action: String
    /// The path; a file of a commit has the same path in every commit.
    public var path: String
    /// What the file is for.
    public var kind: ContentReference.Kind
    /// Its digest when the action was started; nil if it is unknown.
    public var before: String?
    /// Its digest now; nil if it cannot be read.
    public var now: String?
    /// Whether it may be missing.
    public var isOptional = false

    /// Compares the content at a start with the content now.
    public init(action: String, atStart: RecordedContent?, now: RecordedContent) {
        self.action = action
        path = now.path
        kind = now.kind
        before = atStart?.digest
        self.now = now.digest
    }

    /// Whether both are known and differ.
    public var hasChanged: Bool {
        guard let before, let now, RecordedContent.areComparable(before, now) else { return false }
        return before != now
    }

    /// Why the content cannot be compared, as text; nil if it can be.
    public var unknownReason: String? {
        guard let now else { return isOptional ? nil : "it cannot be read" }
        guard let before else { return "its content at the start is not known" }
        return RecordedContent.areComparable(before, now) ? nil : "the key of its digest has changed"
    }

    /// Whether only its size and time stamp are compared.
    public var isLarge: Bool { now.map(RecordedContent.isLarge) ?? false }
}

extension ServiceSpec {
    /// The cost of a change of the files that a field names: a reload if every process that reads them has `reload`.
    ///
    /// The files of a service are read by its processes, or by its one-shots if it has no process.
    func fileCost(at path: String) -> CostOfChange {
        let parts = path.split(separator: ".", maxSplits: 2)
        let readers: [ActionSpec]
        if parts.count == 3, parts[0] == "actions" {
            readers = actions.filter { $0.name == parts[1] }
        } else {
            let processes = actions.filter(\.isProcess)
            readers = processes.isEmpty ? actions : processes
        }
        return readers.allSatisfy { $0.reload != nil } && !readers.isEmpty ? .reload : .restart
    }

    /// The path of the field that names a file of an action, with the file.
    func contentPath(of content: ObservedContent) -> String {
        let shared =
            switch content.kind {
            case .file: files
            case .environmentFile: environmentFiles.map(\.path)
            case .secret: environment.values.compactMap(\.file)
            }
        let isShared = shared.contains { ByteText(CheckoutPath.withoutCommits($0)) == ByteText(content.path) }
        return (isShared ? "" : "actions.\(content.action).") + "\(content.kind.fieldName).\(content.path)"
    }
}

extension ContentReference.Kind {
    /// The key in a manifest that names such a file.
    var fieldName: String {
        switch self {
        case .file: "files"
        case .environmentFile: "env_file"
        case .secret: "env"
        }
    }
}
