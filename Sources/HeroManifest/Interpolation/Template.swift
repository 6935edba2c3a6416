/// A text with references to variables, cut into its pieces; nothing is looked up.
///
/// `${NAME}`, `${NAME:-default}` and `${NAME:?message}` refer to a variable, `$$` stands for `$`, and every other `$` for itself.
struct Template {
    /// One piece of a text.
    enum Piece: Hashable {
        /// Stands for itself.
        case text(String)
        /// A reference to a variable.
        case reference(Reference)
        /// Something that begins like a reference and is none.
        case invalidReference(InvalidReference)
    }

    /// A reference to a variable.
    struct Reference: Hashable {
        /// The variable.
        var name: String
        /// What to do where it has no value, or an empty one.
        var fallback: Fallback
        /// Where it stands.
        var position: PiecePosition
    }

    /// What to do where a variable has no value.
    enum Fallback: Hashable {
        /// `${NAME}`: nothing will do but a value, which may be empty.
        case fail
        /// `${NAME:-default}`: take this text, also instead of an empty one.
        case useDefault(String)
        /// `${NAME:?message}`: say this; an empty value will not do either.
        case failWithMessage(String)
    }

    /// Something that begins like a reference and is none.
    struct InvalidReference: Hashable {
        /// What is wrong with it.
        enum Reason: Hashable {
            /// There is no `}`.
            case unclosed
            /// Another reference stands in it.
            case nested
            /// What follows `${` is no name.
            case invalidName(String)
            /// What follows the name is neither `}`, `:-` nor `:?`.
            case unknownOperator(name: String, rest: String)
        }

        /// What is wrong.
        var reason: Reason
        /// Where it stands.
        var position: PiecePosition
    }

    /// Where a piece stands, in a way that can be found again in the source of the text.
    struct PiecePosition: Hashable {
        /// How many `$` stand before its own.
        var dollarIndex: Int
        /// The piece as it is written.
        var writtenText: String
    }

    /// The pieces in their order.
    private(set) var pieces: [Piece] = []

    private let bytes: [UInt8]
    private var index = 0
    private var dollars = 0
    private var literal: [UInt8] = []

    private static let dollar = UInt8(ascii: "$")
    private static let open = UInt8(ascii: "{")
    private static let close = UInt8(ascii: "}")

    /// Cuts a text.
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

    /// Whether a name is one that `${NAME}` can refer to: letters, digits and `_`, not beginning with a digit.
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

    /// Takes what begins with `${`, up to the `}` that ends it.
    private mutating func parseReference() {
        flushLiteral()
        let begin = index
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
            writtenText: String(decoding: bytes[begin..<index], as: UTF8.self)
        )
        dollars += bytes[begin..<index].count { $0 == Self.dollar }
        let inner = bytes[begin + 2..<(isClosed ? index - 1 : index)]
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
        let word = unescaped(rest.dropFirst(2))
        switch (rest.first, rest.dropFirst().first) {
        case (UInt8(ascii: ":"), UInt8(ascii: "-")):
            return .reference(Reference(name: name, fallback: .useDefault(word), position: position))
        case (UInt8(ascii: ":"), UInt8(ascii: "?")):
            return .reference(Reference(name: name, fallback: .failWithMessage(word), position: position))
        default:
            let text = String(decoding: rest, as: UTF8.self)
            return .invalidReference(
                InvalidReference(reason: .unknownOperator(name: name, rest: text), position: position)
            )
        }
    }

    /// The text with `$$` as `$`.
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
