internal import HeroModel

/// Texts that an author can put in place of a wrong value; each has the same meaning as the value.
enum Proposal {
    /// The longest proposal in bytes; a longer one does not help a reader.
    private static let maxBytes = 200

    /// Returns a text as a YAML scalar, for places where a number or `true` keeps its spelling.
    static func scalar(_ text: some StringProtocol) -> String {
        let isPlain =
            !text.isEmpty && !["~", "null", "Null", "NULL"].contains(text) && text.utf8.allSatisfy(isPlainByte)
            && text.utf8.first != UInt8(ascii: "-") && text.utf8.first != UInt8(ascii: "=")
        return isPlain ? String(text) : quotedScalar(text)
    }

    /// Returns a text as a YAML scalar in double quotes.
    static func quotedScalar(_ text: some StringProtocol) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return "\"\(result)\""
    }

    private static func isPlainByte(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
            || "_./+=-".utf8.contains(byte)
    }

    /// Returns a command that is written as one text as a list of words, or as a text for a shell.
    ///
    /// The key is `exec`, or the path of the key of a probe.
    static func command(_ text: String, _ key: String) -> String? {
        guard text.utf8.allSatisfy({ ($0 >= 32 && $0 != 127) || $0 == 10 || $0 == 9 }) else { return nil }
        let result: String
        if let words = shellWords(text), !words.isEmpty {
            result = "\(lastComponent(key)): [\(words.map { scalar($0) }.joined(separator: ", "))]"
        } else if key == "exec" {
            // The body of a script is not interpolated, so a `$` of it belongs to the shell.
            result = "script: \(quotedScalar(text))"
        } else {
            result = "\(lastComponent(key)): [sh, -c, \(quotedScalar(doubledDollars(text)))]"
        }
        return result.utf8.count <= maxBytes ? result : nil
    }

    /// Returns the text with `$$` for each `$`, so that the interpolation of the manifest leaves it unchanged.
    private static func doubledDollars(_ text: String) -> String {
        text.split(separator: "$", omittingEmptySubsequences: false).joined(separator: "$$")
    }

    /// Splits a command into words as a shell does; nil if it needs a shell or has an open quote.
    static func shellWords(_ text: String) -> [String]? {
        var words: [String] = []
        var word: [UInt8]?
        var quote: UInt8?
        for byte in text.utf8 {
            if let open = quote {
                if byte == open {
                    quote = nil
                } else if open == UInt8(ascii: "\""), "$`\\".utf8.contains(byte) {
                    return nil
                } else {
                    word = (word ?? []) + CollectionOfOne(byte)
                }
                continue
            }
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\t"):
                if let complete = word { words.append(String(decoding: complete, as: UTF8.self)) }
                word = nil
            case UInt8(ascii: "'"), UInt8(ascii: "\""):
                quote = byte
                word = word ?? []
            case UInt8(ascii: "="):
                // `NAME=value program` sets a variable in a shell.
                if words.isEmpty { return nil }
                word = (word ?? []) + CollectionOfOne(byte)
            case _ where "|&;<>()$`\\*?[]#~!{}\n".utf8.contains(byte): return nil
            default: word = (word ?? []) + CollectionOfOne(byte)
            }
        }
        guard quote == nil else { return nil }
        if let complete = word { words.append(String(decoding: complete, as: UTF8.self)) }
        return words
    }

    /// Returns a single value, or values with commas between them, as a list.
    static func list(_ text: String, _ key: String) -> String? {
        // A bool is no name: the author meant another key.
        guard boolean(text) == nil, text.utf8.allSatisfy({ $0 >= 32 && $0 != 127 }) else { return nil }
        let items = text.split { $0 == "," || $0 == " " }
        guard !items.isEmpty else { return nil }
        let result = "\(lastComponent(key)): [\(items.map { scalar($0) }.joined(separator: ", "))]"
        return result.utf8.count <= maxBytes ? result : nil
    }

    /// Returns `NAME=VALUE` texts as a map.
    static func map(_ node: YAMLNode, _ key: String) -> String? {
        let texts: [String]
        switch node.content {
        case .scalar(let text, plain: _): texts = [text]
        case .sequence(let items):
            texts = items.compactMap { if case .scalar(let text, plain: _) = $0.content { text } else { nil } }
            guard texts.count == items.count else { return nil }
        case .mapping, .invalid: return nil
        }
        var entries: [String] = []
        for text in texts {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, Template.isName(parts[0]), text.utf8.allSatisfy({ $0 >= 32 && $0 != 127 }) else {
                return nil
            }
            entries.append("\(parts[0]): \(scalar(parts[1]))")
        }
        let result = "\(lastComponent(key)): {\(entries.joined(separator: ", "))}"
        return entries.isEmpty || result.utf8.count > maxBytes ? nil : result
    }

    /// Returns the boolean that a word of another tool means.
    static func boolean(_ text: String) -> String? {
        switch text.lowercased() {
        case "true", "yes", "on", "y", "1": "true"
        case "false", "no", "off", "n", "0": "false"
        default: nil
        }
    }

    /// Returns the decimal integer that another spelling means, if it is within the range.
    static func integer(_ text: String, in range: ClosedRange<Int>) -> String? {
        var plain = text.split(separator: "_").joined()
        if plain.hasPrefix("+") { plain.removeFirst() }
        let number: Int?
        if plain.lowercased().hasPrefix("0x") {
            number = Int(plain.dropFirst(2), radix: 16)
        } else if let decimal = Scalars.decimal(plain) {
            number = decimal
        } else {
            number = Scalars.number(plain).flatMap { Int(exactly: $0) }
        }
        guard let number, range.contains(number) else { return nil }
        return String(number)
    }

    /// Returns the duration that a spelling of other tools means: `1h30m`, `5 min`, `@every 5m`, `1.5h`, `PT5M`.
    static func duration(_ text: String, in range: ClosedRange<Duration>) -> String? {
        var rest = text.lowercased()[...]
        if rest.hasPrefix("@every ") { rest = rest.dropFirst(7) }
        if rest.hasPrefix("pt") { rest = rest.dropFirst(2) }
        guard rest.utf8.count <= 40 else { return nil }
        var total = 0.0
        var hasPart = false
        while true {
            rest = rest.drop { $0 == " " }
            guard !rest.isEmpty else { break }
            let digits = rest.prefix { ("0"..."9").contains($0) || $0 == "." }
            guard let value = Scalars.number(String(digits)) else { return nil }
            rest = rest.dropFirst(digits.count).drop { $0 == " " }
            let unit = rest.prefix { ("a"..."z").contains($0) }
            guard let milliseconds = milliseconds(of: unit) else { return nil }
            rest = rest.dropFirst(unit.count)
            total += value * milliseconds
            hasPart = true
        }
        guard hasPart, let exact = Int64(exactly: total), exact <= Scalars.maxDurationMilliseconds else { return nil }
        let duration = Duration.milliseconds(exact)
        return range.contains(duration) ? Canonical.duration(duration) : nil
    }

    private static func milliseconds(of unit: Substring) -> Double? {
        switch unit {
        case "ms", "msec", "msecs", "millisecond", "milliseconds": 1
        case "s", "sec", "secs", "second", "seconds": 1000
        case "m", "min", "mins", "minute", "minutes": 60_000
        case "h", "hr", "hrs", "hour", "hours": 3_600_000
        case "d", "day", "days": 86_400_000
        case "w", "week", "weeks": 604_800_000
        default: nil
        }
    }
}
