internal import HeroModel

/// What is said of references that have no value, with the caret at their `${`.
extension Interpolator {
    /// Says why a piece of a text has no value.
    mutating func reportUnresolved(_ problem: UnresolvedPiece, at node: YAMLNode, in scope: inout FileDecoder) {
        problemCount += 1
        switch problem {
        case .reportedElsewhere: break
        case .malformed(let mistake): reportInvalidReference(mistake, at: node, in: &scope)
        case .unknown(let reference):
            var message = "the variable `\(reference.name)` has no value"
            if case .failWithMessage(let text) = reference.fallback, !text.isEmpty {
                message += ": \(text.singleLine)"
            } else if problemCount <= Self.maxSuggestionSearches {
                message += Suggestion.didYouMean(reference.name, variables.names.filter { $0 != reference.name })
            }
            scope.report(
                .unresolvedVariable,
                message,
                help: definitionHelp(reference.name),
                at: span(of: reference.position, at: node, in: scope)
            )
        case .varInVars(let reference):
            scope.report(
                .variableInVars,
                "the variable `\(reference.name)` stands in `vars` itself: variables there cannot use each other",
                help: "write its value out, or give it another name and pass it with `--var` or the environment",
                at: span(of: reference.position, at: node, in: scope)
            )
        }
    }

    /// Searches for a similar name that are made for one file: each looks at all names.
    private static let maxSuggestionSearches = 20

    /// Where a piece is written; of mistakes that are not shown any more nobody looks for the exact place.
    private func span(of position: Template.PiecePosition, at node: YAMLNode, in scope: FileDecoder) -> Span {
        problemCount <= InputLimits.diagnostics ? scope.source.span(of: position, in: node.span) : node.span
    }

    private func definitionHelp(_ name: String) -> String {
        let places = "give it with `--var \(name)=...`, in `vars` of `kind: Settings`, or here as `${\(name):-default}`"
        if variables.passedNames.contains(name) { return "set it in the environment, or " + places }
        let names =
            variables.passedNames.isEmpty ? "no variable" : "only \(variables.passedNames.joined(separator: ", "))"
        return "\(places); of the environment \(names) may be used (`pass_env`)"
    }

    private func reportInvalidReference(
        _ mistake: Template.InvalidReference,
        at node: YAMLNode,
        in scope: inout FileDecoder
    ) {
        let message: String
        var help = "write `${NAME}`, `${NAME:-default}` or `${NAME:?message}`; a `$` that means itself is written `$$`"
        switch mistake.reason {
        case .unclosed: message = "the reference that begins with `${` is not closed by `}`"
        case .nested:
            message = "a reference cannot stand within another one: \(quoted(mistake.position.writtenText))"
            help = "give the default as plain text, or as a variable of its own in `vars` of `kind: Settings`"
        case .invalidName(let text):
            message =
                text.isEmpty ? "a reference names no variable: `${}`" : "\(quoted(text)) is no name of a variable"
            help = "a name has letters, digits and `_`, and does not begin with a digit; " + help
        case .unknownOperator(let name, let rest):
            message = "\(quoted(rest)) cannot follow the name of a variable"
            if let meant = Self.supportedOperator(rest) { help = "write `${\(name)\(meant)}`" }
        }
        let span = span(of: mistake.position, at: node, in: scope)
        scope.report(.malformedVariable, message, help: help, at: span)
    }

    /// What a shell's other operators are called here.
    private static func supportedOperator(_ rest: String) -> String? {
        guard let first = rest.first, first == "-" || first == "?" else { return nil }
        return rest.utf8.count <= 40 ? ":\(rest.singleLine)" : ":\(first)..."
    }

    /// Says that values have made a text, or all texts of a file, too long.
    func reportTooLong(_ text: String, _ node: YAMLNode, in scope: inout FileDecoder) {
        let isOne = text.utf8.count > InputLimits.scalarBytes
        scope.report(
            .textTooLong,
            isOne
                ? "with the values of its variables this text is longer than 64 KiB"
                : "the values of variables add more than 1 MiB to this file",
            help: "put it into a file of its own and name that file here",
            at: node.span
        )
    }
}

extension String {
    /// The text with a blank for each control character, and no longer than a line should be.
    fileprivate var singleLine: String {
        var result = ""
        for scalar in unicodeScalars.prefix(200) {
            let isControl = scalar.value < 32 || (127..<160).contains(scalar.value)
            result.unicodeScalars.append(isControl ? " " : scalar)
        }
        return result
    }
}

extension SourceFile {
    /// Where a piece of a scalar is written.
    ///
    /// Escapes and folding make the text of a scalar differ from its source, so its `$` are counted there, and what is found is
    /// compared; where it cannot be found, it is the scalar itself.
    func span(of position: Template.PiecePosition, in scalar: Span) -> Span {
        var rest = position.dollarIndex
        var number = scalar.line
        var column = scalar.column
        let isOneLine = scalar.length > 0
        let written = position.writtenText.unicodeScalars.prefix { $0 != "\n" }
        while let text = line(Int(number)) {
            let all = Array(text.unicodeScalars)
            var index = Int(column) - 1
            let isBlock =
                !isOneLine && number == scalar.line && index < all.count && (all[index] == "|" || all[index] == ">")
            // What stands behind `|` is a comment.
            while !isBlock, index < all.count {
                if all[index] == "$" {
                    if rest == 0 {
                        guard all[index...].starts(with: written) else { return scalar }
                        return Span(
                            line: number,
                            column: Int32(clamping: index + 1),
                            length: Int32(clamping: max(1, written.count))
                        )
                    }
                    rest -= 1
                }
                index += 1
            }
            if isOneLine { break }
            number &+= 1
            column = 1
        }
        return scalar
    }
}
