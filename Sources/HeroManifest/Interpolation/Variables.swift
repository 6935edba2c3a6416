internal import HeroModel

/// The values of variables, in order of precedence: `--var`, `vars` of the settings, `vars_files`, variables of the
/// environment.
struct Variables {
    /// The result of a lookup.
    enum LookupResult {
        /// The variable has a value.
        case value(String)
        /// The value in the settings is invalid; this is reported there.
        case invalid
        /// The variable is declared in `vars`, which the lookup excludes.
        case declaredInVars
        /// The variable has no value.
        case unknown
    }

    /// The sources that a lookup uses.
    enum LookupScope {
        /// All sources.
        case all
        /// All sources except `vars`. Values in `vars` cannot use each other, so that their order does not matter.
        case excludingVars
    }

    /// The names of the environment variables that may be used.
    let passedNames: [String]
    /// The names of all variables with a value, sorted.
    private(set) var names: [String] = []
    /// The values of `--var` and of the environment that were used.
    private(set) var usedValues: [String: String] = [:]
    private let commandLineValues: [String: String]
    private let environment: [String: String]
    /// The names of the environment that `pass_env` does not list.
    private let unlistedNames: Set<String>
    /// The values of `vars_files`.
    private let fileValues: [String: String]
    private var settingsValues: [String: String] = [:]
    private var invalidSettingsNames: Set<String> = []
    private var referenced: Set<String> = []

    /// Combines the options of the caller with the settings; values in the settings can refer to the options.
    init(_ options: ManifestOptions, _ settings: SettingsVariables) {
        let passed = settings.passedNames ?? Settings.defaultPassedEnvironment
        self.passedNames = passed
        commandLineValues = options.variables
        fileValues = settings.fileValues
        environment = options.environment.filter { passed.contains($0.key) }
        unlistedNames = Set(options.environment.keys.filter { !passed.contains($0) })
        invalidSettingsNames = Set(settings.values.keys)
        var values: [String: String] = [:]
        var remainingBytes = Interpolator.maxAddedBytes
        for (name, text) in settings.values.sorted(by: { $0.key < $1.key }) {
            var text = text
            // Invalid and too long values are reported when the document is decoded.
            guard remainingBytes >= 0, let added = Interpolator.resolve(&text, from: &self, .excludingVars) else {
                continue
            }
            remainingBytes -= added
            if remainingBytes >= 0 { values[name] = text }
        }
        settingsValues = values
        invalidSettingsNames.subtract(values.keys)
        usedValues = [:]
        referenced = []
        names = Set(commandLineValues.keys).union(values.keys).union(fileValues.keys).union(environment.keys).sorted()
    }

    /// Looks up a name and records that it is used.
    mutating func lookUp(_ name: String, _ lookupScope: LookupScope) -> LookupResult {
        referenced.insert(name)
        let isDeclared = settingsValues[name] != nil || invalidSettingsNames.contains(name)
        if case .excludingVars = lookupScope, isDeclared { return .declaredInVars }
        if let value = commandLineValues[name] {
            usedValues[name] = value
            return .value(value)
        }
        if let value = settingsValues[name] { return .value(value) }
        if isDeclared { return .invalid }
        if let value = fileValues[name] ?? environment[name] {
            usedValues[name] = value
            return .value(value)
        }
        return .unknown
    }

    /// Whether the environment has the variable, and only `pass_env` keeps it from being used.
    func isUnlisted(_ name: String) -> Bool { unlistedNames.contains(name) }

    /// The names of `--var` that no manifest uses.
    var unusedNames: [String] { commandLineValues.keys.filter { !referenced.contains($0) }.sorted() }

    /// The names that were looked up, sorted.
    var referencedNames: [String] { referenced.sorted() }
}
