/// A text that is equal to another one only if both have the same bytes.
///
/// `String` treats texts as equal that differ in their Unicode normalisation. The kernel, databases and other programs
/// compare bytes, so paths, labels and other texts of users are compared by this type.
public struct ByteText: Hashable, Sendable {
    /// The text.
    public let text: String

    /// Wraps a text.
    public init(_ text: String) {
        self.text = text
    }

    /// Whether both texts have the same bytes.
    public static func == (left: Self, right: Self) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }

    /// Hashes the bytes.
    public func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        // The end of the text, which no UTF-8 text contains.
        hasher.combine(UInt8(0xFF))
    }
}

extension ByteText: ExpressibleByStringLiteral {
    /// Wraps a literal.
    public init(stringLiteral value: String) {
        text = value
    }
}
