// Rule: bytes in; the desired state or located diagnostics out; opens no file.
//
// HeroManifest parses YAML documents into trees with locations (YAML/), replaces variables with their values
// (Interpolation/), decodes trees into drafts by tables of keys (Decode/, Values/), and checks all drafts as one set
// (Checks/). It finds as many errors as possible in one run. It reads no file, no environment and no clock.

public import HeroModel

/// The options of the caller for reading a set of manifests.
public struct ManifestOptions: Sendable {
    /// Whether the required core manifests must be declared; false with `HERO_PROC_NO_AUTOSTART_DB=1`.
    public var requiresCore: Bool
    /// The values of `--var`; they take precedence over all others.
    public var variables: [String: String]
    /// The environment of the caller; only the variables that `pass_env` lists are used, with the lowest precedence.
    public var environment: [String: String]
    /// Whether the machine has a time zone with this name.
    public var zoneExists: @Sendable (String) -> Bool
    /// Reads a file of `vars_files` by its absolute path; a nil function ignores these files.
    ///
    /// The values of a recorded revision are in `variables`, so its files are not read again.
    public var readVariableFile: (@Sendable (String) -> Result<[UInt8], VariableFileError>)?

    /// The time of the caller, for warnings about holds that have ended; nil gives no such warnings.
    public var now: WallTime?

    /// Creates options.
    ///
    /// By default the core is required, there are no variables, `vars_files` are ignored, and every time zone exists.
    public init(
        requiresCore: Bool = true,
        variables: [String: String] = [:],
        environment: [String: String] = [:],
        zoneExists: @escaping @Sendable (String) -> Bool = { _ in true },
        readVariableFile: (@Sendable (String) -> Result<[UInt8], VariableFileError>)? = nil
    ) {
        self.requiresCore = requiresCore
        self.variables = variables
        self.environment = environment
        self.zoneExists = zoneExists
        self.readVariableFile = readVariableFile
    }
}

/// Why a file of `vars_files` cannot be read.
public struct VariableFileError: Error, Hashable, Sendable {
    /// The cause as a text for users, without the path.
    public var cause: String

    /// Creates an error.
    public init(_ cause: String) {
        self.cause = cause
    }
}

/// One YAML document of a known kind, as the store records it.
public struct DocumentRecord: Hashable, Sendable {
    /// `Service`, `Action` or `Settings`.
    public var kind: String
    /// The declared name; nil for Settings and for a document without a valid name.
    public var name: QualifiedName?
    /// The location of the name; without a name, the start of the document.
    public var place: ManifestLocation

    /// Creates a record.
    public init(kind: String, name: QualifiedName?, place: ManifestLocation) {
        self.kind = kind
        self.name = name
        self.place = place
    }
}

/// The desired state that a set of manifests declares, and the diagnostics about the set.
public struct ManifestResult: Sendable {
    /// The desired state; nil if there is an error.
    public var desired: DesiredState?
    /// The errors and warnings of all files, sorted by location.
    public var diagnostics: [Diagnostic]
    /// The documents, in the order of the files.
    public var documents: [DocumentRecord]
    /// The values of `--var` and of the environment that were used.
    ///
    /// Reading the same files with these as `ManifestOptions.variables` and no environment gives the same desired
    /// state.
    public var variables: [String: String]
    /// The absolute paths in `vars_files`, also those that cannot be read.
    public var variableFiles: [String] = []

    /// Creates a result.
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

    /// Reads files as one set: parses them, applies defaults, resolves references and checks the set.
    ///
    /// Never fails and never traps, for any bytes. `InputLimits` bound the work (YM-1).
    /// - Parameters:
    ///   - files: The manifest files.
    ///   - skipped: Entries that are not read, each of which is a warning.
    ///   - options: The options of the caller.
    /// - Returns: The desired state, or nil with at least one error among the diagnostics.
    public static func read(
        _ files: [ManifestFile],
        skipped: [SkippedManifest] = [],
        options: ManifestOptions = ManifestOptions()
    ) -> ManifestResult {
        var set = ManifestSet()
        set.diagnostics = skipped.map(\.warning)
        var settings = SettingsVariables()
        // From the first file with a `$` on, trees are kept until all Settings are read: their `vars` may come last.
        var pending: [(decoder: FileDecoder, trees: [YAMLNode])] = []
        for index in files.indices {
            var decoder = FileDecoder(fileIndex: index, file: files[index])
            YAMLReader.read(in: &decoder) { trees, decoder in
                for tree in trees {
                    settings.readSettings(tree, in: decoder)
                    decoder.warnAboutForeignVariables(in: tree)
                }
                if pending.isEmpty, !decoder.hasDollar {
                    set.addDocuments(trees, decoder)
                } else {
                    pending.append((decoder, trees))
                }
            }
        }
        let fileErrors = settings.readFiles(options)
        var interpolator = Interpolator(Variables(options, settings))
        for index in pending.indices {
            var (decoder, trees) = pending[index]
            // Releases the trees, which are not needed after decoding.
            pending[index].trees = []
            if decoder.hasDollar { trees = interpolator.apply(to: trees, in: &decoder) }
            set.addDocuments(trees, decoder)
        }
        for error in fileErrors {
            set.report(.unreadableVariables, error.message, help: error.help, in: error.file, at: error.span)
        }
        set.reportUnusedVariables(interpolator.variables)
        var result = set.validate(options)
        result.variableFiles = settings.files.map { $0.path }
        result.variables = interpolator.variables.usedValues
        return result
    }
}
