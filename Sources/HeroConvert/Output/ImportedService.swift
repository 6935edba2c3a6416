/// A key of the source with its place.
struct SourcePlace: Hashable {
    /// The index of the file.
    var file: Int
    /// The line, from 1.
    var line: Int
    /// The key as the report shows it.
    var key: String

    /// The same place with another key.
    func with(key: String) -> SourcePlace { SourcePlace(file: file, line: line, key: key) }
}

/// A dependency on another service of the source.
struct ImportedDependency: Hashable {
    /// The kinds; the raw value is the key in a manifest.
    enum Kind: String {
        /// Hard, with a cascade.
        case requires
        /// Soft.
        case wants
        /// Order only.
        case after
        /// Never up at the same time.
        case conflicts
    }

    /// The kind.
    var kind: Kind
    /// The name in the source.
    var target: String
    /// Its place.
    var place: SourcePlace
    /// Whether a stop of the target does not stop this service; only with `requires`.
    var isGateOnly = false
    /// What the target must have reached, if it need not be up; only with `requires`.
    var until: String?
}

/// One action to write.
struct ImportedAction {
    /// The name.
    var name = "main"
    /// Whether it is kept running.
    var isProcess = true
    /// All other keys.
    var keys = ManifestMap()
    /// The TCP ports that it binds, with their places.
    var ports: [(text: ImportedText, place: SourcePlace)] = []

    /// Sets a key to a text with variables.
    mutating func set(_ key: String, _ text: ImportedText) { keys[key] = .text(text) }

    /// Sets a key to a number, a keyword or a duration.
    mutating func set(_ key: String, plain word: String) { keys[key] = .plain(word) }

    /// Sets the command.
    mutating func setCommand(_ command: ImportedCommand) {
        switch command {
        case .exec(let words): keys["exec"] = .list(words.map { .text($0) })
        case .script(let text, let interpreter):
            keys["script"] = .block(text)
            keys["interpreter"] = interpreter.map { .text($0) }
        }
    }
}

/// A command as a manifest has it.
enum ImportedCommand: Hashable {
    /// A program with arguments.
    case exec([ImportedText])
    /// A script and its interpreter.
    case script(String, interpreter: String?)
}

/// One service to write.
struct ImportedService {
    /// The name in the source.
    var sourceName: String
    /// The place of its declaration.
    var place: SourcePlace
    /// Comments that are written above it.
    var comments: [String] = []
    /// The description.
    var description: String?
    /// The wanted status, if it is not `start`.
    var status: String?
    /// The tags.
    var tags: [String] = []
    /// The dependencies, in the order of the source.
    var dependencies: [ImportedDependency] = []
    /// Further keys of the service.
    var keys = ManifestMap()
    /// The actions in the order of their start; the last one is the program.
    var actions: [ImportedAction] = []
    /// Whether it is written as `kind: Action`, outside of any service.
    var isStandalone = false
}
