// Law: text in; meaning or located diagnostics out; opens no file.
//
// HeroManifest reads YAML documents into a small tree with places (YAML/), turns trees into drafts by tables of keys
// (Decode/), and judges all drafts as one set (Checks/). It finds every mistake it can in one run; it never asks the
// machine anything: no file, no environment, no clock.

public import HeroModel

/// What the caller knows and a manifest cannot say.
public struct ManifestOptions: Sendable {
    /// Whether the required core manifests must be declared; false with `HERO_PROC_NO_AUTOSTART_DB=1`.
    public var requiresCore: Bool

    /// Whether the machine knows a time zone of this name.
    public var zoneExists: @Sendable (String) -> Bool

    /// Makes options; by default the core is required, and every time zone exists.
    public init(requiresCore: Bool = true, zoneExists: @escaping @Sendable (String) -> Bool = { _ in true }) {
        self.requiresCore = requiresCore
        self.zoneExists = zoneExists
    }
}

/// One YAML document of a known kind, as the store records it.
public struct DocumentRecord: Hashable, Sendable {
    /// `Service`, `Action` or `Settings`.
    public var kind: String
    /// The declared name; nil for Settings, and where no valid name is written.
    public var name: QualifiedName?
    /// Where its name is written, or else where the document begins.
    public var place: SourcePlace

    /// Makes a record.
    public init(kind: String, name: QualifiedName?, place: SourcePlace) {
        self.kind = kind
        self.name = name
        self.place = place
    }
}

/// What a set of manifests means, and what is wrong with it.
public struct ManifestResult: Sendable {
    /// The desired state; nil when there is any error.
    public var desired: Desired?
    /// All mistakes of all files, sorted by place.
    public var diagnostics: [Diagnostic]
    /// The documents in the order of the files.
    public var documents: [DocumentRecord]

    /// Makes a result.
    public init(desired: Desired?, diagnostics: [Diagnostic], documents: [DocumentRecord]) {
        self.desired = desired
        self.diagnostics = diagnostics
        self.documents = documents
    }
}

/// Reads manifests.
public enum Manifests {
    /// Reads, defaults, resolves and checks files as one set.
    ///
    /// Never fails and never traps, whatever the bytes are; work is bounded by the budgets of reliability.md YM-1.
    /// - Returns: the desired state, or nil with at least one error among the diagnostics.
    public static func read(_ files: [ManifestFile], options: ManifestOptions = ManifestOptions()) -> ManifestResult {
        var set = ManifestSet()
        for index in files.indices {
            var scope = Scope(fileIndex: index, file: files[index])
            let trees = YAMLReader.read(in: &scope)
            for tree in trees { set.decode(tree, in: &scope) }
            set.take(scope)
        }
        return set.judged(options)
    }
}
