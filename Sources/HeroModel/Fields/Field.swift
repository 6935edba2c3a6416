/// What changing a field's value asks of a running service.
public enum CostOfChange: Int, Hashable, Comparable, Sendable, Codable, CaseIterable {
    /// Nothing: only words changed.
    case none
    /// It takes effect while everything runs on.
    case inPlace
    /// The service must be stopped and started.
    case restart

    /// Cheaper or dearer.
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

extension CostOfChange: CustomStringConvertible {
    /// The words of plans and reference pages.
    public var description: String {
        switch self {
        case .none: "none"
        case .inPlace: "in place"
        case .restart: "restart"
        }
    }
}

/// One key of a manifest kind: its name, what it means, its default, and what changing it costs.
///
/// Diffs, their costs and the reference pages are derived from tables of these, so that no field can be forgotten.
public struct Field<Spec>: Sendable {
    /// A field's value in canonical form: equal values are equal texts.
    public enum Value: Hashable, Sendable {
        /// The default.
        case byDefault
        /// One text.
        case text(String)
        /// One text per name; each is a field of its own, `key.name`.
        case map([String: String])
    }

    /// Its key, form, default and meaning.
    public let property: Property
    /// What changing it costs.
    public let cost: CostOfChange
    /// The value of a subject, canonical.
    public let value: @Sendable (Spec) -> Value

    /// Describes a field.
    public init(
        _ key: String,
        _ form: ValueSchema,
        default defaultValue: DefaultValue = .none,
        cost: CostOfChange,
        _ summary: String,
        value: @escaping @Sendable (Spec) -> Value
    ) {
        property = Property(key, form, default: defaultValue, summary)
        self.cost = cost
        self.value = value
    }

    /// The key as manifests write it.
    public var key: String { property.key }
    /// The type in the words of the contract, such as `duration`.
    public var type: String { property.valueSchema.typeName }
    /// The default in the words of a manifest; empty where there is none.
    public var defaultText: String { property.defaultValue.text }
}

extension Field.Value {
    /// The default, or a text.
    static func textUnless(_ isDefault: Bool, _ text: @autoclosure () -> String) -> Self {
        isDefault ? .byDefault : .text(text())
    }

    /// The default when empty, or the items with a blank between; quoted where that could be misread.
    static func list(_ items: [String]) -> Self {
        items.isEmpty ? .byDefault : .text(Canonical.list(items))
    }
}
