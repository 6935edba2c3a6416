/// The usual fate of one key of a format: what the report says, and what the documentation shows.
public struct KeyRule: Sendable {
    /// The key, as the format writes it.
    public let key: String
    /// A value for the documentation and the tests.
    public let sample: String
    /// The usual kind; other values of the key can have another one.
    public let code: LossCode
    /// What is written, or what to do by hand.
    public let text: String

    init(_ key: String, _ sample: String, _ code: LossCode, _ text: String) {
        self.key = key
        self.sample = sample
        self.code = code
        self.text = text
    }
}

/// The keys of one section or map of a format.
public struct KeyTable: Sendable {
    /// The section, as the format writes it.
    public let section: String
    /// The keys in the order of the documentation.
    public let rules: [KeyRule]
    private let byKey: [String: KeyRule]

    init(_ section: String, _ rules: [KeyRule]) {
        self.section = section
        self.rules = rules
        byKey = Dictionary(rules.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The rule of a key.
    public subscript(key: String) -> KeyRule? { byKey[key] }
}

extension ImportFormat {
    /// The tables of keys.
    public var tables: [KeyTable] {
        switch self {
        case .systemd: SystemdKeys.tables
        case .compose: ComposeKeys.tables
        case .processCompose: ProcessComposeKeys.tables
        case .zinit: ZinitKeys.tables
        case .supervisord: SupervisordKeys.tables
        case .procfile: ProcfileKeys.tables
        }
    }
}

extension ImportState {
    /// Reports a key with the usual fate of its table.
    mutating func report(_ place: SourcePlace, _ key: String, of table: KeyTable) {
        if let rule = table[key] {
            report(place, rule.code, rule.text)
        } else {
            report(place, .unknownKey, "not written: `\(key)` is not a known key here")
        }
    }
}
