/// The text of `env.NAME.expand`: `${NAME}` stands for a variable of the environment of a start, and `$$` for `$`.
///
/// A `$` that is followed by neither `{` nor `$` is itself.
public struct EnvironmentTemplate: Hashable, Sendable {
    /// A part of the text.
    public enum Piece: Hashable, Sendable {
        /// A text as it is.
        case text(String)
        /// The value of the variable with this name.
        case variable(String)
    }

    /// A reference that is not `${NAME}`.
    public struct SyntaxError: Error, Hashable {
        /// The reference as it is written.
        public var reference: String

        /// Makes an error.
        public init(reference: String) {
            self.reference = reference
        }
    }

    /// The parts in their order.
    public private(set) var pieces: [Piece] = []

    /// Splits a text into its parts.
    public init(_ text: String) throws(SyntaxError) {
        let bytes = Array(text.utf8)
        let (dollar, open, close) = (UInt8(ascii: "$"), UInt8(ascii: "{"), UInt8(ascii: "}"))
        var literal: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let next = index + 1 < bytes.count ? bytes[index + 1] : 0
            guard bytes[index] == dollar, next == dollar || next == open else {
                literal.append(bytes[index])
                index += 1
                continue
            }
            guard next == open else {
                literal.append(dollar)
                index += 2
                continue
            }
            let end = bytes[index...].firstIndex(of: close)
            let name = bytes[(index + 2)..<(end ?? bytes.count)]
            guard let end, Self.isName(name) else {
                let written = bytes[index..<(end.map { $0 + 1 } ?? bytes.count)]
                throw SyntaxError(reference: String(decoding: written, as: UTF8.self))
            }
            if !literal.isEmpty { pieces.append(.text(String(decoding: literal, as: UTF8.self))) }
            literal = []
            pieces.append(.variable(String(decoding: name, as: UTF8.self)))
            index = end + 1
        }
        if !literal.isEmpty { pieces.append(.text(String(decoding: literal, as: UTF8.self))) }
    }

    /// The names of the variables, each once, in their order.
    public var names: [String] {
        var seen: Set<String> = []
        return pieces.compactMap { piece in
            switch piece {
            case .text: nil
            case .variable(let name): seen.insert(name).inserted ? name : nil
            }
        }
    }

    private static func isName(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let first = bytes.first, !(48...57).contains(first) else { return false }
        return bytes.allSatisfy {
            (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == UInt8(ascii: "_")
        }
    }
}
