/// The name of a service or an action within its context, written `context/name`.
public struct QualifiedName: Hashable, Sendable, Codable {
    /// The context of a name without a context.
    public static let defaultContext = "core"

    /// The tenancy unit; names are unique within it.
    public var context: String
    /// The name within the context.
    public var name: String

    /// Makes a name from its two parts.
    public init(_ name: String, context: String = Self.defaultContext) {
        self.context = context
        self.name = name
    }

    /// Parses `name` (in the given context) or `context/name`.
    ///
    /// - Returns: nil if a part is not a valid name (contract section 3).
    public init?(reference: String, in context: String) {
        guard reference.utf8.contains(UInt8(ascii: "/")) else {
            guard Self.isValid(reference), Self.isValid(context) else { return nil }
            self.init(reference, context: context)
            return
        }
        let parts = reference.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        self.init(String(parts[1]), context: String(parts[0]))
        guard Self.isValid(self.name), Self.isValid(self.context) else { return nil }
    }

    /// Whether the text is a valid name: `[a-z0-9][a-z0-9_-]{0,62}`.
    public static func isValid(_ text: String) -> Bool {
        let bytes = text.utf8
        guard (1...63).contains(bytes.count), let first = bytes.first else { return false }
        guard isLetterOrDigit(first) else { return false }
        return bytes.allSatisfy { isLetterOrDigit($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-") }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}

extension QualifiedName: CustomStringConvertible {
    /// `context/name`.
    public var description: String { "\(context)/\(name)" }
}

extension QualifiedName: Comparable {
    /// Orders by context, then by name.
    public static func < (left: Self, right: Self) -> Bool {
        left.context == right.context ? left.name < right.name : left.context < right.context
    }
}
