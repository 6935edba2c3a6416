// Law: text in; meaning or located diagnostics out; opens no file.
//
// HeroManifest reads YAML documents into a small tree with places (YAML/), puts the values of variables into it
// (Interpolation/), turns trees into drafts by tables of keys (Decode/), and judges all drafts as one set (Checks/). It finds
// every mistake it can in one run; it never asks the machine anything: no file, no environment, no clock.

public import HeroModel

/// What the caller knows and a manifest cannot say.
public struct ManifestOptions: Sendable {
    /// Whether the required core manifests must be declared; false with `HERO_PROC_NO_AUTOSTART_DB=1`.
    public var requiresCore: Bool
    /// Values of `${NAME}` that were given with `--var`; the strongest.
    public var variables: [String: String]
    /// The caller's environment, of which only the variables listed in `Settings.pass_env` are used; the weakest.
    public var environment: [String: String]
    /// Whether the machine knows a time zone of this name.
    public var zoneExists: @Sendable (String) -> Bool

    /// Makes options; by default the core is required, no variable is given, and every time zone exists.
    public init(
        requiresCore: Bool = true,
        variables: [String: String] = [:],
        environment: [String: String] = [:],
        zoneExists: @escaping @Sendable (String) -> Bool = { _ in true }
    ) {
        self.requiresCore = requiresCore
        self.variables = variables
        self.environment = environment
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
    public var place: ManifestLocation

    /// Makes a record.
    public init(kind: String, name: QualifiedName?, place: ManifestLocation) {
        self.kind = kind
        self.name = name
        self.place = place
    }
}

/// What a set of manifests means, and what is wrong with it.
public struct ManifestResult: Sendable {
    /// The desired state; nil when there is any error.
    public var desired: DesiredState?
    /// All mistakes of all files, sorted by place.
    public var diagnostics: [Diagnostic]
    /// The documents in the order of the files.
    public var documents: [DocumentRecord]
    /// The values of `--var` and of the environment that were used.
    ///
    /// Reading the same files with these as `ManifestOptions.variables` and no environment gives the same desired state.
    public var variables: [String: String]

    /// Makes a result.
    public init(
        desired: DesiredState?,
        diagnostics: [Diagnostic],
        documents: [DocumentRecord],
        variables: [String: String] = [:]
    ) {
        self.desired = desired
        self.diagnostics = diagnostics
        self.documents = documents
        self.variables = variables
    }
}

/// Reads manifests.
public enum Manifests {
    /// Whether `${NAME}` can refer to this name: letters, digits and `_`, not beginning with a digit.
    public static func isVariableName(_ text: some StringProtocol) -> Bool { Template.isName(text) }

    /// Reads, defaults, resolves and checks files as one set.
    ///
    /// Never fails and never traps, whatever the bytes are; work is bounded by the budgets of reliability.md YM-1.
    /// - Returns: the desired state, or nil with at least one error among the diagnostics.
    public static func read(_ files: [ManifestFile], options: ManifestOptions = ManifestOptions()) -> ManifestResult {
        var set = ManifestSet()
        var settings = SettingsVariables()
        // From the first file with a `$` on, trees wait until it is known what the Settings say.
        var waiting: [(scope: FileDecoder, trees: [YAMLNode])] = []
        for index in files.indices {
            var scope = FileDecoder(fileIndex: index, file: files[index])
            YAMLReader.read(in: &scope) { trees, scope in
                for tree in trees { settings.readSettings(tree) }
                if waiting.isEmpty, !scope.hasDollar {
                    set.addDocuments(trees, scope)
                } else {
                    waiting.append((scope, trees))
                }
            }
        }
        var interpolation = Interpolator(Variables(options, settings))
        for index in waiting.indices {
            var (scope, trees) = waiting[index]
            // A tree that is decoded is not needed any more.
            waiting[index].trees = []
            if scope.hasDollar { trees = interpolation.apply(to: trees, in: &scope) }
            set.addDocuments(trees, scope)
        }
        set.warnAbout(unused: interpolation.variables)
        var result = set.validate(options)
        result.variables = interpolation.variables.usedValues
        return result
    }
}
