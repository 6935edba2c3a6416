/// What a change of a field means for a running service.
public enum CostOfChange: Int, Hashable, Comparable, Sendable, Codable, CaseIterable {
    /// Nothing: only descriptive text changed.
    case none
    /// The change takes effect without a restart.
    case inPlace
    /// The change takes effect when the program is started the next time; nothing is restarted for it.
    case nextStart
    /// The program reads its files again while it keeps running; without a `reload` the service is restarted.
    case reload
    /// The service must be restarted.
    case restart

    /// Orders by cost.
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

extension CostOfChange: CustomStringConvertible {
    /// The name in plans and reference pages.
    public var description: String {
        switch self {
        case .none: "none"
        case .inPlace: "in place"
        case .nextStart: "next start"
        case .reload: "reload"
        case .restart: "restart"
        }
    }

    /// The name in JSON.
    public var jsonName: String {
        switch self {
        case .none, .inPlace, .reload, .restart: description
        case .nextStart: "next_start"
        }
    }
}

/// One key of a manifest kind: its name, meaning, default value and cost of change.
///
/// Diffs, costs and the reference pages are derived from tables of fields, so that no field can be forgotten.
public struct Field<Spec>: Sendable {
    /// The value of a field in canonical form: equal values have equal texts.
    public enum Value: Hashable, Sendable {
        /// The default value.
        case byDefault
        /// One text.
        case text(String)
        /// One text per name; each of them is compared as a separate field, `key.name`.
        case map([String: String])
    }

    /// The key with its schema, default and meaning.
    public let property: Property
    /// The cost of a change.
    public let cost: CostOfChange
    /// The costs of nested keys that differ from the cost of the field.
    public let partCosts: [String: CostOfChange]
    /// Reads the canonical value of the field from a spec.
    public let value: @Sendable (Spec) -> Value

    /// Describes a field.
    public init(
        _ key: String,
        _ form: ValueSchema,
        default defaultValue: DefaultValue = .none,
        cost: CostOfChange,
        parts partCosts: [String: CostOfChange] = [:],
        _ summary: String,
        value: @escaping @Sendable (Spec) -> Value
    ) {
        property = Property(key, form, default: defaultValue, summary)
        self.cost = cost
        self.partCosts = partCosts
        self.value = value
    }

    /// The cost of a change of a nested key; nil means the whole field.
    public func cost(ofPart part: String?) -> CostOfChange { part.flatMap { partCosts[$0] } ?? cost }

    /// The key in a manifest.
    public var key: String { property.key }
    /// The name of the type, such as `duration`.
    public var type: String { property.valueSchema.typeName }
    /// The default as written in a manifest; empty if there is none.
    public var defaultText: String { property.defaultValue.text }
}

extension Field.Value {
    /// The default, or a text if the value is not the default.
    static func textUnless(_ isDefault: Bool, _ text: @autoclosure () -> String) -> Self {
        isDefault ? .byDefault : .text(text())
    }

    /// The default if the list is empty, otherwise the items separated by spaces, quoted if necessary.
    static func list(_ items: [String]) -> Self {
        items.isEmpty ? .byDefault : .text(Canonical.list(items))
    }
}
