internal import HeroManifest

/// A text of the source in which variables are kept.
struct ImportedText: Hashable {
    /// One piece of the text.
    enum Piece: Hashable {
        /// Text without variables.
        case literal(String)
        /// A variable, with the text that is used if it has no value.
        case variable(String, fallback: String?)
    }

    /// The pieces in order.
    private(set) var pieces: [Piece] = []

    /// Creates a text without variables.
    init(_ literal: String) {
        if !literal.isEmpty { pieces = [.literal(literal)] }
    }

    /// Creates an empty text.
    init() {}

    /// Adds a text without variables.
    mutating func append(_ literal: some StringProtocol) {
        guard !literal.isEmpty else { return }
        if case .literal(let text)? = pieces.last {
            pieces[pieces.count - 1] = .literal(text + literal)
        } else {
            pieces.append(.literal(String(literal)))
        }
    }

    /// Adds a variable.
    mutating func append(variable name: String, fallback: String? = nil) {
        pieces.append(.variable(name, fallback: fallback))
    }

    /// The names of the variables that have no fallback.
    var unsetVariables: [String] {
        pieces.compactMap { if case .variable(let name, fallback: nil) = $0 { name } else { nil } }
    }

    /// The names of all variables.
    var variables: [String] {
        pieces.compactMap { if case .variable(let name, fallback: _) = $0 { name } else { nil } }
    }

    /// The text if it contains no variable.
    var literal: String? {
        if pieces.isEmpty { return "" }
        if pieces.count == 1, case .literal(let text) = pieces[0] { return text }
        return nil
    }

    /// The text with the fallbacks of its variables; nil if one has no fallback.
    var resolved: String? {
        var result = ""
        for piece in pieces {
            switch piece {
            case .literal(let text): result += text
            case .variable(_, fallback: let fallback?): result += fallback
            case .variable: return nil
            }
        }
        return result
    }

    /// The text in the notation of manifests: `${NAME}`, and `$$` for a `$`.
    var manifestText: String {
        var result = ""
        for (index, piece) in pieces.enumerated() {
            switch piece {
            case .literal(let text):
                result += Self.escaped(text, isFollowedByVariable: index + 1 < pieces.count)
            case .variable(let name, fallback: nil): result += "${\(name)}"
            case .variable(let name, fallback: let fallback?):
                result += "${\(name):-\(fallback.replacing("$", with: "$$"))}"
            }
        }
        return result
    }

    /// The text with `${NAME}` for a shell.
    var shellText: String {
        pieces.map { piece in
            switch piece {
            case .literal(let text): text
            case .variable(let name, fallback: nil): "${\(name)}"
            case .variable(let name, fallback: let fallback?): "${\(name):-\(fallback)}"
            }
        }.joined()
    }

    /// Doubles every `$` that would begin a variable here or look like one of another tool.
    private static func escaped(_ text: String, isFollowedByVariable: Bool) -> String {
        guard text.utf8.contains(UInt8(ascii: "$")) else { return text }
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        for (index, byte) in bytes.enumerated() {
            result.append(byte)
            guard byte == UInt8(ascii: "$") else { continue }
            let next = index + 1 < bytes.count ? bytes[index + 1] : nil
            let needsEscape =
                switch next {
                case nil: isFollowedByVariable
                case UInt8(ascii: "$"), UInt8(ascii: "{"), UInt8(ascii: "_"): true
                case (65...90)?, (97...122)?: true
                default: false
                }
            if needsEscape { result.append(byte) }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Returns the text with every literal piece changed.
    func mapLiterals(_ change: (String) -> String) -> ImportedText {
        var result = ImportedText()
        for piece in pieces {
            switch piece {
            case .literal(let text): result.append(change(text))
            case .variable(let name, let fallback): result.append(variable: name, fallback: fallback.map(change))
            }
        }
        return result
    }
}

extension ImportedText: ExpressibleByStringLiteral {
    init(stringLiteral text: String) { self.init(text) }
}
