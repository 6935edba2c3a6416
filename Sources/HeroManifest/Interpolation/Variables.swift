internal import HeroModel

/// The values that `${NAME}` can stand for, strongest first: `--var`, `vars` of the Settings, passed environment variables.
struct Variables {
    /// What is known of a name.
    enum LookupResult {
        /// It has a value.
        case value(String)
        /// Its value in the Settings is wrong, which is said there.
        case invalid
        /// The Settings name it, and it is asked for where they cannot be.
        case declaredInVars
        /// Nobody knows it.
        case unknown
    }

    /// Where names are looked up.
    enum LookupScope {
        /// Everywhere.
        case all
        /// Not in the Settings' own `vars`: they cannot use each other, so that their order means nothing.
        case excludingVars
    }

    /// Environment variables that may be used.
    let passedNames: [String]
    /// All names that have a value.
    private(set) var names: [String] = []
    /// What was used of what only the caller knows: `--var` and the environment.
    private(set) var usedValues: [String: String] = [:]
    private let commandLineValues: [String: String]
    private let environment: [String: String]
    private var settingsValues: [String: String] = [:]
    private var invalidSettingsNames: Set<String> = []
    private var referenced: Set<String> = []

    /// Takes what the caller knows and what the Settings say, whose values may themselves refer to what the caller knows.
    init(_ options: ManifestOptions, _ settings: SettingsVariables) {
        let passed = settings.passedNames ?? Settings.defaultPassedEnvironment
        self.passedNames = passed
        commandLineValues = options.variables
        environment = options.environment.filter { passed.contains($0.key) }
        invalidSettingsNames = Set(settings.values.keys)
        var values: [String: String] = [:]
        var room = Interpolator.maxAddedBytes
        for (name, text) in settings.values.sorted(by: { $0.key < $1.key }) {
            var text = text
            // What is wrong in it, or too long, is said when its document is read.
            guard room >= 0, let added = Interpolator.resolve(&text, from: &self, .excludingVars) else { continue }
            room -= added
            if room >= 0 { values[name] = text }
        }
        settingsValues = values
        invalidSettingsNames.subtract(values.keys)
        usedValues = [:]
        referenced = []
        names = Set(commandLineValues.keys).union(values.keys).union(environment.keys).sorted()
    }

    /// Looks a name up, and remembers that it was used.
    mutating func lookUp(_ name: String, _ reach: LookupScope) -> LookupResult {
        referenced.insert(name)
        let isDeclared = settingsValues[name] != nil || invalidSettingsNames.contains(name)
        if case .excludingVars = reach, isDeclared { return .declaredInVars }
        if let value = commandLineValues[name] {
            usedValues[name] = value
            return .value(value)
        }
        if let value = settingsValues[name] { return .value(value) }
        if isDeclared { return .invalid }
        if let value = environment[name] {
            usedValues[name] = value
            return .value(value)
        }
        return .unknown
    }

    /// Names that were given and that no manifest asks for.
    var unusedNames: [String] { commandLineValues.keys.filter { !referenced.contains($0) }.sorted() }

    /// All names that were asked for.
    var referencedNames: [String] { referenced.sorted() }
}

/// What the Settings of a set say about variables, taken from their tree before anything is decoded.
///
/// What is wrong in it is said when the document is decoded; here it is only left out.
struct SettingsVariables {
    /// The texts of `vars`.
    private(set) var values: [String: String] = [:]
    /// The names of `pass_env`; nil where nothing is said.
    private(set) var passedNames: [String]?
    private var isFound = false

    /// Looks whether a document is the first one of kind Settings.
    mutating func readSettings(_ document: YAMLNode) {
        guard !isFound, Interpolator.kind(of: document) == .settings, case .mapping(let entries) = document.content
        else { return }
        isFound = true
        for entry in entries {
            switch (entry.key, entry.value.content) {
            case ("vars", .mapping(let variables)):
                for variable in variables {
                    guard case .scalar(let text, plain: _) = variable.value.content else { continue }
                    values[variable.key] = variable.value.isNull ? "" : text
                }
            case ("pass_env", .sequence(let items)):
                passedNames = items.compactMap { item in
                    if case .scalar(let text, plain: _) = item.content { text } else { nil }
                }
            default: continue
            }
        }
    }
}
