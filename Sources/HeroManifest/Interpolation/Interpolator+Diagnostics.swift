internal import HeroModel

/// Reports references that have no value, with the caret at `${`.
extension Interpolator {
    /// Reports an unresolved piece of a string.
    mutating func reportUnresolved(_ problem: UnresolvedPiece, at node: YAMLNode, in decoder: inout FileDecoder) {
        problemCount += 1
        switch problem {
        case .reportedElsewhere: break
        case .malformed(let reference): reportInvalidReference(reference, at: node, in: &decoder)
        case .unknown(let reference):
            var message = "the variable `\(reference.name)` has no value"
            if case .failWithMessage(let text) = reference.fallback, !text.isEmpty {
                message += ": \(text.singleLine)"
            } else if problemCount <= Self.maxSuggestionSearches {
                message += Suggestion.didYouMean(reference.name, variables.names.filter { $0 != reference.name })
            }
            decoder.report(
                .unresolvedVariable,
                message,
                help: definitionHelp(reference.name),
                at: span(of: reference.position, at: node, in: decoder)
            )
        case .varInVars(let reference):
            decoder.report(
                .variableInVars,
                "a value in `vars` cannot use the variable `\(reference.name)`, which is declared in `vars` too",
                help: "write its value here, or rename the variable and pass it with `--var` or in the environment",
                at: span(of: reference.position, at: node, in: decoder)
            )
        }
    }

    /// Warns that a value that is stored and shown is probably a secret.
    func reportSecret(_ reference: Template.Reference, at node: YAMLNode, in decoder: inout FileDecoder) {
        decoder.report(
            .secretVariable,
            "the value of `\(reference.name)` is stored and shown, and its name looks like that of a secret",
            help: "write `env: {\(reference.name): {from_file: path}}`, and use it inside a text with `expand`",
            at: span(of: reference.position, at: node, in: decoder),
            severity: .warning
        )
    }

    /// Warns that a default hides a variable of the environment.
    func reportUnlisted(_ reference: Template.Reference, at node: YAMLNode, in decoder: inout FileDecoder) {
        decoder.report(
            .unlistedVariable,
            "the default of `\(reference.name)` is used, although the environment has this variable",
            help: "add `\(reference.name)` to `pass_env` of `kind: Settings`, or set it with `--var`",
            at: span(of: reference.position, at: node, in: decoder),
            severity: .warning
        )
    }

    /// The maximum number of searches for a similar name per file, because each one compares all names.
    private static let maxSuggestionSearches = 20

    /// Returns the span of a piece; after the limit of diagnostics, the span of the whole string, which is faster.
    private func span(of position: Template.PiecePosition, at node: YAMLNode, in decoder: FileDecoder) -> Span {
        problemCount <= InputLimits.diagnostics ? decoder.source.span(of: position, in: node.span) : node.span
    }

    private func definitionHelp(_ name: String) -> String {
        let ways =
            "with `--var \(name)=...` or in `vars` of `kind: Settings`, or write a default: `${\(name):-default}`"
        if variables.passedNames.contains(name) { return "set it in the environment, " + ways }
        let names =
            variables.passedNames.isEmpty ? "no variable" : "only \(variables.passedNames.joined(separator: ", "))"
        return "set it \(ways); `pass_env` allows \(names) from the environment"
    }

    private func reportInvalidReference(
        _ reference: Template.InvalidReference,
        at node: YAMLNode,
        in decoder: inout FileDecoder
    ) {
        let message: String
        var help = "write `${NAME}`, `${NAME:-default}` or `${NAME:?message}`; write a literal `$` as `$$`"
        switch reference.reason {
        case .unclosed: message = "the reference that begins with `${` is not closed with `}`"
        case .nested:
            message = "a reference cannot contain another reference: \(quoted(reference.position.writtenText))"
            help = "write the default as plain text, or declare it as a variable in `vars` of `kind: Settings`"
        case .invalidName(let text):
            message =
                text.isEmpty ? "a reference has no variable name: `${}`" : "\(quoted(text)) is not a variable name"
            help = "use letters, digits and `_`, and do not begin with a digit; " + help
        case .unknownOperator(let name, let rest):
            message = "\(quoted(rest)) is not allowed after a variable name"
            if let supported = Self.supportedOperator(rest) { help = "write `${\(name)\(supported)}`" }
        }
        let span = span(of: reference.position, at: node, in: decoder)
        decoder.report(.malformedVariable, message, help: help, at: span)
    }

    /// Returns the supported form of an operator that only shells support.
    private static func supportedOperator(_ rest: String) -> String? {
        guard let first = rest.first, first == "-" || first == "?" else { return nil }
        return rest.utf8.count <= 40 ? ":\(rest.singleLine)" : ":\(first)..."
    }

    /// Reports that values make a string, or all strings of a file, too long.
    func reportTooLong(_ text: String, _ node: YAMLNode, in decoder: inout FileDecoder) {
        let isSingleString = text.utf8.count > InputLimits.scalarBytes
        decoder.report(
            .textTooLong,
            isSingleString
                ? "with the values of its variables, this string is longer than 64 KiB"
                : "the values of variables add more than 1 MiB to this file",
            help: "move it to a separate file and write the path of that file here",
            at: node.span
        )
    }
}

extension String {
    /// The first 200 characters, with a space for each control character.
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
    /// Returns the span of a piece of a scalar; the span of the scalar if the piece cannot be found.
    ///
    /// Escapes and folding make the text of a scalar differ from its source. The piece is found by counting the `$` in
    /// the source and comparing the text at that point.
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
            // The text after `|` is a comment.
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
