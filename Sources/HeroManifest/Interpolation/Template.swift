/// A text with references to variables, split into pieces; no values are looked up.
///
/// `${NAME}`, `${NAME:-default}` and `${NAME:?message}` refer to a variable. `$$` is a literal `$`, and so is every
/// other `$`.
struct Template {
    /// One piece of a text.
    enum Piece: Hashable {
        /// Literal text.
        case text(String)
        /// A reference to a variable.
        case reference(Reference)
        /// A text that begins like a reference but is not a valid one.
        case invalidReference(InvalidReference)
    }

    /// A reference to a variable.
    struct Reference: Hashable {
        /// The name of the variable.
        var name: String
        /// The fallback if the variable has no value, or an empty one.
        var fallback: Fallback
        /// The position.
        var position: PiecePosition
    }

    /// The fallback for a variable without a value.
    enum Fallback: Hashable {
        /// `${NAME}`: a value is required; it can be empty.
        case fail
        /// `${NAME:-default}`: the default is used if there is no value or an empty one.
        case useDefault(String)
        /// `${NAME:?message}`: a value that is not empty is required; the message is reported otherwise.
        case failWithMessage(String)
    }

    /// A text that begins like a reference but is not a valid one.
    struct InvalidReference: Hashable {
        /// The reason.
        enum Reason: Hashable {
            /// `}` is missing.
            case unclosed
            /// It contains another reference.
            case nested
            /// `${` is not followed by a valid name.
            case invalidName(String)
            /// The name is not followed by `}`, `:-` or `:?`.
            case unknownOperator(name: String, rest: String)
        }

        /// The reason why it is invalid.
        var reason: Reason
        /// The position.
        var position: PiecePosition
    }

    /// The position of a piece, in a form that can be found in the source of the text.
    struct PiecePosition: Hashable {
        /// The number of `$` before the `$` of the piece.
        var dollarIndex: Int
        /// The text of the piece.
        var writtenText: String
    }

    /// The pieces, in order.
    private(set) var pieces: [Piece] = []

    private let bytes: [UInt8]
    private var index = 0
    private var dollars = 0
    private var literal: [UInt8] = []

    private static let dollar = UInt8(ascii: "$")
    private static let open = UInt8(ascii: "{")
    private static let close = UInt8(ascii: "}")

    /// Splits a text into pieces.
    init(_ text: String) {
        bytes = Array(text.utf8)
        while index < bytes.count {
            guard bytes[index] == Self.dollar else {
                literal.append(bytes[index])
                index += 1
                continue
            }
            switch index + 1 < bytes.count ? bytes[index + 1] : 0 {
            case Self.dollar:
                literal.append(Self.dollar)
                dollars += 2
                index += 2
            case Self.open:
                parseReference()
            default:
                literal.append(Self.dollar)
                dollars += 1
                index += 1
            }
        }
        flushLiteral()
    }

    /// Whether `${NAME}` can refer to a name: letters, digits and `_`, not beginning with a digit.
    static func isName(_ text: some StringProtocol) -> Bool {
        guard let first = text.utf8.first, !(48...57).contains(first) else { return false }
        return text.utf8.allSatisfy(isNameByte)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == UInt8(ascii: "_")
    }

    private mutating func flushLiteral() {
        guard !literal.isEmpty else { return }
        pieces.append(.text(String(decoding: literal, as: UTF8.self)))
        literal.removeAll(keepingCapacity: true)
    }

    /// Parses a reference from `${` to the matching `}`.
    private mutating func parseReference() {
        flushLiteral()
        let start = index
        var depth = 1
        var isNested = false
        index += 2
        while index < bytes.count, depth > 0 {
            if bytes[index] == Self.close {
                depth -= 1
            } else if bytes[index] == Self.dollar, index + 1 < bytes.count {
                if bytes[index + 1] == Self.open {
                    depth += 1
                    isNested = true
                    index += 1
                } else if bytes[index + 1] == Self.dollar {
                    index += 1
                }
            }
            index += 1
        }
        let isClosed = depth == 0
        let position = PiecePosition(
            dollarIndex: dollars,
            writtenText: String(decoding: bytes[start..<index], as: UTF8.self)
        )
        dollars += bytes[start..<index].count { $0 == Self.dollar }
        let inner = bytes[start + 2..<(isClosed ? index - 1 : index)]
        if isNested {
            pieces.append(.invalidReference(InvalidReference(reason: .nested, position: position)))
        } else if !isClosed {
            pieces.append(.invalidReference(InvalidReference(reason: .unclosed, position: position)))
        } else {
            pieces.append(Self.reference(inner, position))
        }
    }

    private static func reference(_ inner: ArraySlice<UInt8>, _ position: PiecePosition) -> Piece {
        let nameBytes = inner.prefix(while: isNameByte)
        let name = String(decoding: nameBytes, as: UTF8.self)
        let rest = inner[nameBytes.endIndex...]
        guard isName(name) else {
            let text = String(decoding: inner, as: UTF8.self)
            return .invalidReference(InvalidReference(reason: .invalidName(text), position: position))
        }
        if rest.isEmpty { return .reference(Reference(name: name, fallback: .fail, position: position)) }
        let argument = unescaped(rest.dropFirst(2))
        switch (rest.first, rest.dropFirst().first) {
        case (UInt8(ascii: ":"), UInt8(ascii: "-")):
            return .reference(Reference(name: name, fallback: .useDefault(argument), position: position))
        case (UInt8(ascii: ":"), UInt8(ascii: "?")):
            return .reference(Reference(name: name, fallback: .failWithMessage(argument), position: position))
        default:
            let text = String(decoding: rest, as: UTF8.self)
            return .invalidReference(
                InvalidReference(reason: .unknownOperator(name: name, rest: text), position: position)
            )
        }
    }

    /// Returns the text with `$$` replaced by `$`.
    private static func unescaped(_ bytes: ArraySlice<UInt8>) -> String {
        var result: [UInt8] = []
        var wasDollar = false
        for byte in bytes {
            if byte == dollar, wasDollar {
                wasDollar = false
                continue
            }
            wasDollar = byte == dollar
            result.append(byte)
        }
        return String(decoding: result, as: UTF8.self)
    }
}
